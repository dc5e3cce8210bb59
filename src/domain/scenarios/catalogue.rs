//! The exercises every database starts with, and how they get there.
//!
//! `exercises.tsv` holds one exercise a line. Its two factors were set so:
//!
//! - `multiplier` is the share of the lifter's squat + bench press + deadlift that an equally strong lifter moves for one
//!   repetition of this exercise: 0.33, 0.25 and 0.42 for the three lifts themselves, as in the standards; for the others
//!   estimated from the nearest of the three (a front squat is about 85 % of a back squat, a barbell curl a quarter of a
//!   deadlift), per dumbbell where there are two, per stack on a machine. Bodyweight exercises have 1: their ranks come from
//!   `calibrations.tsv`, repetitions at three body weights.
//! - `volume_multiplier` is what a kilogram of volume counts for experience points: 1 for a heavy barbell lift with many
//!   joints, up to 1.2 for the Olympic lifts, 0.8 for lighter ones, 0.6 for isolation, 0.5 for small moves on the floor.
//!
//! Seeding only adds: an exercise whose id or name is there already stays as it is, with all that belongs to it.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::error::{Error, Result};

const EXERCISES: &str = include_str!("catalogue/exercises.tsv");
const MUSCLES: &str = include_str!("catalogue/muscles.tsv");
const EQUIPMENT: &str = include_str!("catalogue/equipment.tsv");
const CALIBRATIONS: &str = include_str!("catalogue/calibrations.tsv");
const SEED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/scenarios/insert_catalogue.sql"));

/// Adds the exercises that are missing.
///
/// # Errors
/// `Internal` if PostgreSQL refuses.
pub async fn seed(client: &Client) -> Result<()> {
    let documents = [
        objects(EXERCISES, &["primary_muscles", "secondary_muscles", "equipment"]),
        objects(MUSCLES, &[]),
        objects(EQUIPMENT, &[]),
        objects(CALIBRATIONS, &[]),
    ];
    let [exercises, muscles, equipment, calibrations] = &documents;
    client.execute(SEED, &[exercises, muscles, equipment, calibrations]).await.map_err(Error::internal)?;
    Ok(())
}

/// The lines of a table as JSON objects; the columns named in `lists` hold several values.
fn objects(table: &str, lists: &[&str]) -> Value {
    let mut lines = table.lines().map(|line| line.split('\t'));
    let names: Vec<&str> = lines.next().into_iter().flatten().collect();
    let object = |fields: std::str::Split<'_, char>| -> Value {
        let pairs = names.iter().zip(fields).map(|(name, text)| {
            let several = || text.split(',').filter(|part| !part.is_empty()).collect::<Vec<_>>();
            ((*name).to_owned(), if lists.contains(name) { json!(several()) } else { json!(text) })
        });
        Value::Object(pairs.collect())
    };
    lines.map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_lifts_have_their_shares() {
        let exercises = objects(EXERCISES, &["primary_muscles"]);
        let exercises = exercises.as_array().unwrap();
        for (id, share) in [("back_squat", "0.33"), ("barbell_bench_press", "0.25"), ("deadlift", "0.42")] {
            let exercise = exercises.iter().find(|exercise| exercise["id"] == id).unwrap();
            assert_eq!(exercise["multiplier"], share);
            assert!(!exercise["primary_muscles"].as_array().unwrap().is_empty());
        }
    }
}
