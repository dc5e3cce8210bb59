//! Statements without a name, for a PgBouncer in transaction mode: what one transaction prepared, the next one need not find.
//!
//! Always holds: a statement, its values and its execution go out together, so they meet the same session; the types are those
//! of our functions' parameters, because asking for them would be a round trip of its own. A test prepares every statement so.

use futures_util::TryStreamExt;
use std::pin::pin;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

use super::statement::{Field, Statement};

/// The types that parameters are sent as: of those that a Rust type can be, the first.
const TYPES: [Type; 18] = [
    Type::BOOL,
    Type::INT4,
    Type::INT8,
    Type::FLOAT8,
    Type::TEXT,
    Type::UUID,
    Type::TIMESTAMPTZ,
    Type::DATE,
    Type::JSONB,
    Type::BYTEA,
    Type::INT4_ARRAY,
    Type::INT8_ARRAY,
    Type::FLOAT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::UUID_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
    Type::DATE_ARRAY,
    Type::BOOL_ARRAY,
];

/// The type that this parameter is sent as.
#[must_use]
pub fn sent_as(field: &Field) -> Type {
    TYPES.into_iter().find(|ty| (field.accepts)(ty)).unwrap_or(Type::UNKNOWN)
}

type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

fn typed<'a>(statement: &Statement, params: &[&'a (dyn ToSql + Sync)]) -> Vec<Typed<'a>> {
    params.iter().copied().zip(statement.params.iter().map(sent_as)).collect()
}

/// The rows that it answers.
///
/// # Errors
/// PostgreSQL's, or the network's.
pub async fn query(client: &Client, statement: &Statement, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
    client.query_typed(statement.text, &typed(statement, params)).await
}

/// How many rows it changed.
///
/// # Errors
/// PostgreSQL's, or the network's.
pub async fn execute(client: &Client, statement: &Statement, params: &[&(dyn ToSql + Sync)]) -> Result<u64, Error> {
    let mut rows = pin!(client.query_typed_raw(statement.text, typed(statement, params)).await?);
    while rows.try_next().await?.is_some() {}
    Ok(rows.rows_affected().unwrap_or(0))
}
