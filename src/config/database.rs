//! Which databases there are, and what a connection to them is.

use super::Secret;
use super::reader::Reader;

/// What a connection to the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// A session, for as long as it is open.
    Session,
    /// A session of its own for each transaction and no longer: a PgBouncer in transaction mode stands between.
    Transaction,
}

impl PoolMode {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mode = reader.parsed("DATABASE_POOL_MODE", "be session or transaction", Self::Session, |text| match text {
            "session" => Some(Self::Session),
            "transaction" => Some(Self::Transaction),
            _ => None,
        });
        if mode == Self::Transaction && reader.secret("DATABASE_URL_DIRECT").is_none() {
            reader.fail("DATABASE_URL_DIRECT", "be set with DATABASE_POOL_MODE=transaction");
        }
        mode
    }
}

/// The databases to try, in order: internal, remote.
pub(super) fn urls(reader: &mut Reader<'_>) -> Vec<(&'static str, Secret)> {
    let names = ["DATABASE_URL_INTERNAL", "DATABASE_URL"];
    let urls: Vec<_> = names.into_iter().filter_map(|name| Some((name, reader.secret(name)?))).collect();
    if urls.is_empty() {
        reader.fail("DATABASE_URL or DATABASE_URL_INTERNAL", "be set");
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LEAST, config};
    use super::PoolMode;

    #[test]
    fn a_pooler_of_transactions_has_a_way_past_it() {
        let mode = ("DATABASE_POOL_MODE", "transaction");
        let missing = config(&[LEAST[0], LEAST[1], mode]).unwrap_err().0;
        assert_eq!(missing, ["DATABASE_URL_DIRECT must be set with DATABASE_POOL_MODE=transaction"]);
        let direct = ("DATABASE_URL_DIRECT", "postgres://h/d");
        assert_eq!(config(&[LEAST[0], LEAST[1], mode, direct]).unwrap().pool_mode, PoolMode::Transaction);
        assert_eq!(config(&LEAST).unwrap().pool_mode, PoolMode::Session);
        let odd = config(&[LEAST[0], LEAST[1], ("DATABASE_POOL_MODE", "statement")]).unwrap_err().0;
        assert_eq!(odd, ["DATABASE_POOL_MODE must be session or transaction"]);
    }
}
