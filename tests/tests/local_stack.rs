//! The local stack from outside: its flags, its one line, its endpoints, and
//! what it keeps.

use std::time::Duration;

use insta::assert_snapshot;
use keyplan_tests::{Answer, Call, Dynamodb, Stack, aws_cli};
use serde_json::{Value, json};

fn key_names(stack: &Stack) -> Vec<String> {
    let keys = stack.aws("apigateway get-api-keys");
    let names = keys["items"].as_array().into_iter().flatten();
    names.filter_map(|key| key["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn one_line_on_stdout_names_every_address() {
    let stack = Stack::start();
    let Stack { control, gateway, dynamodb, ready_line, .. } = &stack;
    assert_eq!(*ready_line, format!("ready control={control} gateway={gateway} dynamodb={dynamodb}"));
    for address in [control, gateway, dynamodb] {
        let port: u16 =
            address.strip_prefix("http://127.0.0.1:").and_then(|port| port.parse().ok()).unwrap_or_default();
        assert_ne!(port, 0, "{address}");
    }
    stack.aws("apigateway get-api-keys");
    assert_eq!(stack.next_line(Duration::from_millis(200)), None, "logs go to stderr");
    let tables = aws_cli::run(dynamodb, "dynamodb list-tables");
    assert_eq!(tables, Ok(json!({"TableNames": ["keyplan-config", "keyplan-usage"]})));
}

#[test]
fn a_flag_that_cannot_be_is_refused_on_stderr() {
    let data_in_nowhere = ["--data", "/no/such/directory/keyplan.db"];
    for (flags, named) in [
        (&["--nonsense"][..], "--nonsense"),
        (&["--control", "nowhere"], "--control"),
        (&["--gateway", "127.0.0.1:port"], "--gateway"),
        (&["--control", "192.0.2.1:4500"], "192.0.2.1:4500"),
        (&["--credentials", "no-colon"], "--credentials"),
        (&["--lease-cap", "0"], "--lease-cap"),
        (&["--account-id", "1"], "--account-id"),
        (&["--region", "US EAST"], "--region"),
        (&["--dynamodb-endpoint", "ftp://somewhere"], "--dynamodb-endpoint"),
        (&["--config-table", "elsewhere"], "--dynamodb-endpoint"),
        (&["--lambda-endpoint", "somewhere"], "--lambda-endpoint"),
        (&data_in_nowhere, "/no/such/directory"),
        (&["surplus"], "surplus"),
    ] {
        let refused = Stack::refused(flags);
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{flags:?} ended with {}", refused.status);
        assert!(refused.stdout.is_empty(), "{flags:?} printed on stdout");
        assert!(stderr.contains(named), "{flags:?} are refused with: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

#[test]
fn an_address_that_is_taken_is_refused_on_stderr() {
    let stack = Stack::start();
    let taken = stack.control.trim_start_matches("http://");
    let refused = Stack::refused(&["--control", taken]);
    assert!(!refused.status.success());
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(stderr.contains(taken), "{stderr}");
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("keyplan.db").display().to_string();
    let stack = Stack::with(&["--data", &file]);
    let key = stack.aws("apigateway create-api-key --name kept --enabled");
    let moved = stack.advance(1_000_000);
    let status = stack.end_by("KILL");
    assert!(!status.success());

    let stack = Stack::with(&["--data", &file]);
    assert_eq!(key_names(&stack), ["kept"]);
    let read = stack.aws(&format!("apigateway get-api-key --include-value --api-key {}", key["id"]));
    assert_eq!(read["value"], key["value"]);
    assert!(stack.advance(0) >= moved, "the clock goes on from where it was moved to");
}

#[test]
fn two_stacks_that_start_together_share_a_dynamodb() {
    let dynamodb = Dynamodb::start();
    let flags = ["--dynamodb-endpoint", dynamodb.url.as_str()];
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| Stack::with(&flags));
        let other = scope.spawn(|| Stack::with(&flags));
        (one.join().expect("the one starts"), other.join().expect("the other starts"))
    });
    assert_eq!(one.dynamodb, dynamodb.url);
    assert_eq!(other.dynamodb, dynamodb.url);
    one.aws("apigateway create-api-key --name shared");
    assert_eq!(key_names(&other), ["shared"]);
}

#[test]
fn a_table_that_is_named_must_be_there_as_it_should_be_and_none_is_made() {
    let dynamodb = Dynamodb::start();
    let make = |definition: &str| aws_cli::run(&dynamodb.url, &format!("dynamodb create-table {definition}")).is_ok();
    assert!(make(
        "--table-name others --billing-mode PAY_PER_REQUEST \
         --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S \
         --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE"
    ));
    for (flags, because) in [
        (&["--config-table", "absent"][..], "there is no table absent"),
        (&["--config-table", "others"], "the table others has other keys or indexes than Keyplan's"),
    ] {
        let refused = Stack::refused(&[&["--dynamodb-endpoint", &dynamodb.url], flags].concat());
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(stderr.contains(because), "{stderr}");
    }
    let tables = aws_cli::run(&dynamodb.url, "dynamodb list-tables");
    assert_eq!(tables, Ok(json!({"TableNames": ["others"]})));

    let own = Stack::with(&["--dynamodb-endpoint", &dynamodb.url]);
    let refused = Stack::refused(&[
        "--dynamodb-endpoint",
        &dynamodb.url,
        "--config-table",
        "keyplan-config",
        "--usage-table",
        "absent",
    ]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("there is no table absent"));
    let flags =
        ["--dynamodb-endpoint", &*dynamodb.url, "--config-table", "keyplan-config", "--usage-table", "keyplan-usage"];
    own.aws("apigateway create-api-key --name shared");
    assert_eq!(key_names(&Stack::with(&flags)), ["shared"]);
}

#[test]
fn the_clock_can_be_moved_by_those_who_may_and_only_forward() {
    let stack = Stack::start();
    let before = stack.advance(0);
    let after = stack.advance(86_400);
    assert!((86_400..86_460).contains(&(after - before)), "{before} {after}");

    let unsigned = Call::new("POST", format!("{}/_keyplan/clock", stack.control)).json(&json!({"advanceSeconds": 1}));
    assert_eq!(unsigned.send().status, 403);
    for wrong in [json!({"advanceSeconds": -1}), json!({"advanceSeconds": "1"}), json!({"seconds": 1}), json!([])] {
        let refused = stack.control("POST", "/_keyplan/clock", &wrong);
        assert_eq!(refused.status, 400, "{wrong}: {refused}");
        assert!(refused.json()["message"].is_string(), "{refused}");
    }
    assert!(stack.advance(0) - after < 60, "a refused call moves nothing");
    stack.aws("apigateway get-api-keys");
}

#[test]
fn a_wrong_signature_is_told_from_an_unknown_id_and_changes_nothing() {
    let stack = Stack::with(&["--credentials", "someone:with-a-secret", "--credentials", "other:with-another"]);
    let create = |id: &str, secret: &str| {
        let created = aws_cli::run_as(&stack.control, (id, secret), "apigateway create-api-key --name k");
        created.map(|key| key["name"].clone()).map_err(|error| error.message)
    };
    assert_snapshot!(create("someone", "wrong").unwrap_err(), @"An error occurred (InvalidSignatureException) when calling the CreateApiKey operation: The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.");
    assert_snapshot!(create("local", "local").unwrap_err(), @"An error occurred (UnrecognizedClientException) when calling the CreateApiKey operation: The security token included in the request is invalid.");
    for (id, secret) in [("someone", "with-a-secret"), ("other", "with-another")] {
        assert_eq!(create(id, secret), Ok(json!("k")));
    }
    let keys = aws_cli::run_as(&stack.control, ("someone", "with-a-secret"), "apigateway get-api-keys");
    let keys = keys.map(|keys| keys["items"].as_array().map(Vec::len)).map_err(|error| error.message);
    assert_eq!(keys, Ok(Some(2)));
}

#[test]
fn an_unsigned_call_is_refused() {
    let stack = Stack::start();
    assert_snapshot!(Call::get(format!("{}/apikeys", stack.control)).send(), @r#"
    403
    content-type: application/json
    x-amzn-errortype: MissingAuthenticationTokenException
    x-amzn-requestid: [uuid]

    {"message":"Missing Authentication Token"}
    "#);
}

#[test]
fn what_the_control_plane_does_not_understand_is_refused_in_awss_shape() {
    let stack = Stack::start();
    let malformed = |content_type: &str, body: &str| {
        Call::new("POST", format!("{}/apikeys", stack.control)).body(content_type, body).signed_for("apigateway").send()
    };
    let in_awss_shape = |refused: &Answer| {
        let kind = refused.headers.get("x-amzn-errortype").is_some_and(|kind| kind.ends_with("Exception"));
        (400..500).contains(&refused.status) && kind && refused.json()["message"].is_string()
    };
    for body in ["{", "[]", "null", "\"name\"", r#"{"name": 1}"#, r#"{"enabled": "yes", "name": {}}"#, "\u{0}", "{}{}"]
    {
        let refused = malformed("application/json", body);
        assert!(in_awss_shape(&refused), "{body:?}: {refused}");
    }
    for (method, path) in [
        ("GET", "/nothing"),
        ("GET", "/"),
        ("POST", "/apikeys/a/b/c"),
        ("DELETE", "/apikeys"),
        ("GET", "/restapis/%zz"),
        ("GET", "/_keyplan/nothing"),
    ] {
        let refused = stack.control(method, path, &Value::Null);
        assert!(in_awss_shape(&refused), "{method} {path}: {refused}");
    }
    assert!(key_names(&stack).is_empty(), "nothing is half-made");
}

#[test]
fn a_signal_ends_it_cleanly() {
    for signal in ["INT", "TERM"] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("keyplan.db").display().to_string();
        let stack = Stack::with(&["--data", &file]);
        stack.aws("apigateway create-api-key --name kept");
        let status = stack.end_by(signal);
        assert!(status.success(), "{signal} ends it with {status}");
        assert_eq!(key_names(&Stack::with(&["--data", &file])), ["kept"]);
    }
}
