//! `docs/attach/attach.sh` as it stands, between two systems: a Keyplan of which
//! only the authorizer and its table are deployed, with an operator's control
//! plane beside it, and an API Gateway of its own, which a local stack plays.

mod keyplan;
mod policies;

use std::path::PathBuf;

use keyplan_tests::{AwsError, Call, RestApi, Stack, aws_cli, binaries};
use serde_json::{Value, json};

use keyplan::{FUNCTION, Keyplan};

/// The words after `name=` in the line that the script ends with.
fn named<'l>(line: &'l str, name: &str) -> &'l str {
    let word = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    word.unwrap_or_else(|| panic!("no {name} in {line:?}"))
}

fn attach(variables: &[(&str, &str)]) -> Result<String, AwsError> {
    let script: PathBuf = binaries::workspace().join("docs/attach/attach.sh");
    aws_cli::script(&script, variables)
}

#[test]
fn the_script_attaches_the_authorizer_to_an_api_that_is_there() {
    let keyplan = Keyplan::deploy();
    let api_gateway = Stack::over(&keyplan.lambda);
    let _ = api_gateway.advance_to_noon();
    let mut api = RestApi::create(&api_gateway, json!({}));
    for method in ["GET", "OPTIONS"] {
        api.mock(method, "/pets", json!({}), "all");
    }
    api.deploy("prod", &json!({}));
    let status = |method: &str, token: Option<&str>| {
        let call = Call::new(method, api.url("prod", "/pets"));
        token.into_iter().fold(call, |call, token| call.header("authorization", token)).send().status
    };
    assert_eq!(status("GET", None), 200);

    let key = keyplan.operate("POST", "/apikeys", &json!({"name": "alice", "enabled": true}));
    let key_id = key["id"].as_str().expect("a key has an id");
    let (token_id, token) = keyplan.token_of(key_id);

    let from_keyplan = [
        ("AUTHORIZER_ARN", keyplan.template.arn(FUNCTION)),
        ("STAGE", "prod"),
        ("REST_API_ID", &*api.id),
        ("KEYPLAN_URL", &keyplan.operator.control),
        ("KEYPLAN_KEY_ID", key_id),
        ("KEYPLAN_ACCESS_KEY_ID", "keys"),
        ("KEYPLAN_SECRET_ACCESS_KEY", "of-the-operator"),
        ("PLAN_QUOTA", "limit=2,period=DAY"),
        ("AUTHORIZER_TTL", "0"),
        ("ADD_PERMISSION", "yes"),
        ("AWS_ENDPOINT_URL_API_GATEWAY", &api_gateway.control),
        ("AWS_ENDPOINT_URL_LAMBDA", &keyplan.lambda.url),
    ];
    let attached = attach(&from_keyplan).unwrap_or_else(|error| panic!("{}", error.message));

    let authorizer = named(&attached, "authorizer");
    assert_eq!(
        keyplan.lambda.permissions(),
        [json!({
            "StatementId": format!("keyplan-{}-{authorizer}", api.id),
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": format!("arn:aws:execute-api:us-east-1:000000000000:{}/authorizers/{authorizer}", api.id),
        })]
    );
    for no_token in [None, Some("nonsense"), Some("Bearer"), Some("Basic YTpi"), Some("kp_short"), Some("a.b")] {
        assert_eq!(status("GET", no_token), 401, "{no_token:?}");
    }
    assert_eq!(keyplan.invocations(), 0, "what is no token never reaches the function");
    for unknown in ["kp_UnknownTokenNeverIssued0000000011QIFq8", "Bearer e30.e30.c2ln"] {
        assert_eq!(status("GET", Some(unknown)), 401, "{unknown}");
    }
    assert_eq!(keyplan.invocations(), 2);
    assert_eq!(status("GET", Some(&token)), 200);
    assert_eq!(status("GET", Some(&format!("bearer {token}"))), 200);
    assert_eq!(status("GET", Some(&format!("Bearer {token}"))), 429);
    assert_eq!(status("OPTIONS", None), 200, "browsers ask before a call, without a token");

    keyplan.operate("DELETE", &format!("/apikeys/{key_id}/tokens/{token_id}"), &Value::Null);
    assert_eq!(status("GET", Some(&token)), 401, "no answer is kept, so a revocation acts at once");
    assert_eq!(keyplan.invocations(), 6);
}

#[test]
fn the_script_takes_a_plan_and_a_key_that_are_there_and_may_run_again() {
    let keyplan = Keyplan::deploy();
    let api_gateway = Stack::over(&keyplan.lambda);
    let mut api = RestApi::create(&api_gateway, json!({}));
    api.mock("GET", "/pets", json!({}), "all");
    api.deploy("prod", &json!({}));
    let plan = api_gateway.aws("apigateway create-usage-plan --name basic");
    let plan_id = plan["id"].as_str().expect("a plan has an id");
    let key = keyplan.operate("POST", "/apikeys", &json!({"name": "alice", "enabled": true}));
    let (_, token) = keyplan.token_of(key["id"].as_str().expect("a key has an id"));
    let at_api_gateway = [
        ("AUTHORIZER_ARN", keyplan.template.arn(FUNCTION)),
        ("STAGE", "prod"),
        ("REST_API_ID", &*api.id),
        ("USAGE_PLAN_ID", plan_id),
        ("AWS_ENDPOINT_URL", &*api_gateway.control),
    ];

    let other = api_gateway.aws("apigateway create-api-key --name alice --enabled");
    let other_id = other["id"].as_str().expect("a key has an id");
    let attached = attach(&[&at_api_gateway[..], &[("API_KEY_ID", other_id), ("AUTHORIZER_TTL", "0")]].concat());
    assert!(attached.is_ok(), "{attached:?}");
    let call = || Call::get(api.url("prod", "/pets")).header("authorization", &token).send();
    let forbidden = call();
    assert_eq!((forbidden.status, forbidden.json()["message"].as_str()), (403, Some("Forbidden")), "of another value");

    let value = key["value"].as_str().expect("a new key is shown with its value");
    let first = attach(&[&at_api_gateway[..], &[("KEY_VALUE", value), ("KEY_NAME", "alice")]].concat());
    let first = first.unwrap_or_else(|error| panic!("{}", error.message));
    let key_id = named(&first, "api-key");
    let read = api_gateway.aws(&format!("apigateway get-api-key --api-key {key_id} --include-value"));
    assert_eq!((read["value"].as_str(), read["name"].as_str()), (Some(value), Some("alice")));

    let again = attach(&[&at_api_gateway[..], &[("API_KEY_ID", key_id)]].concat());
    assert_eq!(again, Ok(first.clone()));
    assert_eq!(call().status, 200);
}

#[test]
fn the_script_names_what_it_lacks() {
    let refused = attach(&[]).map_err(|error| error.message);
    assert!(refused.as_ref().is_err_and(|message| message.contains("REST_API_ID")), "{refused:?}");
}
