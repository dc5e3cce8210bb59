//! SQL files as typed functions. `statements!` makes, of one line per file, an async fn and an entry in the list that a test
//! prepares against the migrated schema: parameter types, column names and types, nullability.
//!
//! ```text
//! row! { /// A lift.
//! pub struct ScoreRow { id: ScoreId, note: Option<String> } }
//! statements! {
//!     /// Newest first.
//!     shared fn list(user: UserId) -> many ScoreRow = "scores/list_by_user";
//! }
//! ```
//!
//! The first word is the lane ([`Lane`]) that the statement takes outside of a transaction. The kinds are `one` (exactly one
//! row), `opt` (none or one), `many`, and `exec` (the number of rows that changed). What is `gathered` is read by one caller like
//! anything else, whatever its file asks for others at the same time.

use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::gathered::Value;
use crate::error::{Error, Result};
use crate::time::{Day, Timestamp};

/// Which connections run a statement outside of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A few clients that all requests share and pipeline on: for reads that an index bounds to about a millisecond. A slow
    /// one would hold up everybody behind it.
    Shared,
    /// The same clients, and one statement for all who ask at the same time ([`super::gathered`]): for what nearly every request
    /// asks. Its parameters are arrays of what each of them gives; its last column, `asked`, says whom a row is for, from 1 on.
    Gathered,
    /// The replica's, while there is one that is near enough, else a connection of the pool: for reads that are everybody's and
    /// may be seconds old: boards, the list of exercises.
    Replicated,
    /// The same, and one statement for all who ask at the same time, as `Gathered`.
    GatheredReplicated,
    /// A connection of the pool: for everything else.
    Pooled,
}

/// A parameter or a column: its name, the types it takes, whether it can be null.
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether the Rust type fits this type of PostgreSQL.
    pub accepts: fn(&Type) -> bool,
    /// Whether the Rust type can hold null.
    pub nullable: bool,
}

/// One SQL file.
pub struct Statement {
    /// Its path below `sql/`, without `.sql`. Names it in logs and traces.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
    /// The lane it takes outside of a transaction.
    pub lane: Lane,
    /// Its parameters, in order.
    pub params: &'static [Field],
    /// Its columns, in order; empty for `exec`.
    pub fields: &'static [Field],
}

impl Lane {
    /// Whether those who ask at the same time are answered together.
    #[must_use]
    pub fn is_gathered(self) -> bool {
        matches!(self, Self::Gathered | Self::GatheredReplicated)
    }
}

impl Statement {
    /// Whether it changes no row, as its name says: what it locks is free again at once if there is no transaction.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        ["count_", "get_", "list_", "lock_"].iter().any(|verb| name.starts_with(verb))
    }
}

/// A type that can stand in a column.
pub trait Column: for<'a> FromSql<'a> {
    /// Whether it can hold null.
    const NULLABLE: bool = false;

    /// Whether the service can use the value.
    fn is_sound(&self) -> bool {
        true
    }

    /// The value as the service goes on with it.
    #[must_use]
    fn sound(self) -> Self {
        self
    }
}

macro_rules! columns { ($($t:ty),*) => { $(impl Column for $t {})* } }
columns!(bool, i32, i64, String, Uuid, Timestamp, Day, serde_json::Value, Vec<String>);

/// Old rows can hold NaN and infinities, for which neither arithmetic nor JSON has a use: they count as 0, or as
/// null where null is allowed.
impl Column for f64 {
    fn is_sound(&self) -> bool {
        self.is_finite()
    }

    fn sound(self) -> Self {
        if self.is_sound() { self } else { 0.0 }
    }
}

impl<T: Column> Column for Option<T> {
    const NULLABLE: bool = true;

    fn sound(self) -> Self {
        self.filter(T::is_sound)
    }
}

/// A row type that `row!` declared.
pub trait FromRow: Sized {
    /// Its columns, in order.
    const FIELDS: &'static [Field];

    /// The row; by position, which is safe because a test compares the names.
    ///
    /// # Errors
    /// `Internal` where a column does not hold what the type expects.
    fn from_row(row: &Row) -> Result<Self>;
}

/// What runs statements: the database, or one transaction on it.
pub trait Conn: Sync {
    /// Runs it and answers the rows.
    fn rows(
        &self,
        statement: &'static Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// Runs a gathered one, maybe together with others who ask the same, and answers the rows for these values.
    fn rows_gathered(
        &self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// Runs it and answers how many rows changed.
    fn execute(
        &self,
        statement: &'static Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<u64>> + Send;
}

/// Reads rows as `R`.
///
/// # Errors
/// As [`FromRow::from_row`].
pub fn decode<R: FromRow>(rows: &[Row]) -> Result<Vec<R>> {
    rows.iter().map(R::from_row).collect()
}

/// Reads the only row as `R`.
///
/// # Errors
/// `Internal` where there is none: the statement always answers one.
pub fn decode_one<R: FromRow>(rows: &[Row], file: &'static str) -> Result<R> {
    rows.first().map(R::from_row).unwrap_or_else(|| Err(Error::internal(format!("{file} answered no row"))))
}

/// One value of each of these rows: a parameter of a statement that takes them all.
pub fn column<'r, R, T>(rows: &'r [R], value: impl FnMut(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Declares a row: a struct whose fields are the columns, in order.
#[macro_export]
macro_rules! row { ($(#[$doc:meta])* $v:vis struct $name:ident { $($(#[$fdoc:meta])* $field:ident: $t:ty),* $(,)? }) => {
    $(#[$doc])*
    #[derive(Debug, Clone)]
    $v struct $name { $($(#[$fdoc])* pub $field: $t),* }
    $crate::row_columns!($name { $($field: $t),* });
} }

/// Declares a row that is answered as it is: `row!` and `output!` in one.
#[macro_export]
macro_rules! output_row { ($(#[doc = $doc:literal])* $v:vis struct $name:ident {
    $($(#[doc = $fdoc:literal])* $field:ident: $t:ty),* $(,)?
}) => {
    $crate::output! { $(#[doc = $doc])* $v struct $name { $($(#[doc = $fdoc])* $field: $t),* } }
    $crate::row_columns!($name { $($field: $t),* });
} }

/// Reads a row's fields from the columns.
#[macro_export]
#[doc(hidden)]
macro_rules! row_columns { ($name:ident { $($field:ident: $t:ty),* }) => {
    impl $crate::db::statement::FromRow for $name {
        const FIELDS: &'static [$crate::db::statement::Field] = &[$($crate::db::statement::Field {
            name: stringify!($field),
            accepts: <$t as tokio_postgres::types::FromSql<'static>>::accepts,
            nullable: <$t as $crate::db::statement::Column>::NULLABLE,
        }),*];
        fn from_row(row: &tokio_postgres::Row) -> $crate::error::Result<Self> {
            let mut columns = 0..;
            Ok(Self { $($field: row
                .try_get(columns.next().unwrap_or_default())
                .map(<$t as $crate::db::statement::Column>::sound)
                .map_err($crate::error::Error::internal)?),* })
        }
    }
} }

/// Declares the statements of a domain, one line per SQL file, and `STATEMENTS`, the list of them.
#[macro_export]
macro_rules! statements { ($(
    $(#[$doc:meta])* $lane:ident fn $name:ident($($param:ident: $t:ty),* $(,)?) -> $kind:ident $($row:ty)? = $file:literal;
)*) => {
    $(
        $(#[$doc])*
        pub async fn $name(db: &impl $crate::db::statement::Conn $(, $param: $t)*)
            -> $crate::error::Result<$crate::statement_result!($kind $($row)?)>
        {
            let rows = $crate::statement_rows!($lane $kind, db, &meta::$name, $($param),*);
            $crate::statement_decoded!($kind, rows, $file)
        }
    )*
    #[expect(non_upper_case_globals, reason = "a statement is named after its function")]
    mod meta {
        #[allow(clippy::allow_attributes, unused_imports, reason = "not every domain needs every name of its parent")]
        use super::*;
        $(pub(super) const $name: $crate::db::statement::Statement = $crate::db::statement::Statement {
            file: $file,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $file, ".sql")),
            lane: $crate::statement_lane!($lane),
            params: &[$($crate::db::statement::Field {
                name: stringify!($param),
                accepts: $crate::statement_accepts!($lane $t),
                nullable: false,
            }),*],
            fields: $crate::statement_fields!($kind $($row)?),
        };)*
    }
    /// Every statement of this domain.
    pub const STATEMENTS: &[&$crate::db::statement::Statement] = &[$(&meta::$name),*];
} }

/// The result type of each kind of statement.
#[macro_export]
#[doc(hidden)]
macro_rules! statement_result {
    (one $row:ty) => { $row };
    (opt $row:ty) => { Option<$row> };
    (many $row:ty) => { Vec<$row> };
    (exec) => { u64 };
}

/// How the statements of each lane are run.
#[macro_export]
#[doc(hidden)]
macro_rules! statement_rows {
    (gathered $kind:ident, $db:expr, $meta:expr, $($param:ident),*) => {
        $db.rows_gathered($meta, vec![$($crate::db::gathered::Value::new($param)),*]).await?
    };
    (gathered_replicated $kind:ident, $db:expr, $meta:expr, $($param:ident),*) => {
        $crate::statement_rows!(gathered $kind, $db, $meta, $($param),*)
    };
    ($lane:ident exec, $db:expr, $meta:expr, $($param:ident),*) => {
        $db.execute($meta, &[$(&$param),*]).await?
    };
    ($lane:ident $kind:ident, $db:expr, $meta:expr, $($param:ident),*) => {
        $db.rows($meta, &[$(&$param),*]).await?
    };
}

/// What the statements of each kind answer, of what they were run to.
#[macro_export]
#[doc(hidden)]
macro_rules! statement_decoded {
    (one, $rows:expr, $file:literal) => {
        $crate::db::statement::decode_one(&$rows, $file)
    };
    (opt, $rows:expr, $file:literal) => {
        Ok($crate::db::statement::decode(&$rows)?.pop())
    };
    (many, $rows:expr, $file:literal) => {
        $crate::db::statement::decode(&$rows)
    };
    (exec, $rows:expr, $file:literal) => {
        Ok($rows)
    };
}

/// The types that a parameter takes: those of its values, or of arrays of them.
#[macro_export]
#[doc(hidden)]
macro_rules! statement_accepts {
    (gathered $t:ty) => {
        <Vec<$t> as tokio_postgres::types::ToSql>::accepts
    };
    (gathered_replicated $t:ty) => {
        $crate::statement_accepts!(gathered $t)
    };
    ($lane:ident $t:ty) => {
        <$t as tokio_postgres::types::ToSql>::accepts
    };
}

/// The columns of each kind of statement.
#[macro_export]
#[doc(hidden)]
macro_rules! statement_fields {
    (exec) => {
        &[]
    };
    ($kind:ident $row:ty) => {
        <$row as $crate::db::statement::FromRow>::FIELDS
    };
}

/// The lane's word as a value.
#[macro_export]
#[doc(hidden)]
macro_rules! statement_lane {
    (shared) => {
        $crate::db::statement::Lane::Shared
    };
    (gathered) => {
        $crate::db::statement::Lane::Gathered
    };
    (gathered_replicated) => {
        $crate::db::statement::Lane::GatheredReplicated
    };
    (replicated) => {
        $crate::db::statement::Lane::Replicated
    };
    (pooled) => {
        $crate::db::statement::Lane::Pooled
    };
}
