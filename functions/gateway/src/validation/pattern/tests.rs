use jsonschema::{Draft, PatternOptions};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn is_match(pattern: &str, text: &str) -> Result<bool, TooLong> {
    let compiled = Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    compiled.is_match(text, &mut Work::on(text.len()))
}

#[test]
fn patterns_mean_what_ecma_262_says() {
    for (pattern, matched, others) in [
        ("", &["", "a"][..], &[][..]),
        ("b", &["abc"], &["", "a"]),
        ("^a|b$", &["ac", "cb"], &["cac"]),
        ("^$", &[""], &["a", "\n"]),
        ("^a$", &["a"], &["a\n", "\na"]),
        ("^.$", &["a", "é", "😀", "\u{85}"], &["", "\n", "\r", "\u{2028}", "\u{2029}", "ab"]),
        ("^[^]$", &["a", "\n", "😀"], &["", "ab"]),
        ("[]", &[], &["", "a", "[]"]),
        ("^[\\s\\S]$", &["\n", "a"], &[""]),
        // Letters, digits and boundaries of ASCII; white space of Unicode.
        ("^\\w\\d$", &["a1", "_9"], &["é1", "a٣"]),
        ("^\\W\\D$", &["é٣"], &["a1"]),
        (
            "^\\s+$",
            &[" \t\n\u{b}\u{c}\r\u{a0}\u{1680}\u{2009}\u{2028}\u{202f}\u{205f}\u{3000}\u{feff}"],
            &["\u{200b}", "\u{85}"],
        ),
        ("\\bb\\b", &["a b c", "ébé"], &["ab", "b_"]),
        ("a\\Bb", &["ab"], &["a b"]),
        ("[\\b]", &["\u{8}"], &["b"]),
        // Escapes.
        ("^\\x41\\u0042\\cJ\\0\\t\\/\\-\\_$", &["AB\n\0\t/-_"], &["AB"]),
        ("^\\101\\8$", &["A8"], &[]),
        ("^\\xg\\ug\\c1$", &["xgug\\c1"], &[]),
        ("^\\ud83d\\ude00$", &["😀"], &["\u{fffd}"]),
        ("^[\\ud83d\\ude00-\\ud83d\\ude02]$", &["😁"], &["😃"]),
        ("^\\p{2}$", &["pp"], &["é"]),
        ("^\\u{3}$", &["uuu"], &["\u{3}"]),
        // What cannot be anything else stands for itself.
        ("^{a}]x{,2}$", &["{a}]x{,2}"], &["x"]),
        ("^[a-c-e]$", &["b", "-", "e"], &["d"]),
        ("^[\\d-z]$", &["1", "-", "z"], &["a"]),
        ("^[-a][a-]$", &["--", "aa"], &["ba"]),
        ("^[\\]^[&&]$", &["]", "^", "[", "&"], &["\\"]),
        ("^[^a-cé]$", &["d", "è"], &["b", "é"]),
        // Quantifiers.
        ("^a{2}b{1,}c{0,1}$", &["aab", "aabbc"], &["ab", "aabcc"]),
        ("^(a|ab)(c|bcd)*?$", &["a", "abcd", "abc"], &["abd"]),
        ("^(?:a*)*(?:b?){3}$", &["", "aabbb"], &["bbbb"]),
        // Look-around.
        ("^(?=.*[A-Z])(?=.*\\d).{8,}$", &["Secret123"], &["secret123", "Secret1"]),
        ("^(?!.*bad)a", &["a good"], &["a bad"]),
        ("(?<=a)b(?<!ab)|(?<![^c])d", &["cd", "d"], &["ab", "ad"]),
        ("^(?:(?=(?!ab)a)a.)+$", &["acad"], &["acab"]),
        // References back.
        ("^(.)(.)\\2\\1$", &["abba"], &["abab"]),
        ("^(?<first>a|b)\\k<first>$", &["aa", "bb"], &["ab"]),
        ("^\\k$", &["k"], &[]),
        ("^(?:(a)|b)*\\1$", &["ab", "aa"], &["bac"]),
        ("^(?=(a+))\\1b$", &["aab"], &["ac"]),
        ("^(?!(a)b)\\1a", &["ac"], &["ab"]),
        ("(\\1a)+$", &["aa"], &["b"]),
    ] {
        for text in matched {
            assert_eq!(is_match(pattern, text), Ok(true), "{pattern} {text:?}");
        }
        for text in others {
            assert_eq!(is_match(pattern, text), Ok(false), "{pattern} {text:?}");
        }
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in [
        "(",
        ")",
        "(?",
        "(?a)",
        "(?i)a",
        "(?<>a)",
        "(?<a>b)(?<a>c)",
        "(?<a>b)\\k<c>",
        "[",
        "[a",
        "[b-a]",
        "\\",
        "*",
        "a**",
        "^*",
        "\\b+",
        "{1}",
        "a{2,1}",
        "(?<=a)*",
        "(?:a{1000}){1000}",
        "(?:(?:){99999}){99999}",
        "(a)(?<=\\1)",
        &"(".repeat(200),
        &format!("{}{}", "(".repeat(200), ")".repeat(200)),
    ] {
        assert!(Pattern::new(text).is_err(), "{text}");
    }
}

#[test]
fn time_is_in_proportion_to_the_text() {
    let text = "a".repeat(10_000);
    for pattern in ["^(a+)+$", "^(a|a)*$", "(a*)*b|a$", "^(?=(a+)+b|a)", "^x?.{0,65535}$", "(?<=^(a|aa)+)$", "a{1,50}$"]
    {
        assert_eq!(is_match(pattern, &text), Ok(true), "{pattern}");
    }
    for pattern in ["^(a+)+b", "^(a|aa)*(?=b)"] {
        assert_eq!(is_match(pattern, &text), Ok(false), "{pattern}");
    }
    // References back take time, and so do very many states.
    for pattern in ["^(a+)+\\1b", "^(a|aa)+(?=\\1b)", ".{0,9000}b$"] {
        assert_eq!(is_match(pattern, &text), Err(TooLong), "{pattern}");
    }
}

/// Text made of what means something in a pattern.
fn soup() -> impl Strategy<Value = String> {
    "[abc()\\[\\]{}|*+?^$\\\\.:=!<>,0-3dwsbkxucp-]{0,12}"
}

/// Patterns of what other engines have as well, without references back: what a
/// group means that has matched nothing is not the same in all of them.
fn pattern() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        3 => "[abc_ -]",
        2 => prop::sample::select(vec![
            "\\d", "\\W", "\\s", "\\b", "\\B", ".", "[a-b]", "[^a]", "[\\w-]", "\\x61", "\\u0062", "\\cJ", "^", "$",
        ]).prop_map(str::to_owned),
    ];
    atom.prop_recursive(4, 16, 4, |inner| {
        let quantifier = "(\\*|\\+|\\?|\\*\\?|\\+\\?|\\{2\\}|\\{1,2\\}|\\{2,\\})";
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            3 => (inner.clone(), quantifier).prop_map(|(part, quantifier)| format!("(?:{part}){quantifier}")),
            1 => inner.clone().prop_map(|part| format!("({part})")),
            2 => (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("(?:{one}|{other})")),
            1 => (prop::sample::select(vec!["=", "!"]), inner).prop_map(|(look, part)| format!("(?{look}{part})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn another_engine_matches_the_same(pattern in pattern(), texts in prop::collection::vec("[abc1_ \n-]{0,6}", 4)) {
        let options = jsonschema::options().with_draft(Draft::Draft4);
        let oracle = options.with_pattern_options(PatternOptions::fancy_regex()).build(&json!({"pattern": pattern}));
        if let (Ok(oracle), Ok(_)) = (oracle, Pattern::new(&pattern)) {
            for text in texts {
                prop_assert_eq!(is_match(&pattern, &text), Ok(oracle.is_valid(&json!(text))), "{} {:?}", pattern, text);
            }
        }
    }

    #[test]
    fn no_pattern_and_no_text_panics(pattern in prop_oneof![soup(), "\\PC{0,12}"], text in prop_oneof![soup(), "\\PC{0,12}"]) {
        if let Ok(pattern) = Pattern::new(&pattern) {
            let _ = pattern.is_match(&text, &mut Work::on(text.len()));
        }
    }
}
