//! The database away, slow or full; clients that leave.
