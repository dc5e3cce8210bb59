//! Which database is used, against real servers.
