//! Experience points and levels.
