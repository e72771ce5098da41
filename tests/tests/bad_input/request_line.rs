use crate::{is_refusal, run};

#[test]
fn a_request_line_that_is_none_is_refused() {
    run(|target| {
        let base = target.base.clone();
        let line = |line: &str| format!("{line}\r\nHost: localhost\r\n\r\n");
        let rows: &[(&str, String, &[u16])] = &[
            ("nothing", String::new(), &[]),
            ("an empty line", "\r\n".into(), &[]),
            ("a verb alone", "GET\r\n\r\n".into(), &[400]),
            ("no version", line(&format!("GET {base}/x")), &[400]),
            ("HTTP/0.9", format!("GET {base}/x\r\n"), &[400]),
            ("HTTP/1.2", line(&format!("GET {base}/x HTTP/1.2")), &[400]),
            ("HTTP/2.0", line(&format!("GET {base}/x HTTP/2.0")), &[400]),
            ("HTTP/2 without being asked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), &[]),
            ("no HTTP", line(&format!("GET {base}/x HTTQ/1.1")), &[400]),
            ("a space in the path", line(&format!("GET {base}/a b HTTP/1.1")), &[400]),
            ("a tab in the path", line(&format!("GET {base}/a\tb HTTP/1.1")), &[400]),
            ("NUL in the path", line(&format!("GET {base}/a\0b HTTP/1.1")), &[400]),
            ("a control character in the path", line(&format!("GET {base}/a\u{1}b HTTP/1.1")), &[400]),
            ("DEL in the path", line(&format!("GET {base}/a\u{7f}b HTTP/1.1")), &[400]),
            ("no slash", line("GET hello HTTP/1.1"), &[403]),
            ("a backslash", line(&format!("GET \\{base}\\x HTTP/1.1")), &[400]),
            ("a line of another protocol", "SSH-2.0-OpenSSH_9.6\r\n".into(), &[400]),
            ("only a beginning", format!("GET {base}/x HT"), &[]),
            ("only a head's beginning", format!("GET {base}/x HTTP/1.1\r\nHost: loc"), &[]),
        ];
        for (what, sent, statuses) in rows {
            target.check(what, sent.as_bytes(), statuses);
        }
        target.check("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[400]);
        target.check("bytes", &[0xff; 64], &[400]);
        target.check("NULs", &[0; 4096], &[400]);
        let raw = [b"GET ", base.as_bytes(), b"/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
        target.check("bytes that are no text in the path", &raw, &[400]);
        assert_eq!(target.lambda.invocations("good"), 0, "none of it reaches a function");
    });
}

#[test]
fn no_verb_but_the_seven_is_served() {
    run(|target| {
        let base = &target.base;
        let request = |method: &str| format!("{method} {base}/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        for method in ["FOO", "get", "Get", "TRACE", "CONNECT", "PROPFIND", "ANY", "GETS", "*", "!#$%&'*+-.^_`|~"] {
            target.check(method, request(method).as_bytes(), &[403]);
        }
        target.check("a very long one", request(&"A".repeat(5_000)).as_bytes(), &[403]);
        for method in ["G@T", "GET,POST", "GÉT", "(GET)", "\"GET\""] {
            target.check(method, request(method).as_bytes(), &[400]);
        }
        target.check("none", request("").as_bytes(), &[400]);
        assert_eq!(target.lambda.invocations("good"), 0, "ANY is the seven verbs of API Gateway");
    });
}

#[test]
fn a_target_of_another_form_is_served_or_refused() {
    run(|target| {
        let base = &target.base;
        let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let absolute = |scheme: &str, host: &str| get(&format!("{scheme}://{host}{base}/mock/abs?q=1"));
        let rows: &[(&str, String, u16)] = &[
            ("absolute", absolute("http", "localhost"), 200),
            ("absolute, of another scheme", absolute("ftp", "localhost"), 200),
            ("absolute, of a host that names an API", absolute("http", "nothing.execute-api.localhost"), 403),
            ("absolute, without a path", get("http://localhost"), 403),
            ("absolute, without a host", get("http://"), 400),
            ("absolute, with a user", absolute("http", "a:b@localhost"), 400),
            ("absolute, with a port that is none", absolute("http", "localhost:99999x"), 400),
            ("authority", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), 403),
            ("authority for another verb", get("localhost:443"), 403),
            ("asterisk", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), 403),
            ("a fragment", get(&format!("{base}/mock/a#b")), 200),
            ("two slashes", get(&format!("/{base}/mock/a")), 403),
        ];
        for (what, sent, status) in rows {
            target.check(what, sent.as_bytes(), &[*status]);
        }
    });
}

#[test]
fn no_path_leads_out_of_its_stage() {
    run(|target| {
        for way in ["..", "%2e%2e", "%2E.", "..%2f..", "..\\..", "%c0%ae%c0%ae", ".%00."] {
            for path in
                [format!("/{way}/{way}/etc/passwd"), format!("/mock/{way}/keyed"), format!("/keyed/{way}/keyed/")]
            {
                let answers = target.answers(target.get(&path, "").as_bytes());
                let [answer] = &answers[..] else { panic!("{path}: {answers:?}") };
                assert!(answer.status == 200 && answer.body == "good" || is_refusal(answer), "{path}: {answer}");
            }
        }
        for event in target.lambda.events("good") {
            assert_eq!(event["requestContext"]["stage"], "prod");
            assert_eq!(event["resource"], "/{proxy+}", "{}", event["path"]);
        }
    });
}

#[test]
fn an_address_that_is_no_percent_encoded_text_is_a_bad_request() {
    run(|target| {
        for bad in ["%", "%4", "%zz", "%%", "%u0041", "%-1", "% 4", "%00", "%ff", "%c3", "%c0%af", "%ed%a0%80", "a%0"] {
            for path in
                [format!("/{bad}"), format!("/mock/{bad}"), format!("/users/{bad}"), format!("/guarded/{bad}?q=1")]
            {
                target.check(&path, target.get(&path, "").as_bytes(), &[400]);
            }
            for path in [format!("/mock/a?q={bad}"), format!("/x?{bad}=1"), format!("/guarded/a?q=1&{bad}")] {
                target.check(&path, target.get(&path, "").as_bytes(), &[400]);
            }
        }
        assert_eq!(target.lambda.all_invocations(), 0);
        for (path, body) in [
            ("/mock/%25?q=%25", "%25 %"),
            ("/mock/%C3%A9?q=%c3%a9", "%C3%A9 é"),
            ("/mock/%F0%9F%90%88?q=+", "%F0%9F%90%88  "),
            ("/mock/%01?q=%0a", "%01 \n"),
        ] {
            let answers = target.answers(target.get(path, "").as_bytes());
            assert_eq!((answers[0].status, answers[0].body.as_str()), (200, body), "{path}");
        }
    });
}

#[test]
fn a_request_line_has_its_limit() {
    run(|target| {
        let line = |bytes: usize| "x".repeat(bytes);
        let rows: &[(&str, String, u16)] = &[
            ("a path of 9,000 bytes", target.get(&format!("/mock/{}", line(9_000)), ""), 200),
            ("a path of 10,300 bytes", target.get(&format!("/mock/{}", line(10_300)), ""), 414),
            ("a query of 10,300 bytes", target.get(&format!("/mock/a?q={}", line(10_300)), ""), 414),
            ("a path of 70,000 bytes", target.get(&format!("/mock/{}", line(70_000)), ""), 414),
            ("a path of a megabyte", target.get(&format!("/mock/{}", line(1 << 20)), ""), 431),
            ("a method ARN of 1,700 bytes", target.get(&format!("/guarded/{}?q=1", line(1_700)), ""), 414),
            (
                "a path and a header that are too much together",
                { target.get(&format!("/mock/{}", line(6_000)), &format!("x: {}\r\n", line(6_000))) },
                413,
            ),
            ("2,000 query parameters", target.get(&format!("/x?{}", "a=1&".repeat(2_000)), ""), 200),
            (
                "2,000 query parameters for an authorizer",
                target.get(&format!("/guarded/a?q=1&{}", "a&".repeat(2_000)), ""),
                200,
            ),
            ("5,000 query parameters", target.get(&format!("/x?{}", "a=1&".repeat(5_000)), ""), 414),
            ("2,000 segments", target.get(&"/a".repeat(2_000), ""), 200),
            ("5,000 slashes", target.get(&"/".repeat(5_000), ""), 403),
        ];
        for (what, sent, status) in rows {
            target.check(what, sent.as_bytes(), &[*status]);
        }
    });
}
