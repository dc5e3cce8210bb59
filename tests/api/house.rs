//! The house itself: tables, statements, documents, directions.
