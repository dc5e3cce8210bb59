//! Accounts: registering, logging in, the profile.
