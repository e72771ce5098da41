use crate::run;

#[test]
fn a_head_that_is_none_or_too_much_is_refused() {
    run(|target| {
        let head = |headers: &str| format!("GET {}/mock/a HTTP/1.1\r\n{headers}\r\n", target.base);
        let hosted = |headers: &str| target.get("/mock/a", headers);
        let rows: &[(&str, String, &[u16])] = &[
            ("no Host", head(""), &[400]),
            ("two Hosts", head("Host: a\r\nHost: b\r\n"), &[400]),
            ("two Hosts of a kind", head("Host: a\r\nHost: a\r\n"), &[400]),
            ("a Host that is none", head("Host: a b\r\n"), &[400]),
            ("a Host with a path", head("Host: a/b\r\n"), &[400]),
            ("a Host with a port that is none", head("Host: a:99999\r\n"), &[400]),
            ("a Host with a user", head("Host: a@b\r\n"), &[400]),
            ("a Host that is no text", head("Host: \u{e9}\r\n"), &[400]),
            ("an empty Host", head("Host: \r\n"), &[200]),
            ("a Host of IPv6", head("Host: [::1]:4501\r\n"), &[200]),
            ("an unknown API's Host", head("Host: nothing.execute-api.us-east-1.amazonaws.com\r\n"), &[403]),
            ("no colon", hosted("nonsense\r\n"), &[400]),
            ("no name", hosted(": x\r\n"), &[400]),
            ("a space before the colon", hosted("x : y\r\n"), &[400]),
            ("a name that is none", hosted("x y: z\r\n"), &[400]),
            ("a name that is no text", hosted("é: z\r\n"), &[400]),
            ("a folded line", hosted("x: y\r\n z\r\n"), &[400]),
            ("a folded line first", head(" x: y\r\nHost: a\r\n"), &[400]),
            ("NUL in a value", hosted("x: a\0b\r\n"), &[400]),
            ("a control character in a value", hosted("x: a\u{1}b\r\n"), &[400]),
            ("a bare CR in a value", hosted("x: a\rb\r\n"), &[400]),
            ("a name of 9,000 bytes", hosted(&format!("{}: y\r\n", "x".repeat(9_000))), &[200]),
            ("a value of 10,300 bytes", hosted(&format!("x: {}\r\n", "y".repeat(10_300))), &[413]),
            ("10,300 bytes of values", hosted(&format!("x: {}\r\n", "y".repeat(200)).repeat(52)), &[413]),
            ("99 headers", hosted(&"x: y\r\n".repeat(99)), &[200]),
            ("101 headers", hosted(&"x: y\r\n".repeat(101)), &[431]),
            ("100,000 headers", hosted(&"x: y\r\n".repeat(100_000)), &[431]),
            ("a value of a megabyte", hosted(&format!("x: {}\r\n", "y".repeat(1 << 20))), &[431]),
            ("an upgrade", hosted("Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n"), &[200]),
            ("an expectation that is none", hosted("Expect: miracles\r\n"), &[200]),
        ];
        for (what, sent, statuses) in rows {
            target.check(what, sent.as_bytes(), statuses);
        }
    });
}

#[test]
fn a_key_that_is_no_text_is_no_key() {
    run(|target| {
        let keyed = |value: &[u8]| {
            let head = format!("GET {}/keyed HTTP/1.1\r\nHost: localhost\r\nx-api-key: ", target.base);
            [head.as_bytes(), value, b"\r\n\r\n"].concat()
        };
        let key = target.key.as_str();
        target.check("the key", &keyed(key.as_bytes()), &[200]);
        for (what, value) in [
            ("nothing", &b""[..]),
            ("bytes", b"\xff\xfe\xfd"),
            ("text beyond ASCII", "schlüssel-schlüssel-schlüssel".as_bytes()),
            ("the key and a byte", &[key.as_bytes(), b"\xff"].concat()),
            ("the key behind a byte", &[b"\xa0", key.as_bytes()].concat()),
            ("9,000 bytes", "k".repeat(9_000).as_bytes()),
            ("percent-encoding", b"%6b%65%79"),
            ("two keys", format!("{key}, {key}").as_bytes()),
        ] {
            target.check(what, &keyed(value), &[403]);
        }
        target.check("NUL", &keyed(b"a\0b"), &[400]);
    });
}
