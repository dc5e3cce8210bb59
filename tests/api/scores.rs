//! Recording lifts, personal bests, deleting scores.
