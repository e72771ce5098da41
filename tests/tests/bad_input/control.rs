//! The control plane's address: what is no HTTP, what is not signed, and what is
//! signed and makes no sense.

use keyplan_tests::{Answer, Call, Dice, Stack, raw_http};
use serde_json::{Value, json};

use crate::mutated::mutated;

/// Runs against a stack of its own, and sees that nothing of it shows as a failure
/// in the log, and that the next request is served.
fn run(check: impl FnOnce(&Stack)) {
    let stack = Stack::start();
    check(&stack);
    assert_eq!(stack.control("GET", "/account", &Value::Null).status, 200, "it goes on serving");
    let logged = stack.logged();
    assert!(!logged.contains("panicked"), "{logged}");
    assert!(!logged.contains("ERROR"), "{logged}");
}

/// In the shape of AWS's control planes, or bare, as the HTTP server refuses what
/// it cannot even read.
fn is_refusal(answer: &Answer) -> bool {
    let is_bare = answer.body.is_empty() && !answer.headers.contains_key("content-type");
    let named = |name: &str| answer.headers.get(name).is_some_and(|value| !value.is_empty());
    let in_shape = || {
        answer.headers.get("content-type").is_some_and(|kind| kind == "application/json")
            && named("x-amzn-errortype")
            && named("x-amzn-requestid")
            && answer.json()["message"].is_string()
    };
    (400..500).contains(&answer.status) && (is_bare || in_shape())
}

/// A request of this body, signed by `local:local` as it is.
fn signed(stack: &Stack, method: &str, path: &str, body: &[u8]) -> Call {
    Call::new(method, format!("{}{path}", stack.control)).body("application/json", body).signed_for("apigateway")
}

/// The same as bytes, for it to be tampered with afterwards.
fn bytes(call: &Call, path: &str) -> Vec<u8> {
    let mut head = format!("{} {path} HTTP/1.1\r\n", call.method());
    let host = call.url().split('/').nth(2).unwrap_or_default();
    head.push_str(&format!("host: {host}\r\ncontent-length: {}\r\n", call.content().len()));
    for (name, value) in call.headers() {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", call.content()].concat()
}

#[test]
fn what_is_no_request_is_refused() {
    run(|stack| {
        let post = |headers: &str, body: &str| format!("POST /apikeys HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}");
        let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        let rows: &[(&str, String, &[u16])] = &[
            ("nothing", String::new(), &[]),
            ("a verb alone", "GET\r\n\r\n".into(), &[400]),
            ("no HTTP", "SSH-2.0-OpenSSH_9.6\r\n".into(), &[400]),
            ("HTTP/2 without being asked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), &[]),
            ("a head's beginning", "GET /apikeys HTTP/1.1\r\nHost: loc".into(), &[]),
            ("not signed", get("/apikeys"), &[403]),
            ("a verb of nobody's", "FOO /apikeys HTTP/1.1\r\nHost: x\r\n\r\n".into(), &[403]),
            ("a stray percent sign", get("/apikeys/%zz"), &[403]),
            ("no slash", get("apikeys"), &[403]),
            ("a very long target", get(&format!("/{}", "a".repeat(100_000))), &[414]),
            ("very long headers", post(&format!("A: {}\r\n", "a".repeat(1_000_000)), ""), &[431]),
            ("very many headers", post(&"A: a\r\n".repeat(10_000), ""), &[431]),
            ("a body cut short", post("Content-Length: 100\r\n", "too little"), &[403]),
            ("a length that is none", post("Content-Length: many\r\n", ""), &[400]),
            ("two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), &[400]),
            ("a chunk cut short", post("Transfer-Encoding: chunked\r\n", "64\r\ntoo little"), &[403]),
            ("chunks without a number", post("Transfer-Encoding: chunked\r\n", "none\r\n"), &[403]),
            ("11 MB", post(&format!("Content-Length: {}\r\n", 11 << 20), &"x".repeat(11 << 20)), &[403]),
        ];
        for (what, sent, statuses) in rows {
            let answers = raw_http::answers(&stack.control, sent.as_bytes());
            let given: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            assert_eq!(given, *statuses, "{what}: {answers:?}");
            assert!(answers.iter().all(is_refusal), "{what}: {answers:?}");
        }
    });
}

/// What a client may send to every kind of thing.
fn seeds(stack: &Stack) -> Vec<(&'static str, String, Value)> {
    let made = |path: &str, body: Value| {
        let answer = stack.control("POST", path, &body);
        assert_eq!(answer.status, 201, "{answer}");
        answer.json()
    };
    let id = |made: &Value| made["id"].as_str().unwrap_or_default().to_owned();
    let api = made("/restapis", json!({"name": "a"}));
    let (api_id, root) = (id(&api), api["rootResourceId"].as_str().unwrap_or_default().to_owned());
    let key = id(&made("/apikeys", json!({"name": "k"})));
    let plan = id(&made("/usageplans", json!({"name": "p", "quota": {"limit": 9, "period": "DAY"}})));
    let method = format!("/restapis/{api_id}/resources/{root}/methods/GET");
    let patch = |path: &str, value: &str| json!({"patchOperations": [{"op": "replace", "path": path, "value": value}]});
    vec![
        ("POST", "/apikeys?mode=import&format=csv".into(), json!("name,key\nk,a-value-of-20-characters")),
        ("POST", "/apikeys".into(), json!({"name": "n", "enabled": true, "tags": {"a": "b"}, "stageKeys": []})),
        ("PATCH", format!("/apikeys/{key}"), patch("/description", "d")),
        ("GET", format!("/apikeys?limit=2&position=abc&name={key}&includeValues=true"), Value::Null),
        ("POST", format!("/apikeys/{key}/tokens"), json!({"principalId": "p", "scopes": ["GET/*"], "expiresAt": 9e9})),
        ("POST", format!("/apikeys/{key}/subjects"), json!({"issuer": "https://issuer.example/", "subject": "s"})),
        ("POST", "/usageplans".into(), json!({"name": "n", "throttle": {"burstLimit": 1, "rateLimit": 1.5}})),
        ("PATCH", format!("/usageplans/{plan}"), patch("/throttle/rateLimit", "1e2")),
        ("POST", format!("/usageplans/{plan}/keys"), json!({"keyId": key, "keyType": "API_KEY"})),
        ("GET", format!("/usageplans/{plan}/usage?startDate=2026-01-01&endDate=2026-01-02"), Value::Null),
        ("PATCH", format!("/usageplans/{plan}/keys/{key}/usage"), patch("/remaining", "3")),
        (
            "POST",
            "/restapis".into(),
            json!({"name": "n", "endpointConfiguration": {"types": ["EDGE"]}, "version": "v"}),
        ),
        ("PATCH", format!("/restapis/{api_id}"), patch("/endpointConfiguration/types/EDGE", "REGIONAL")),
        ("POST", format!("/restapis/{api_id}/resources/{root}"), json!({"pathPart": "{proxy+}"})),
        (
            "PUT",
            method.clone(),
            json!({"authorizationType": "NONE", "requestParameters": {"method.request.path.a": true}}),
        ),
        (
            "PUT",
            format!("{method}/integration"),
            json!({"type": "MOCK", "requestTemplates": {"a/b": "$context.apiId"}}),
        ),
        (
            "POST",
            format!("/restapis/{api_id}/models"),
            json!({"name": "M", "contentType": "a/b", "schema": "{\"a\": 1}"}),
        ),
        ("POST", format!("/restapis/{api_id}/deployments"), json!({"stageName": "prod", "variables": {"a": "b"}})),
        ("PATCH", format!("/restapis/{api_id}/stages/prod"), patch("/~1a/GET/throttling/rateLimit", "5")),
        ("PUT", format!("/restapis/{api_id}/gatewayresponses/THROTTLED"), json!({"statusCode": "430"})),
        (
            "PUT",
            format!("/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapikeys%2F{key}"),
            json!({"tags": {"a": "b"}}),
        ),
        ("GET", format!("/_keyplan/explain?restApiId={api_id}&stage=prod&method=GET&path=/"), Value::Null),
    ]
}

#[test]
fn a_signed_request_with_a_few_wrong_bytes_is_no_failure_of_ours() {
    run(|stack| {
        let seeds = seeds(stack);
        let mut dice = Dice::seeded(0);
        let mut understood = 0;
        for round in 0..25 {
            for (method, path, body) in &seeds {
                let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
                // One of the two, so that the other leads to where it matters.
                let (path, body) = match dice.below(2) {
                    0 => (tampered(path, &mut dice), body),
                    _ if body.is_empty() => (tampered(path, &mut dice), body),
                    _ => (path.clone(), mutated(&body, &mut dice)),
                };
                let answer = signed(stack, method, &path, &body).send();
                let at = format!("{round}: {method} {path} {}: {answer}", body.escape_ascii());
                assert!(answer.status < 300 || is_refusal(&answer), "{at}");
                understood += usize::from(answer.status != 403);
            }
        }
        assert!(understood > 400, "nearly all of them are signed as the server reads them: {understood}");
    });
}

/// Mutated, and encoded as a client encodes it: it is still a path and a query.
fn tampered(path: &str, dice: &mut Dice) -> String {
    let mut encoded = String::new();
    for byte in mutated(path.as_bytes(), dice) {
        match byte {
            b'/' | b'?' | b'&' | b'=' | b'-' | b'.' | b'_' | b'~' | b'%' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("/{}", encoded.trim_start_matches('/'))
}

#[test]
fn a_request_that_is_tampered_with_after_it_was_signed_does_nothing() {
    run(|stack| {
        let mut dice = Dice::seeded(0);
        let path = "/apikeys?limit=2";
        let call = signed(stack, "POST", path, b"{\"name\": \"made\"}");
        let sent = bytes(&call, path);
        assert_eq!(raw_http::answers(&stack.control, &sent)[0].status, 201, "as it was signed");
        for _ in 0..300 {
            let tampered = mutated(&sent, &mut dice);
            for answer in raw_http::answers(&stack.control, &tampered) {
                let at = format!("{}: {answer}", tampered.escape_ascii());
                assert!(answer.status == 201 || is_refusal(&answer), "{at}");
            }
        }
        let made = stack.control("GET", "/apikeys?limit=500", &Value::Null).json();
        let names = made["item"].as_array().into_iter().flatten().map(|key| &key["name"]);
        assert!(names.into_iter().all(|name| name == "made"), "what is not signed is not made: {made}");
    });
}
