use super::*;

#[track_caller]
fn describes(format: &str, texts: &[&str], others: &[&str]) {
    let format = Format::named(format).unwrap();
    for text in texts {
        assert!(format.describes(text), "{format:?} {text}");
    }
    for text in others {
        assert!(!format.describes(text), "{format:?} {text}");
    }
}

#[test]
fn a_date_time_has_an_offset() {
    describes(
        "date-time",
        &[
            "2026-11-25T10:05:01Z",
            "2026-11-25t10:05:01z",
            "2024-02-29T00:00:00.123456789012Z",
            "2000-02-29T23:59:59.1+23:59",
            "0000-01-01T00:00:00-0100",
            "2026-11-25T10:05:01+01",
        ],
        &[
            "",
            "2026-11-25",
            "2026-11-25T10:05:01",
            "2026-11-25 10:05:01Z",
            "2026-11-25T10:05Z",
            "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-12-31T23:59:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890123Z",
            "2026-01-01T00:00:00+1",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+00:60",
            "2026-01-01T00:00:00+00:",
            "2026-01-01T00:00:00+00:000",
            "2026-01-01T00:00:00ZZ",
            "+026-01-01T00:00:00Z",
            "２026-01-01T00:00:00Z",
        ],
    );
}

#[test]
fn an_email_address_has_a_domain() {
    describes(
        "email",
        &["a@b", "joe.bloggs+tag@example.com", "\"a @b\\\"\"@example.com", "\"\"@b", "a@[127.0.0.1]", "a@[ipv6:::1]"],
        &[
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a b@c",
            "é@b",
            "\"a\"b\"@c",
            "\"\\\"@c",
            "a@-b",
            "a@b.",
            "a@b..c",
            "a@[1.2.3]",
            "a@[",
            "a@b c",
            "Joe <a@b>",
        ],
    );
}

#[test]
fn a_hostname_has_labels() {
    let (label, long) = ("a".repeat(63), "a".repeat(64));
    describes(
        "hostname",
        &["localhost", "example.com", "a-b.c_d.e1", "1.example.", "bücher.example", &label],
        &["", ".", "-a", "a-", "_a", "a..b", ".a", "a b", "a.1", "192.0.2.1", "a/b", &long, &"a.".repeat(128)],
    );
}

#[test]
fn an_address_is_one_of_its_version() {
    describes("ipv4", &["192.0.2.1", "0.0.0.0"], &["", "192.0.2", "192.0.2.256", "192.0.02.1", "::1", "1.2.3.4 "]);
    describes(
        "ipv6",
        &["::1", "2001:db8::1", "::ffff:192.0.2.1"],
        &["", "::g", "1::2::3", "192.0.2.1", "::1%eth0", "[::1]"],
    );
}

#[test]
fn a_uri_may_be_relative() {
    describes(
        "uri",
        &[
            "https://example.com/",
            "http://user:pass@example.com:8080/a/b;c=d?q=[e]&f=/#g?",
            "http://[2001:db8::1]:80/",
            "http://example.com:/?",
            "mailto:a@example.com",
            "urn:isbn:0451450523",
            "file:///etc/hosts",
            "//example.com/a",
            "/a/b:c",
            "a%20b/é",
            "#a",
            "",
        ],
        &[
            "exa mple",
            "http://",
            "mailto:",
            "http://[::1",
            "http://[a]/",
            "http://a:b/",
            "1a:b",
            ":a",
            "%2",
            "%zz",
            "a%é0",
            "a|b",
            "<a>",
            "a\\b",
            "a\"b",
            "a#b#c",
            "a^b",
            "{a}",
            "a`b",
            "a\nb",
            "a\u{85}b",
            "[a]",
        ],
    );
}

#[test]
fn a_regular_expression_is_one_of_ecma_262() {
    describes("regex", &["", "^a$", "(?=a)", "\\d{2,}"], &["(", "a**", "[", "(?i)a"]);
}
