//! Patterns in which `*` stands for any characters and `?` for one.

use std::str::Chars;

/// Whether the whole of `text` is of `pattern`.
///
/// Only the last `*` seen is ever tried again, so the time is at most the
/// product of both lengths, whatever the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    matches_by(pattern, text, |wanted, found| wanted == found)
}

/// As [`matches`], with ASCII letters of either case alike.
pub(super) fn matches_in_any_case(pattern: &str, text: &str) -> bool {
    matches_by(pattern, text, |wanted, found| wanted.eq_ignore_ascii_case(&found))
}

fn matches_by(pattern: &str, text: &str, alike: impl Fn(char, char) -> bool) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // What follows the last `*`, and the text from which that was last tried.
    let mut retry: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let (mut pattern_after, mut text_after) = (pattern.clone(), text.clone());
        match (pattern_after.next(), text_after.next()) {
            (Some('*'), _) => {
                retry = Some((pattern_after.clone(), text.clone()));
                pattern = pattern_after;
                continue;
            }
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == '?' || alike(wanted, found) => {
                (pattern, text) = (pattern_after, text_after);
                continue;
            }
            // A longer run for the `*` would leave even less of the text.
            (Some(_), None) => return false,
            _ => {}
        }
        let Some((after_star, from)) = &mut retry else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after_star.clone(), from.clone());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition itself, one character at a time.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                by_definition(rest, text) || matches!(text, [_, shorter @ ..] if by_definition(pattern, shorter))
            }
            ([wanted, pattern @ ..], [found, text @ ..]) => {
                (*wanted == '?' || wanted == found) && by_definition(pattern, text)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_text_matches_exactly_when_the_definition_says_so(
            pattern in "[abé/*?]{0,9}",
            text in "[abé/]{0,12}",
        ) {
            let (p, t): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), by_definition(&p, &t));
        }
    }

    #[test]
    fn a_star_stands_for_any_characters_slash_and_none_included() {
        assert!(matches("a/*", "a/b/c"));
        assert!(matches("a/*/d", "a/b/c/d"));
        assert!(matches("a*", "a"));
        assert!(matches("*", ""));
        assert!(!matches("a/*", "a"));
    }

    #[test]
    fn a_question_mark_stands_for_exactly_one_character() {
        assert!(matches("a?c", "aéc"));
        assert!(!matches("a?c", "ac"));
        assert!(!matches("a?c", "abbc"));
    }

    #[test]
    fn wildcards_in_the_text_are_ordinary_characters() {
        assert!(!matches("a", "*"));
        assert!(matches("?", "*"));
    }

    #[test]
    fn case_counts_unless_it_is_waived() {
        assert!(!matches("Get*", "GETX"));
        assert!(matches_in_any_case("execute-API:inv*", "execute-api:Invoke"));
    }

    /// Trying every way to share the text among the stars would never end.
    #[test]
    fn many_stars_and_long_texts_are_decided_all_the_same() {
        let text = "a".repeat(1600);
        assert!(!matches(&("a*".repeat(255) + "b"), &text));
        assert!(!matches(&("*a".repeat(255) + "b*"), &text));
        assert!(!matches(&("*".to_owned() + &"a".repeat(510) + "b"), &text));
        assert!(matches(&"*a".repeat(256), &text));
    }
}
