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

#[cfg(test)]
mod properties {
    use super::*;
    use crate::property;

    /// Whether the text is like the pattern, as SQL says: `%` is any text, `_` any character, `\` takes both their meaning.
    fn is_like(text: &[char], pattern: &[char]) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            (['%', rest @ ..], _) => (0..=text.len()).any(|skipped| is_like(&text[skipped..], rest)),
            (['_', pattern @ ..], [_, text @ ..]) => is_like(text, pattern),
            (['\\', wanted, pattern @ ..], [given, text @ ..]) => wanted == given && is_like(text, pattern),
            ([wanted, pattern @ ..], [given, text @ ..]) => wanted == given && is_like(text, pattern),
            (_, []) => false,
        }
    }

    #[test]
    fn a_pattern_is_like_what_contains_the_text_and_nothing_else() {
        let texts = || r"[ab%_\\ü]{0,5}";
        property::holds((texts(), texts(), texts()), |(before, text, other)| {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let pattern = chars(&containing(&text));
            assert!(is_like(&chars(&format!("{before}{text}{other}")), &pattern));
            assert_eq!(is_like(&chars(&other), &pattern), other.contains(&text));
        });
    }

    #[test]
    fn a_trigram_is_three_letters_or_digits_in_a_row() {
        property::holds("[aż7 _%-]{0,8}", |text| {
            let chars: Vec<char> = text.chars().collect();
            assert_eq!(has_trigram(&text), chars.windows(3).any(|three| three.iter().all(|c| c.is_alphanumeric())));
        });
    }
}
