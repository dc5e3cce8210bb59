//! When a failed attempt is made again.

/// No pause is longer, in seconds.
pub const PAUSE_MAX_S: u32 = 3600;

/// Seconds until the next attempt after this many: anything up to `base × 2^(attempts − 1)`, so that events which failed
/// together do not come back together ("full jitter"). `dice` is any number.
#[must_use]
pub fn pause_s(attempts: u32, base_s: u32, dice: u32) -> u32 {
    let doublings = attempts.saturating_sub(1).min(31);
    let longest = base_s.saturating_mul(1 << doublings).min(PAUSE_MAX_S);
    let scaled = (u64::from(dice) * (u64::from(longest) + 1)) >> 32; // even over 0..=longest
    u32::try_from(scaled).unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_use_their_whole_range() {
        let longest = [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (12, 3600), (u32::MAX, 3600)];
        for (attempts, seconds) in longest {
            assert_eq!(pause_s(attempts, 30, u32::MAX), seconds, "after {attempts}");
            assert_eq!(pause_s(attempts, 30, 0), 0);
        }
        assert_eq!(pause_s(1, 30, 1 << 31), 15);
        assert_eq!(pause_s(0, 30, u32::MAX), 30);
        assert_eq!(pause_s(9, u32::MAX, u32::MAX), PAUSE_MAX_S);
    }
}
