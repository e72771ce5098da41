//! Calls by every front door, from the first without a key to the one that is
//! over the quota.

use keyplan_tests::lambda::{self, Reply};
use keyplan_tests::rest_api::{ControlPlane as _, integration};
use keyplan_tests::{ApiKey, Call, RestApi, UsagePlan, samples, signing};
use serde_json::{Value, json};

use crate::front_door::{self, Answer, FrontDoor};
use crate::keyplan::{AUTHORIZER, GATEWAY, INVOCABLE, Keyplan};

const REFUSED: &str = "application/json";
const EXPLICIT_DENY: &str =
    r#"{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}"#;

/// Two APIs, one for each source of keys, and plans over both.
pub(crate) struct Served<'k> {
    pub(crate) keyplan: &'k Keyplan,
    pub(crate) by_header: String,
    pub(crate) by_authorizer: String,
    /// Lets two calls in at once, and then one in a quarter of an hour.
    pub(crate) throttled: UsagePlan<'k, Keyplan>,
    /// Lets two calls in a month in.
    pub(crate) limited: UsagePlan<'k, Keyplan>,
}

impl<'k> Served<'k> {
    pub(crate) fn by(keyplan: &'k Keyplan) -> Self {
        let mut by_header = RestApi::create(keyplan, json!({"binaryMediaTypes": ["application/octet-stream"]}));
        let mut by_authorizer = RestApi::create(keyplan, json!({"apiKeySource": "AUTHORIZER"}));
        by_header.mock("GET", "/pets", json!({"apiKeyRequired": true}), "$context.identity.apiKeyId");
        let [deny, backend] = INVOCABLE;
        by_header.function("POST", "/echo", json!({}), backend);
        let denied = by_header.authorizer("deny", deny, json!({}));
        by_header.method("GET", "/denied", json!({"authorizerId": denied}), &integration(backend));
        let uri = lambda::uri_of_arn(keyplan.template.arn(AUTHORIZER));
        let tokens = by_authorizer.authorizer("tokens", "", json!({"authorizerUri": uri}));
        let guarded = json!({"apiKeyRequired": true, "authorizerId": tokens});
        by_authorizer.mock("GET", "/pets", guarded, "$context.authorizer.principalId $context.identity.apiKeyId");
        by_header.deploy("prod", &json!({}));
        by_authorizer.deploy("prod", &json!({}));
        let stages = [(by_header.id.as_str(), "prod"), (by_authorizer.id.as_str(), "prod")];
        let plan = |name: &str, settings: Value| UsagePlan::create(keyplan, name, &stages, settings);
        let throttled = json!({
            "throttle": {"burstLimit": 2, "rateLimit": 0.001}, "quota": {"limit": 100, "period": "MONTH"},
        });
        let limited = json!({
            "throttle": {"burstLimit": 100, "rateLimit": 100.0}, "quota": {"limit": 2, "period": "MONTH"},
        });
        let (throttled, limited) = (plan("throttled", throttled), plan("limited", limited));
        keyplan.lambda_of(GATEWAY).host(backend, |event| {
            Reply::Json(json!({
                "statusCode": 201,
                "headers": {"Content-Type": "application/octet-stream", "X-Body": event["body"]},
                "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "X-Query": [event["queryStringParameters"]["q"]]},
                "body": "AJ+Slg==",
                "isBase64Encoded": true,
            }))
        });
        Self { keyplan, by_header: by_header.id, by_authorizer: by_authorizer.id, throttled, limited }
    }

    /// A token that stands for a key.
    pub(crate) fn token(&self, key: &ApiKey) -> String {
        let made = self.keyplan.made("POST", &format!("/apikeys/{}/tokens", key.id), &json!({"principalId": "alice"}));
        made["token"].as_str().unwrap_or_else(|| panic!("no token: {made}")).to_owned()
    }

    pub(crate) fn get(&self, api: &str, path: &str) -> Call {
        Call::get(format!("/{api}/prod{path}"))
    }

    fn answers(&self, door: FrontDoor, call: &Call, expected: &Answer<'_>) {
        let answer = self.keyplan.call(door, call);
        let difference = samples::difference(&door.answer(expected), &answer);
        assert_eq!(difference, None, "{door:?} {} {}: {answer}", call.method(), call.url());
    }

    fn refuses(&self, door: FrontDoor, call: &Call, (status, kind, body): (u16, &str, &str)) {
        let headers: &[(&str, &[&str])] = &[
            ("content-type", &[REFUSED]),
            ("x-amzn-errortype", &[kind]),
            ("x-amzn-requestid", &["<any>"]),
            ("x-amz-apigw-id", &["<any>"]),
            // Waiting helps only who is over a limit.
            ("retry-after", &["<any>"]),
        ];
        let headers = if status == 429 { headers } else { &headers[..4] };
        self.answers(door, call, &Answer { status, headers, body, is_base64: false });
    }

    fn lets_in(&self, door: FrontDoor, call: &Call, body: &str) {
        let headers: &[(&str, &[&str])] = &[
            ("content-type", &["application/json"]),
            ("x-amzn-requestid", &["<any>"]),
            ("x-amz-apigw-id", &["<any>"]),
        ];
        self.answers(door, call, &Answer { status: 200, headers, body, is_base64: false });
    }
}

pub(crate) fn today() -> String {
    let now = signing::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
    keyplan_domain::time::Timestamp::from_seconds(seconds).date().to_string()
}

pub(crate) const THROTTLED: (u16, &str, &str) = (429, "TooManyRequestsException", r#"{"message":"Too Many Requests"}"#);
pub(crate) const SPENT: (u16, &str, &str) = (429, "LimitExceededException", r#"{"message":"Limit Exceeded"}"#);

/// The lines of a log that alarms count.
pub(crate) fn failures(log: &str) -> Vec<&str> {
    let is_error = |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|line| line["level"] == "ERROR");
    log.lines().filter(is_error).collect()
}

#[test]
fn every_front_door_leads_to_the_same_keys_plans_and_limits() {
    const FORBIDDEN: (u16, &str, &str) = (403, "ForbiddenException", r#"{"message":"Forbidden"}"#);
    const UNAUTHORIZED: (u16, &str, &str) = (401, "UnauthorizedException", r#"{"message":"Unauthorized"}"#);
    let day = today();
    let keyplan = Keyplan::deploy(&[]);
    let served = Served::by(&keyplan);
    for door in front_door::ALL {
        let name = format!("{door:?}");
        let (bursting, spending) = (served.throttled.key(&name), served.limited.key(&name));
        let with_key = |key: &str| served.get(&served.by_header, "/pets").header("x-api-key", key);
        served.refuses(door, &served.get(&served.by_header, "/pets"), FORBIDDEN);
        served.refuses(door, &with_key("no-key-has-this-value-0001"), FORBIDDEN);
        for _ in 0..2 {
            served.lets_in(door, &with_key(&bursting.value), &bursting.id);
        }
        served.refuses(door, &with_key(&bursting.value), THROTTLED);

        let guarded = served.get(&served.by_authorizer, "/pets");
        let token = served.token(&spending);
        let with_token = |token: &str| guarded.clone().header("authorization", token);
        served.refuses(door, &guarded, UNAUTHORIZED);
        served.refuses(door, &guarded.clone().header("x-api-key", &spending.value), UNAUTHORIZED);
        served.refuses(door, &with_token("kp_UnknownTokenNeverIssued0000000011QIFq8"), UNAUTHORIZED);
        for _ in 0..2 {
            served.lets_in(door, &with_token(&format!("Bearer {token}")), &format!("alice {}", spending.id));
        }
        served.refuses(door, &with_token(&format!("Bearer {token}")), SPENT);

        let denied = served.get(&served.by_header, "/denied").header("authorization", "whoever");
        served.refuses(door, &denied, (403, "AccessDeniedException", EXPLICIT_DENY));
        let nowhere = served.get(&served.by_header, "/nowhere");
        let unknown = r#"{"message":"Missing Authentication Token"}"#;
        served.refuses(door, &nowhere, (403, "MissingAuthenticationTokenException", unknown));

        let echo = Call::new("POST", format!("/{}/prod/echo?q=1", served.by_header)).body("text/plain", "sent");
        let echo = echo.header("accept", "application/octet-stream");
        let headers: &[(&str, &[&str])] = &[
            ("content-type", &["application/octet-stream"]),
            ("x-body", &["sent"]),
            ("x-query", &["1"]),
            ("set-cookie", &["a=1", "b=2"]),
            ("x-amzn-requestid", &["<any>"]),
            ("x-amz-apigw-id", &["<any>"]),
        ];
        served.answers(door, &echo, &Answer { status: 201, headers, body: "AJ+Slg==", is_base64: true });

        for (plan, key) in [(&served.throttled, &bursting), (&served.limited, &spending)] {
            assert_eq!(plan.used_between(&day, &today()).get(&key.id), Some(&2), "{door:?}");
        }
    }
    // Of each front door one token that nobody knows, and one that is kept.
    let authorizer = keyplan.template.name(AUTHORIZER);
    assert_eq!(keyplan.lambda_of(GATEWAY).invocations(authorizer), 2 * front_door::ALL.len());
    for function in keyplan.function_names() {
        assert_eq!(failures(&keyplan.logged(function)), Vec::<&str>::new(), "{function}: no refusal is a failure");
    }
}

#[test]
fn what_the_authorizer_cannot_answer_is_one_failure() {
    let keyplan = Keyplan::deploy(&[]);
    let error = keyplan.outcome(AUTHORIZER, &json!({"type": "TOKEN"})).expect_err("no event of API Gateway's");
    assert_ne!(error["errorMessage"], "Unauthorized");
    assert_eq!(failures(&keyplan.logged(AUTHORIZER)).len(), 1);
}
