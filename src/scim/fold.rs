//! The one letter-case rule, wherever `caseExact` is false: Unicode's simple lower case, character by character,
//! without locale. No character outside ASCII folds into it (the Kelvin sign U+212A is no `k`, `İ` stays), so that a
//! database which only lowers `A`-`Z` can be asked the same question. The number of characters never changes.

use std::{cmp::Ordering, collections::HashMap, sync::LazyLock};

/// The folded text: two texts are the same without regard to letter case when their folds are equal.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

/// Whether two texts are the same without regard to letter case.
#[must_use]
pub fn eq_fold(a: &str, b: &str) -> bool {
    a.chars().map(fold_char).eq(b.chars().map(fold_char))
}

/// The order of the folds, without making them.
#[must_use]
pub fn compare_fold(a: &str, b: &str) -> Ordering {
    a.chars().map(fold_char).cmp(b.chars().map(fold_char))
}

fn fold_char(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(l), None) if c.is_ascii() || !l.is_ascii() => l,
        _ => c,
    }
}

/// Every text that an ASCII-only `lower()` may turn a match of `literal` into: `ü` gives `ü` and `Ü`, `A` gives only
/// `a`. A column equals the literal under [`fold`] exactly when its `lower()` is one of these. The folded literal comes
/// first; none when there are more than `max`.
#[must_use]
pub fn variants_ascii_lower(literal: &str, max: usize) -> Option<Vec<String>> {
    let mut variants = vec![String::with_capacity(literal.len())];
    for folded in literal.chars().map(fold_char) {
        let others = OTHERS.get(&folded).map_or(&[][..], Vec::as_slice);
        if variants.len() * (1 + others.len()) > max {
            return None;
        }
        let branches: Vec<String> =
            others.iter().flat_map(|other| variants.iter().map(move |variant| format!("{variant}{other}"))).collect();
        for variant in &mut variants {
            variant.push(folded);
        }
        variants.extend(branches);
    }
    (variants.len() <= max).then_some(variants)
}

/// For each folded character outside ASCII, the other characters that fold into it. (An ASCII one has only its capital,
/// which `lower()` takes care of.)
static OTHERS: LazyLock<HashMap<char, Vec<char>>> = LazyLock::new(|| {
    let mut others: HashMap<char, Vec<char>> = HashMap::new();
    for c in '\u{80}'..=char::MAX {
        let folded = fold_char(c);
        if folded != c {
            others.entry(folded).or_default().push(c);
        }
    }
    others
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn case_goes_and_nothing_else() {
        for (a, b, same) in [
            ("MARA@Corp.Example", "mara@corp.example", true),
            ("JÜRGEN ÇELIK", "jürgen çelik", true),
            ("ΣΑΣ", "σας", false),
            ("ΣΑΣ", "σασ", true),
            ("\u{212b}", "å", true),
            ("\u{212a}", "k", false),
            ("İZMİR", "izmir", false),
            ("İZMİR", "İzmİr", true),
            ("STRASSE", "straße", false),
            ("ẞ", "ß", true),
            ("e\u{301}", "é", false),
            ("a", "ab", false),
        ] {
            assert_eq!(eq_fold(a, b), same, "{a} {b}");
            assert_eq!(fold(a) == fold(b), same, "{a} {b}");
            assert_eq!(compare_fold(a, b), fold(a).cmp(&fold(b)), "{a} {b}");
        }
    }

    #[test]
    fn folding_is_stable_and_keeps_the_length() {
        for c in '\0'..=char::MAX {
            let once = fold_char(c);
            assert_eq!(fold_char(once), once, "{c:?}");
            assert!(c.is_ascii() || !once.is_ascii(), "{c:?}");
        }
    }

    #[test]
    fn variants_are_what_an_ascii_lower_leaves() {
        assert_eq!(variants_ascii_lower("Mara", 1), Some(vec!["mara".to_owned()]));
        assert_eq!(variants_ascii_lower("Mü", 2), Some(vec!["mü".to_owned(), "mÜ".to_owned()]));
        assert_eq!(variants_ascii_lower("Å", 9), Some(vec!["å".to_owned(), "Å".to_owned(), "\u{212b}".to_owned()]));
        assert_eq!(variants_ascii_lower("\u{212a}", 9), Some(vec!["\u{212a}".to_owned()]));
        assert_eq!(variants_ascii_lower("üüü", 8).map(|v| v.len()), Some(8));
        assert_eq!(variants_ascii_lower("üüü", 7), None);
        assert_eq!(variants_ascii_lower("", 1), Some(vec![String::new()]));
        assert_eq!(variants_ascii_lower("", 0), None);
    }

    /// The promise to SQL, for each character that has a case.
    #[test]
    fn a_match_lowered_is_among_the_variants() {
        for c in '\0'..=char::MAX {
            let lowered = c.to_ascii_lowercase().to_string();
            if c.is_alphabetic() && (fold_char(c) != c || c.is_uppercase()) {
                assert!(variants_ascii_lower(&c.to_string(), 9).unwrap().contains(&lowered), "{c:?}");
                for variant in variants_ascii_lower(&c.to_string(), 9).unwrap() {
                    assert!(eq_fold(&variant, &lowered), "{c:?}");
                }
            }
        }
    }
}
