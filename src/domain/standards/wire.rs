//! Standards on the wire.

use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::rules::{Pack, Rank, Standard, Unit};
use crate::schema::{Components, Schema, Text};
use crate::{input, output};

input! { /// Whose standards.
pub struct StandardsQuery {
    /// `female`, `f` or `woman` in any case; every other text counts as male.
    gender: Option<Text<0, 4096>>,
    /// The unit of the body weight and of the standards; kilograms if absent.
    unit: Option<Unit>,
} }

output! { /// The lifts of a standard.
pub struct Lifts {
    /// Back squat.
    squat: i64,
    /// Barbell bench press.
    bench: i64,
    /// Deadlift.
    deadlift: i64,
} }

output! { /// What one rank asks for.
pub struct StandardBody {
    /// All three lifts together.
    total: i64,
    /// Each lift.
    lifts: Lifts,
    /// Always empty.
    metadata: NoMetadata,
} }

/// An empty object that old clients expect.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NoMetadata {}

impl Schema for NoMetadata {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "object", "maxProperties": 0 })
    }
}

/// The standards, keyed by the rank's name, lowest first.
pub struct StandardsBody(pub Pack);

impl From<&Standard> for StandardBody {
    fn from(standard: &Standard) -> Self {
        let [squat, bench, deadlift] = standard.lifts;
        Self { total: standard.total, lifts: Lifts { squat, bench, deadlift }, metadata: NoMetadata {} }
    }
}

impl serde::Serialize for StandardsBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.0.len()))?;
        for standard in &self.0.0 {
            map.serialize_entry(standard.rank.name(), &StandardBody::from(standard))?;
        }
        map.end()
    }
}

impl Schema for StandardsBody {
    fn schema(components: &mut Components) -> Value {
        components.add("Standards", |components| {
            let body = StandardBody::schema(components);
            let names = Rank::ALL.map(Rank::name);
            let properties: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), body.clone())).collect();
            json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false })
        })
    }
}
