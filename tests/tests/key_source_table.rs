//! Where a request's key comes from (developer guide, "Choose an API key
//! source"), row by row: each source with every kind of value in the header and
//! from the authorizer, on methods that require a key and on those that do not.
//!
//! The rule is stated once more in [`expected`], in no terms of the gateway's.

use std::collections::BTreeMap;

use keyplan_tests::lambda::{Reply, authorizers};
use keyplan_tests::rest_api::integration;
use keyplan_tests::{Answer, ApiKey, Lambda, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Header,
    Authorizer,
}

/// What a request carries in its header, or the authorizer's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// The method has no authorizer. Never of the header.
    NoAuthorizer,
    Absent,
    /// JSON's null. Never of the header.
    Null,
    Empty,
    Valid,
    Unknown,
    Disabled,
    OnAnotherStage,
    InNoPlan,
    /// A valid key's id in place of its value.
    IdForValue,
}

const HEADER: [Given; 8] = [
    Given::Absent,
    Given::Empty,
    Given::Valid,
    Given::Unknown,
    Given::Disabled,
    Given::OnAnotherStage,
    Given::InNoPlan,
    Given::IdForValue,
];
const AUTHORIZER: [Given; 10] = [
    Given::NoAuthorizer,
    Given::Absent,
    Given::Null,
    Given::Empty,
    Given::Valid,
    Given::Unknown,
    Given::Disabled,
    Given::OnAnotherStage,
    Given::InNoPlan,
    Given::IdForValue,
];

/// What must come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// 200, at nobody's expense.
    Free,
    /// 200, at the expense of the valid key of the source.
    Charged,
    /// 403 `Forbidden`, for this reason.
    Forbidden(&'static str),
}

fn expected(source: Source, header: Given, authorizer: Given, key_required: bool) -> Expected {
    let counts = match source {
        Source::Header => header,
        Source::Authorizer => authorizer,
    };
    match (key_required, counts) {
        (false, _) => Expected::Free,
        (true, Given::Valid) => Expected::Charged,
        (true, Given::NoAuthorizer | Given::Absent | Given::Null | Given::Empty) => Expected::Forbidden("KeyMissing"),
        (true, Given::Unknown | Given::IdForValue) => Expected::Forbidden("KeyUnknown"),
        (true, Given::Disabled) => Expected::Forbidden("KeyDisabled"),
        (true, Given::OnAnotherStage | Given::InNoPlan) => Expected::Forbidden("NoPlanForStage"),
    }
}

/// A key of each kind. The header and the authorizer have their own, so that a
/// look at the wrong place is told from a look at the right one.
struct Keys {
    valid: ApiKey,
    disabled: ApiKey,
    elsewhere: ApiKey,
    unplanned: ApiKey,
}

impl Keys {
    fn create(stack: &Stack, whose: &str, plan: &UsagePlan<'_>, other: &UsagePlan<'_>) -> Self {
        let valid = plan.key(&format!("{whose}, valid"));
        let disabled = ApiKey::create(stack, &format!("{whose}, disabled"), false);
        plan.add(&disabled);
        let elsewhere = other.key(&format!("{whose}, on another stage"));
        let unplanned = ApiKey::create(stack, &format!("{whose}, in no plan"), true);
        Self { valid, disabled, elsewhere, unplanned }
    }

    /// What stands for a kind; `None` where nothing does.
    fn value(&self, given: Given) -> Option<&str> {
        Some(match given {
            Given::NoAuthorizer | Given::Absent | Given::Null => return None,
            Given::Empty => "",
            Given::Valid => &self.valid.value,
            Given::Unknown => "a-value-that-no-key-has-ever-had",
            Given::Disabled => &self.disabled.value,
            Given::OnAnotherStage => &self.elsewhere.value,
            Given::InNoPlan => &self.unplanned.value,
            Given::IdForValue => &self.valid.id,
        })
    }
}

/// An API of a source with a method for every demand: `/{guard}/{key}`, of
/// which one stage is in the plan and another in the other plan.
fn api<'s>(stack: &'s Stack, source: &str) -> RestApi<'s> {
    let mut api = RestApi::create(stack, json!({"apiKeySource": source}));
    let guard = api.authorizer("keyed", "keyed", json!({"authorizerResultTtlInSeconds": 0}));
    for key_required in [true, false] {
        let path = |guard: &str| format!("/{guard}/{key_required}");
        let settings = json!({"apiKeyRequired": key_required});
        api.method("GET", &path("open"), settings, &integration("echo"));
        let settings = json!({"apiKeyRequired": key_required, "authorizerId": guard});
        api.method("GET", &path("guarded"), settings, &integration("echo"));
    }
    api.deploy("prod", &json!({"keyplanExplain": "true"}));
    api.deploy("other", &json!({}));
    api
}

/// Answers with what the table has for the token, which is the kind's name.
fn keyed(keys: &Keys) -> impl Fn(&Value) -> Reply + Send + Sync + 'static {
    let answers: BTreeMap<String, Value> = AUTHORIZER
        .into_iter()
        .map(|given| {
            let members = match (given, keys.value(given)) {
                (Given::Null, _) => json!({"usageIdentifierKey": null}),
                (_, None) => json!({}),
                (_, Some(value)) => json!({"usageIdentifierKey": value}),
            };
            (format!("{given:?}"), members)
        })
        .collect();
    move |event| authorizers::with(answers[event["authorizationToken"].as_str().unwrap_or_default()].clone())
}

fn call(api: &RestApi<'_>, header: Option<&str>, authorizer: Given, key_required: bool) -> Answer {
    let guard = if authorizer == Given::NoAuthorizer { "open" } else { "guarded" };
    let call = api.get(&format!("/{guard}/{key_required}")).header("authorization", &format!("{authorizer:?}"));
    header.into_iter().fold(call, |call, value| call.header("x-api-key", value)).send()
}

/// Holds one answer against what is expected of it.
fn check(row: &str, answer: &Answer, expected: Expected, paying: &ApiKey) {
    let header = |name: &str| answer.headers.get(name).map(String::as_str);
    match expected {
        Expected::Free | Expected::Charged => {
            assert_eq!((answer.status, header("x-keyplan-reason")), (200, None), "{row}: {answer}");
            let identity = &answer.json()["requestContext"]["identity"];
            let shown = (identity["apiKeyId"].as_str(), identity["apiKey"].as_str());
            let wanted = (expected == Expected::Charged).then_some(paying);
            assert_eq!(
                shown,
                (wanted.map(|key| key.id.as_str()), wanted.map(|key| key.value.as_str())),
                "{row}: {answer}"
            );
        }
        Expected::Forbidden(reason) => {
            assert_eq!((answer.status, answer.body.as_str()), (403, r#"{"message":"Forbidden"}"#), "{row}: {answer}");
            assert_eq!(header("x-amzn-errortype"), Some("ForbiddenException"), "{row}: {answer}");
            assert_eq!(header("x-keyplan-reason"), Some(reason), "{row}: {answer}");
        }
    }
}

#[test]
fn under_header_only_the_header_counts_whatever_the_authorizer_answers() {
    every_row_of(Source::Header, "HEADER");
}

#[test]
fn under_authorizer_only_its_answer_counts_whatever_the_header_says() {
    every_row_of(Source::Authorizer, "AUTHORIZER");
}

fn every_row_of(source: Source, name: &str) {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let day = stack.advance_to_noon();
    let api = api(&stack, name);
    let quota = || json!({"quota": {"limit": 10_000, "period": "DAY"}});
    let plan = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], quota());
    let other = UsagePlan::create(&stack, "other", &[(&api.id, "other")], quota());
    let of_header = Keys::create(&stack, "header", &plan, &other);
    let of_authorizer = Keys::create(&stack, "authorizer", &plan, &other);
    let paying = if source == Source::Header { &of_header.valid } else { &of_authorizer.valid };
    lambda.host("keyed", keyed(&of_authorizer));
    let mut charged = 0;
    for (header, authorizer, key_required) in rows() {
        let row = format!("header {header:?}, authorizer {authorizer:?}, key required: {key_required}");
        let expected = expected(source, header, authorizer, key_required);
        let answer = call(&api, of_header.value(header), authorizer, key_required);
        check(&row, &answer, expected, paying);
        charged += i64::from(expected == Expected::Charged);
        let bill = [(paying.id.clone(), charged)].into_iter().filter(|(_, used)| *used > 0).collect();
        assert_eq!(plan.used(&day), bill, "{row}");
    }
    assert!(charged > 0 && other.used(&day).is_empty());
}

fn rows() -> impl Iterator<Item = (Given, Given, bool)> {
    let pairs = HEADER.into_iter().flat_map(|header| AUTHORIZER.into_iter().map(move |given| (header, given)));
    pairs.flat_map(|(header, authorizer)| [(header, authorizer, true), (header, authorizer, false)])
}

/// An authorizer's odd answers leave no key, or are no answer at all; none of
/// them lets the header's key in.
#[test]
fn an_odd_usage_identifier_key_opens_nothing() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let day = stack.advance_to_noon();
    let mut api = RestApi::create(&stack, json!({"apiKeySource": "AUTHORIZER"}));
    let rows = [
        ("key-null", 403, r#"{"message":"Forbidden"}"#),
        ("key-empty", 403, r#"{"message":"Forbidden"}"#),
        ("key-number", 500, r#"{"message":null}"#),
        ("key-object", 500, r#"{"message":null}"#),
    ];
    for (function, ..) in rows {
        let guard = api.authorizer(function, function, json!({}));
        let path = format!("/{function}");
        api.method("GET", &path, json!({"apiKeyRequired": true, "authorizerId": guard}), &integration("good"));
    }
    api.deploy("prod", &json!({}));
    let plan = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({}));
    let key = plan.key("valid");
    for (function, status, body) in rows {
        let call = api.get(&format!("/{function}")).header("authorization", "token").header("x-api-key", &key.value);
        let answer = call.send();
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{function}: {answer}");
        assert_eq!(lambda.invocations(function), 1);
    }
    assert_eq!((plan.used(&day).len(), lambda.invocations("good")), (0, 0));
}

/// The value is compared as it is: no prefix, other case, or surrounding space
/// that HTTP itself does not take away.
#[test]
fn a_value_is_compared_as_it_is() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({"apiKeyRequired": true}), "{}");
    api.deploy("prod", &json!({}));
    let plan = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({}));
    let key = plan.key("valid").value;
    let with = |name: &str, value: &str| api.get("/hello").header(name, value).send().status;
    for name in ["x-api-key", "X-API-Key", "X-API-KEY"] {
        assert_eq!(with(name, &key), 200, "{name}");
    }
    assert_eq!(with("x-api-key", &format!("  {key} ")), 200, "space around a header's value is not of it");
    for wrong in [
        key.to_uppercase(),
        key[..key.len() - 1].to_owned(),
        format!("{key}x"),
        format!("Bearer {key}"),
        format!("\"{key}\""),
        format!("{key},{key}"),
    ] {
        assert_eq!(with("x-api-key", &wrong), 403);
    }
    for name in ["authorization", "api-key", "x-api_key", "apikey"] {
        assert_eq!(with(name, &key), 403, "{name}");
    }
    let in_query = api.get(&format!("/hello?x-api-key={key}&apiKey={key}&api_key={key}")).send();
    assert_eq!(in_query.status, 403, "only the header counts");
    assert!(!stack.logged().contains(&key), "no value is in the log, wherever it was sent");
}
