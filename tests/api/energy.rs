//! Energy, standards and ranks.
