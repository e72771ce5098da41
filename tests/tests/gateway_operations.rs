//! What the gateway's start reads ahead, and what that leaves to the first request.

#![expect(clippy::expect_used, reason = "what a test cannot do without fails it")]

use std::collections::BTreeMap;

use keyplan_tests::{DynamodbProxy, Function, Stack, runtime_api, samples};
use serde_json::Value;

/// The operations of a new gateway's start, and those of its first call: of
/// `path`, with the demo's key.
fn start_and_first_call(more: &[(&'static str, &str)], path: &str) -> [BTreeMap<String, u64>; 2] {
    let stack = Stack::with(&["--demo"]);
    let proxy = DynamodbProxy::before(&stack.dynamodb);
    let environment = runtime_api::environment(&proxy.url, &stack.control);
    let kept = [("CONFIG_CACHE_TTL_SECONDS", "3600")];
    let function = Function::start("gateway", &[&environment[..], &kept, more].concat());
    // The start is over when this is refused, which reads nothing.
    function.invoke(&event("no-http-event")).expect_err("no request");
    let start = proxy.asked();
    proxy.forget();
    let event = event("rest-api-with-key").to_string().replace("/demoheader/prod/hello", path);
    let answer = function.invoke(&serde_json::from_str(&event).expect("still JSON")).expect("an answer");
    assert_eq!(answer["statusCode"], 200, "{answer}");
    [start, proxy.asked()]
}

fn event(case: &str) -> Value {
    samples::named("gateway", case).event
}

/// What was asked for once each: actions by tables and kinds of item.
fn once(asked: &BTreeMap<String, u64>) -> Vec<&str> {
    assert!(asked.values().all(|count| *count == 1), "{asked:?}");
    asked.keys().map(|operation| operation.split('/').next().unwrap_or_default()).collect()
}

#[test]
fn a_start_reads_the_account_and_the_default_stage_and_no_request_reads_them_again() {
    let default = [("DEFAULT_REST_API_ID", "demoheader"), ("DEFAULT_STAGE", "prod")];
    let [account, stage, snapshot] = ["GetItem config ACCOUNT", "GetItem config API", "Query config DEPLOYMENT"];
    let [plan, key, meter] = ["GetItem config PLAN", "GetItem config VALUE", "UpdateItem usage METER"];
    let [start, first] = start_and_first_call(&[], "/demoheader/prod/hello");
    assert_eq!(once(&start), [account]);
    assert_eq!(once(&first), [stage, plan, key, snapshot, meter]);
    let [start, first] = start_and_first_call(&default, "/hello");
    assert_eq!(once(&start), [account, stage, snapshot]);
    assert_eq!(once(&first), [plan, key, meter]);
}

/// Whatever its table does, a gateway starts, and answers once it can.
#[test]
fn a_table_that_cannot_be_read_ahead_keeps_no_gateway_from_starting() {
    let nowhere = "http://127.0.0.1:1";
    let default = [("DEFAULT_REST_API_ID", "demoheader"), ("DEFAULT_STAGE", "prod")];
    let environment = [&runtime_api::environment(nowhere, nowhere)[..], &default].concat();
    let function = Function::start("gateway", &environment);
    let answer = function.invoke(&event("rest-api-with-key")).expect("an answer");
    assert_eq!(answer["statusCode"], 500, "{answer}");
    assert!(function.logged().contains(" yet\""), "{}", function.logged());
}
