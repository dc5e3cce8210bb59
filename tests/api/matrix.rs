//! Every route against everything that callers do wrong.
