//! Exercises and the catalogue.
