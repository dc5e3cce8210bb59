//! Searching in numbers. Pure.

/// Matches that the pages of one search reach. Nobody reads on for longer, and each page costs what all of them cost.
pub const REACH_MAX: i64 = 1_000;
/// The LIKE pattern of whatever contains this text, each of its characters standing for itself.
#[must_use]
pub fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Whether an index of trigrams narrows a search for this text down: three letters or digits stand in a row in it.
#[must_use]
pub fn has_trigram(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word.chars().count() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_patterns_stand_for_themselves() {
        for (text, pattern) in [("ada", "%ada%"), ("100%", r"%100\%%"), ("a_b", r"%a\_b%"), (r"\", r"%\\%")] {
            assert_eq!(containing(text), pattern);
        }
    }

    #[test]
    fn three_letters_in_a_row_make_a_trigram() {
        for text in ["ada", "a ada", "żół", "123", "___ada"] {
            assert!(has_trigram(text), "{text}");
        }
        for text in ["", "ad", "a_d_a", "%%%", "ad ad", "żó"] {
            assert!(!has_trigram(text), "{text}");
        }
    }
}
