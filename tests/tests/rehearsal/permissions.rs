//! What each function asks of DynamoDB and of Lambda, held against its role: it
//! asks for no more, and the role allows no more than that.

use std::collections::BTreeSet;
use std::time::Duration;

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::iam_policy::{Asked, Policy};
use keyplan_tests::rest_api::ControlPlane as _;
use keyplan_tests::{Call, DeployedStack, Issuer, UsagePlan, signing};
use serde_json::{Value, json};

use crate::front_door::FrontDoor;
use crate::keyplan::{GATEWAY, INVOCABLE, Keyplan};
use crate::serving::Served;
use crate::{larger, operations};

/// What a role allows by an action and a partition and its function asks for only
/// where this rehearsal does not come, with the reason.
const ELSEWHERE: [(&str, &str, &str); 0] = [];

const KEY: (&str, &str) = ("first", "ES256");

#[test]
fn a_function_asks_for_no_more_than_its_role_allows_and_for_all_of_it() {
    let issuer = Issuer::start(&[KEY]);
    let rules = issuer.file(json!({"createKeys": {"planClaim": "plan"}}));
    let issuers = std::fs::read_to_string(rules.path()).expect("a file of the test's own");
    let keyplan = Keyplan::deploy(&[
        ("JwtIssuers", &issuers),
        ("CreateKeysAtFirstSight", "true"),
        ("RateLimitHeaders", "true"),
        ("ConfigCacheTtlSeconds", "0"),
    ]);
    assert_eq!(operations::carry_out(&keyplan), operations::ALL);
    larger::edits(&keyplan);
    larger::plans(&keyplan);
    larger::keys(&keyplan);
    let served = Served::by(&keyplan);
    serve(&served, &issuer);
    test_invoke(&served);

    let names = [(keyplan.template.arn("ConfigTable"), "config"), (keyplan.template.arn("UsageTable"), "usage")];
    for function in keyplan.function_names() {
        let (policy, asked) = allowed_and_asked(&keyplan, function);
        let mut unasked = policy.unasked("dynamodb", &asked, &names);
        unasked.extend(policy.unasked("lambda", &asked, &names));
        let elsewhere = ELSEWHERE.iter().filter(|(of, ..)| *of == function).map(|(_, grant, _)| (*grant).to_owned());
        assert_eq!(unasked, elsewhere.collect::<BTreeSet<_>>(), "{function}'s role allows more than it asks for");
    }
}

/// What they ask for only then is what nobody would miss before.
#[test]
fn failures_and_others_at_the_same_items_make_no_function_ask_for_more() {
    let keyplan = Keyplan::deploy(&[("ConfigCacheTtlSeconds", "0")]);
    larger::import_that_is_undone(&keyplan);
    larger::races(&keyplan);
    fail(&Served::by(&keyplan));
    for function in keyplan.function_names() {
        let _ = allowed_and_asked(&keyplan, function);
    }
}

/// What a role allows and its function has asked for, all of which is allowed.
fn allowed_and_asked(keyplan: &Keyplan, function: &str) -> (Policy, Vec<Asked>) {
    let (policy, asked) = (Policy::of(&keyplan.template.statements(function)), keyplan.asked_by(function));
    assert!(!asked.is_empty(), "{function}");
    assert_eq!(policy.refused(&asked), Vec::<&Asked>::new(), "{function} asks for more than its role allows");
    (policy, asked)
}

/// Every way of a call through the gateway and the authorizer.
fn serve(served: &Served<'_>, issuer: &Issuer) {
    let keyplan = served.keyplan;
    let (of_header, of_token) = (served.throttled.key("of a header"), served.limited.key("of a token"));
    let replace = |(path, value): (&str, &str)| json!({"op": "replace", "path": path, "value": value});
    let throttles = [("/*/*/throttling/rateLimit", "100"), ("/*/*/throttling/burstLimit", "100")].map(replace);
    let stage = format!("/restapis/{}/stages/prod", served.by_header);
    keyplan.made("PATCH", &stage, &json!({"patchOperations": throttles}));
    let by_header = served.get(&served.by_header, "/pets").header("x-api-key", &of_header.value);
    // A refusal is remembered, and asked about for what the headers say.
    for expected in [200, 200, 429, 429] {
        assert_eq!(status(keyplan, &by_header), expected);
    }
    let with = |token: &str| served.get(&served.by_authorizer, "/pets").header("authorization", token);
    assert_eq!(status(keyplan, &with(&served.token(&of_token))), 200);
    let subject = json!({"issuer": issuer.url, "subject": "alice"});
    keyplan.made("POST", &format!("/apikeys/{}/subjects", of_token.id), &subject);
    let now = signing::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let token = |claims: Value| issuer.token(i64::try_from(now).unwrap_or_default(), KEY, json!({}), claims);
    assert_eq!(status(keyplan, &with(&token(json!({})))), 200);
    assert_eq!(status(keyplan, &with(&token(json!({"sub": "bob", "plan": served.limited.id})))), 200);
    let denied = served.get(&served.by_header, "/denied").header("authorization", "whoever");
    assert_eq!(status(keyplan, &denied), 403);
    let echo = Call::new("POST", format!("/{}/prod/echo?q=1", served.by_header)).body("text/plain", "sent");
    assert_eq!(status(keyplan, &echo), 201);
}

/// What the control plane calls to test it.
fn test_invoke(served: &Served<'_>) {
    let api = format!("/restapis/{}", served.by_header);
    let resources = served.keyplan.made("GET", &format!("{api}/resources"), &Value::Null);
    let echo = resources["item"].as_array().into_iter().flatten().find(|resource| resource["path"] == "/echo");
    let echo = echo.and_then(|echo| echo["id"].as_str()).expect("the resource is there");
    served.keyplan.made("POST", &format!("{api}/resources/{echo}/methods/POST"), &json!({}));
    let authorizers = served.keyplan.made("GET", &format!("{api}/authorizers"), &Value::Null);
    let deny = authorizers["item"][0]["id"].as_str().expect("the authorizer is there");
    served.keyplan.made("POST", &format!("{api}/authorizers/{deny}"), &json!({"headers": {"Authorization": "a"}}));
}

/// Outages of the tables, one after the other, which the gateway probes until they end.
fn fail(served: &Served<'_>) {
    let quota = json!({"quota": {"limit": 1_000, "period": "MONTH"}});
    let plan = UsagePlan::create(served.keyplan, "of an outage", &[(&served.by_header, "prod")], quota);
    let key = plan.key("of an outage");
    let call = served.get(&served.by_header, "/pets").header("x-api-key", &key.value);
    let call_until = |turn: &str, times: usize| {
        let log = || served.keyplan.logged(GATEWAY);
        let is_over = || log().matches(&format!("\"outage\":\"{turn}\"")).count() == times;
        for _ in 0..200 {
            let _ = status(served.keyplan, &call);
            if is_over() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no outage {turn}");
    };
    let proxy = served.keyplan.dynamodb_of(GATEWAY);
    for (times, kind) in [(1, "UpdateItem"), (2, "GetItem")] {
        proxy.inject(0, vec![Rule::new(Fault::InternalServerError).kind(kind)]);
        call_until("began", times);
        proxy.behave();
        call_until("ended", times);
    }
}

fn status(keyplan: &Keyplan, call: &Call) -> u64 {
    keyplan.call(FrontDoor::FunctionUrl, call)["statusCode"].as_u64().unwrap_or_default()
}

#[test]
fn a_role_reaches_the_tables_the_functions_and_its_own_log_alone() {
    let invocable = INVOCABLE.map(|name| format!("arn:aws:lambda:us-east-1:000000000000:function:{name}")).join(",");
    let template = DeployedStack::of("template.yaml", "keyplan", &[("InvocableFunctions", &*invocable)]);
    for function in template.of_type("AWS::Serverless::Function") {
        for statement in template.statements(function) {
            let action = statement["Action"].as_str().or_else(|| statement["Action"][0].as_str()).unwrap_or_default();
            match action.split(':').next().unwrap_or_default() {
                "dynamodb" | "lambda" => {}
                "logs" => {
                    let log = template.properties(function)["LoggingConfig"]["LogGroup"].as_str().unwrap_or_default();
                    let its_own = format!("arn:aws:logs:us-east-1:000000000000:log-group:{log}:*");
                    assert_eq!(statement["Resource"], its_own, "{function}");
                }
                // The administrator's secret is in the environment, not read at run time.
                _ => panic!("{function}: {statement}"),
            }
        }
    }
}
