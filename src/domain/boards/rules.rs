//! Where one stands in percent. Pure.

/// How many percent of the others one is better than; equal ones count half. Alone on a board that is 0.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "lifters are fewer than 2^53")]
pub fn percentile(better: i64, worse: i64, total: i64) -> f64 {
    let equal_others = total - 1 - better - worse;
    100.0 * (worse as f64 + 0.5 * equal_others as f64) / (total - 1).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn equal_ones_count_half() {
        for (better, worse, total, expected) in [
            (0, 0, 1, 0.0),
            (0, 1, 2, 100.0),
            (1, 0, 2, 0.0),
            (0, 0, 2, 50.0),
            (1, 1, 5, 50.0),
            (0, 0, 1_000_000, 50.0),
        ] {
            assert!((percentile(better, worse, total) - expected).abs() < 1e-9, "{better} {worse} {total}");
        }
    }
}
