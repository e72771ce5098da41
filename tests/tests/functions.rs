//! Every function is a Lambda, not only a library: its own binary runs under a
//! Runtime API, gets the sample events and answers as expected.

use std::collections::BTreeMap;

use keyplan_tests::samples::{self, Sample};
use keyplan_tests::{Function, Stack, runtime_api};
use serde_json::{Value, json};

fn environment(stack: &Stack) -> Vec<(&'static str, &str)> {
    runtime_api::environment(&stack.dynamodb, &stack.control)
}

/// Feeds a function its samples and holds its answers against the expected.
fn answers_its_samples(name: &str, at_least: usize) {
    let stack = Stack::with(&["--demo"]);
    let samples = samples::of(name);
    assert!(samples.len() >= at_least, "{name} has {} samples, fewer than {at_least}", samples.len());
    // One function for all samples that want the same environment.
    let mut functions: BTreeMap<BTreeMap<String, String>, Function> = BTreeMap::new();
    let mut differences = Vec::new();
    for mut sample in samples {
        samples::sign(&mut sample.event);
        let function = functions.entry(sample.environment.clone()).or_insert_with(|| {
            let further = sample.environment.iter().map(|(variable, value)| (variable.as_str(), value.as_str()));
            Function::start(name, &environment(&stack).into_iter().chain(further).collect::<Vec<_>>())
        });
        let answer = match function.invoke(&sample.event) {
            Ok(answer) | Err(answer) => answer,
        };
        if let Some(difference) = samples::difference(&sample.expected, &answer) {
            differences.push(format!("{}: {difference}\n  in {answer}", sample.case));
        }
    }
    assert!(differences.is_empty(), "events/{name}:\n{}", differences.join("\n"));
    for function in functions.values() {
        assert_no_secret_in(&function.logged());
    }
}

fn assert_no_secret_in(log: &str) {
    for secret in ["demo-key-value", "kp_Demo", "local:local"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[test]
fn the_authorizer_answers_its_samples() {
    answers_its_samples("authorizer", 6);
}

#[test]
fn the_gateway_answers_its_samples() {
    answers_its_samples("gateway", 4);
}

#[test]
fn admin_apis_answers_its_samples() {
    answers_its_samples("admin-apis", 4);
}

#[test]
fn admin_keys_answers_its_samples() {
    answers_its_samples("admin-keys", 4);
}

#[test]
fn admin_plans_answers_its_samples() {
    answers_its_samples("admin-plans", 4);
}

#[test]
fn a_function_without_a_variable_that_it_needs_does_not_start_and_names_it() {
    let stack = Stack::start();
    for name in ["authorizer", "gateway", "admin-apis", "admin-keys", "admin-plans"] {
        let mut needed = vec!["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CONFIG_TABLE"];
        if name.starts_with("admin-") {
            needed.push("ADMIN_CREDENTIALS");
        }
        for missing in needed {
            let mut environment = environment(&stack);
            environment.retain(|(variable, _)| *variable != missing);
            let (status, log) = Function::start(name, &environment).ended();
            assert!(!status.success(), "{name} without {missing} ended with {status}");
            assert!(log.contains(missing), "{name} does not name {missing}:\n{log}");
        }
    }
}

/// As where Lambda hands one environment several events at a time.
#[test]
fn the_authorizer_and_the_gateway_answer_events_that_come_together() {
    let stack = Stack::with(&["--demo"]);
    for (name, case) in [("authorizer", "request"), ("gateway", "rest-api-without-key")] {
        let sample = samples::named(name, case);
        let mut environment = environment(&stack);
        environment.push(("AWS_LAMBDA_MAX_CONCURRENCY", "4"));
        let function = Function::start(name, &environment);
        std::thread::scope(|scope| {
            let ask = || {
                let (Ok(answer) | Err(answer)) = function.invoke(&sample.event);
                assert_eq!(samples::difference(&sample.expected, &answer), None, "{name}");
            };
            (0..16).for_each(|_| drop(scope.spawn(ask)));
        });
    }
}

#[test]
fn a_function_that_is_told_to_end_ends() {
    let stack = Stack::with(&["--demo"]);
    for name in ["authorizer", "gateway", "admin-apis", "admin-keys", "admin-plans"] {
        let function = Function::start(name, &environment(&stack));
        // Whatever it answers, it is up.
        let _ = function.invoke(&json!({}));
        let (_, log) = function.told_to_end();
        assert!(!log.contains("panicked"), "{name}:\n{log}");
    }
}

#[test]
fn a_malformed_variable_keeps_a_function_from_starting_and_is_named() {
    let stack = Stack::start();
    for (name, variable) in [
        ("authorizer", "CONFIG_CACHE_TTL_SECONDS"),
        ("authorizer", "HTTP_API_RESPONSE"),
        ("authorizer", "JWT_ISSUERS"),
        ("authorizer", "JWT_ISSUERS_FILE"),
        ("gateway", "CONFIG_CACHE_TTL_SECONDS"),
    ] {
        let mut environment = environment(&stack);
        environment.push((variable, "soon"));
        let (status, log) = Function::start(name, &environment).ended();
        assert!(!status.success(), "{name} ended with {status}");
        assert!(log.contains(variable), "{log}");
    }
}

/// What a caller would see, whichever form of answer its front door takes.
fn as_seen(answer: &Value) -> Value {
    let header = |name: &str| {
        let single = answer["headers"].as_object().into_iter().flatten();
        let multiple = answer["multiValueHeaders"].as_object().into_iter().flatten();
        single
            .chain(multiple)
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.get(0).unwrap_or(value).clone())
    };
    json!({
        "status": answer["statusCode"], "content-type": header("content-type"),
        "x-amzn-errortype": header("x-amzn-errortype"), "has a request id": header("x-amzn-requestid").is_some(),
        "body": answer["body"], "isBase64Encoded": answer["isBase64Encoded"].as_bool().unwrap_or_default(),
    })
}

/// The samples `{front door}-without-key` are one call, as each front door puts it.
#[test]
fn one_refusal_is_the_same_from_every_front_door() {
    let stack = Stack::with(&["--demo"]);
    let gateway = Function::start("gateway", &environment(&stack));
    let mut front_doors = Vec::new();
    for Sample { case, event, .. } in samples::of("gateway") {
        let Some(front_door) = case.strip_suffix("-without-key") else { continue };
        let answer = gateway.invoke(&event).unwrap_or_else(|error| panic!("{case}: {error}"));
        let expected = json!({
            "status": 403, "content-type": "application/json", "x-amzn-errortype": "ForbiddenException",
            "has a request id": true, "body": r#"{"message":"Forbidden"}"#, "isBase64Encoded": false,
        });
        assert_eq!(as_seen(&answer), expected, "{case}: {answer}");
        front_doors.push(front_door.to_owned());
    }
    assert_eq!(front_doors, ["alb", "function-url", "http-api", "rest-api"]);
}

#[test]
fn what_is_no_http_event_is_refused_by_name_of_the_shapes() {
    let stack = Stack::start();
    let gateway = Function::start("gateway", &environment(&stack));
    for event in [json!(null), json!({}), json!({"Records": []}), json!("GET /")] {
        let error = gateway.invoke(&event).expect_err("no HTTP event");
        let message = error["errorMessage"].as_str().unwrap_or_default();
        assert!(message.contains("event"), "{event}: {error}");
    }
}
