//! The live schema adopted in place.
