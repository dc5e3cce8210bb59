//! Ids as types of their own, so that one cannot be passed where another is meant.

use std::fmt;

use serde_json::{Value, json};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut};
use uuid::Uuid;

use crate::db::statement::Column;
use crate::error::Cause;
use crate::schema::{At, Components, Input, Raw, Schema, WITHOUT_CONTROLS, fail_type};

macro_rules! id { ($(#[$doc:meta])* $name:ident($inner:ty)) => {
    $(#[$doc])*
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
    #[serde(transparent)]
    pub struct $name(pub $inner);

    impl fmt::Display for $name {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
    }
    impl<'a> FromSql<'a> for $name {
        fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Cause> { <$inner>::from_sql(ty, raw).map(Self) }
        fn accepts(ty: &Type) -> bool { <$inner as FromSql>::accepts(ty) }
    }
    impl Column for $name {}
    impl ToSql for $name {
        fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Cause> { self.0.to_sql(ty, out) }
        fn accepts(ty: &Type) -> bool { <$inner as ToSql>::accepts(ty) }
        tokio_postgres::types::to_sql_checked!();
    }
} }

id! { /// A lifter's account.
UserId(Uuid) }
id! { /// An exercise: a slug such as `back_squat`.
ScenarioId(String) }
id! { /// A recorded lift.
ScoreId(i32) }

id! { /// A plan of exercises.
RoutineId(Uuid) }
id! { /// A login, and what was refreshed from it.
SessionId(Uuid) }

id! { /// A lifter's quest: a template in one of its cycles.
QuestId(Uuid) }
id! { /// A quest that every lifter gets, cycle by cycle.
QuestTemplateId(Uuid) }
id! { /// A logged workout.
WorkoutId(Uuid) }

impl Copy for ScoreId {}

/// A UUID in its ordinary hyphenated form, which is what clients send.
impl Input for Uuid {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(text) = raw.text() else { return fail_type(raw, at, "be a UUID") };
        let hyphenated = (text.len() == 36).then(|| Self::try_parse(text).ok()).flatten();
        hyphenated.or_else(|| at.fail("format", "be a UUID"))
    }
}

macro_rules! uuid_ids { ($($name:ident),*) => { $(
    impl Copy for $name {}
    impl Input for $name {
        fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> { Uuid::read(raw, at).map(Self) }
    }
    impl Schema for $name {
        fn schema(components: &mut Components) -> Value { Uuid::schema(components) }
    }
)* } }
uuid_ids!(UserId, SessionId, RoutineId, QuestId, QuestTemplateId, WorkoutId);

impl ScenarioId {
    /// Characters an id may have. The column has no bound; this one keeps ids in reasonable lines.
    const MAX: usize = 128;

    /// The id, if this text can be one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }
}

impl Input for ScenarioId {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(text) = raw.text() else { return fail_type(raw, at, "be text") };
        Self::new(text).or_else(|| at.fail("format", "be an exercise's id"))
    }
}

impl Schema for ScenarioId {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": Self::MAX, "pattern": WITHOUT_CONTROLS })
    }
}

impl Schema for ScoreId {
    fn schema(components: &mut Components) -> Value {
        i32::schema(components)
    }
}
