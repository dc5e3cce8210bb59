//! Reads that go to PostgreSQL together: one statement answers all who ask the same thing on the same thread at the same time, as
//! a [`Crowd`]. Always holds: a statement begins after each of its questions was asked, so the database shows it whatever was
//! committed before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::pool::Db;
use super::statement::{Conn, Statement};
use crate::crowd::{Asks, Crowd};
use crate::error::{Error, Result};
use crate::threads;

/// What somebody gives for one parameter.
#[derive(Debug)]
pub struct Value(Box<dyn ToSql + Sync + Send>);

impl Value {
    /// This value.
    pub fn new(value: impl ToSql + Sync + Send + 'static) -> Self {
        Self(Box::new(value))
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
    }

    /// What is in it knows better, and checks.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Those who ask, by what they ask: for each thread of connections and, in the last place, for everywhere else.
pub(super) struct Gathered(Vec<Mutex<HashMap<&'static str, Arc<Askers>>>>);

/// Those who ask the same in the same place.
type Askers = Crowd<Vec<Value>, Vec<Row>>;

impl Asks for Vec<Value> {}

impl Gathered {
    /// Nobody, on so many threads and everywhere else.
    pub(super) fn new(threads: usize) -> Self {
        Self((0..=threads).map(|_| Mutex::default()).collect())
    }

    /// The rows for these values.
    ///
    /// # Errors
    /// Those of the statement, for everybody who is in it.
    pub(super) async fn rows(&self, db: &Db, statement: &'static Statement, values: Vec<Value>) -> Result<Vec<Row>> {
        let (turn, answered) = self.askers(statement)?.join(values);
        if let Some(turn) = turn {
            let db = db.clone();
            tokio::spawn(turn.serve(async move |values| together(&db, statement, values).await));
        }
        answered.get().await
    }

    fn askers(&self, statement: &'static Statement) -> Result<Arc<Askers>> {
        let place = threads::place().and_then(|place| self.0.get(place)).or(self.0.last());
        let askers = place.ok_or_else(|| Error::internal("nothing is gathered anywhere"))?;
        let mut askers = askers.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(askers.entry(statement.file).or_default()))
    }
}

/// Runs it for all of these values, and answers the rows for each of them.
pub(super) async fn together(
    conn: &impl Conn,
    statement: &'static Statement,
    values: Vec<Vec<Value>>,
) -> Result<Vec<Vec<Row>>> {
    let mut answers: Vec<Vec<Row>> = values.iter().map(|_| Vec::new()).collect();
    let mut params: Vec<Vec<Value>> = statement.params.iter().map(|_| Vec::with_capacity(values.len())).collect();
    for values in values {
        if values.len() != params.len() {
            return Err(Error::internal(format!("{} is asked with too few values or too many", statement.file)));
        }
        params.iter_mut().zip(values).for_each(|(param, value)| param.push(value));
    }
    let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
    for row in conn.rows(statement, &params).await? {
        let asked: i64 = row.try_get(statement.fields.len()).map_err(Error::internal)?;
        let answer = usize::try_from(asked - 1).ok().and_then(|asked| answers.get_mut(asked));
        answer.ok_or_else(|| Error::internal(format!("{} answers what nobody asked", statement.file)))?.push(row);
    }
    Ok(answers)
}
