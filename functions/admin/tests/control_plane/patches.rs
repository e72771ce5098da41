//! Whatever is patched, all of a patch applies or none, and what applied is what
//! is shown from then on.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::support::{Answer, Control, text};

const LAMBDA_URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations";

const CASES: u32 = 600;

/// Paths of all kinds of things, since each has to refuse those of the others.
const PATHS: &[&str] = &[
    "/name",
    "/description",
    "/enabled",
    "/customerId",
    "/productCode",
    "/labels",
    "/quota/limit",
    "/quota/period",
    "/quota/offset",
    "/quota",
    "/throttle/rateLimit",
    "/throttle/burstLimit",
    "/throttle",
    "/apiStages",
    "/apiKeySource",
    "/binaryMediaTypes/image~1png",
    "/minimumCompressionSize",
    "/endpointConfiguration/types/EDGE",
    "/endpointConfiguration/ipAddressType",
    "/securityPolicy",
    "/policy",
    "/pathPart",
    "/parentId",
    "/apiKeyRequired",
    "/authorizationType",
    "/operationName",
    "/requestParameters/method.request.header.a",
    "/requestModels/application~1json",
    "/requestTemplates/application~1json",
    "/responseTemplates/application~1json",
    "/responseParameters/method.response.header.a",
    "/responseParameters/gatewayresponse.header.a",
    "/responseModels/application~1json",
    "/selectionPattern",
    "/contentHandling",
    "/timeoutInMillis",
    "/passthroughBehavior",
    "/uri",
    "/statusCode",
    "/authorizerResultTtlInSeconds",
    "/identitySource",
    "/authType",
    "/type",
    "/schema",
    "/validateRequestBody",
    "/variables/a",
    "/variables",
    "/tracingEnabled",
    "/deploymentId",
    "/cacheClusterSize",
    "/accessLogSettings/format",
    "/canarySettings/percentTraffic",
    "/*/*/throttling/rateLimit",
    "/~1pets/GET/logging/loglevel",
    "/cloudwatchRoleArn",
    "/~",
    "//",
    "",
];

const VALUES: &[&str] = &[
    "",
    "true",
    "false",
    "1",
    "-1",
    "0.5",
    "1e400",
    "DAY",
    "WEEK",
    "HEADER",
    "AUTHORIZER",
    "NONE",
    "CUSTOM",
    "REGIONAL",
    "dualstack",
    "TLS_1_2",
    "INFO",
    "Empty",
    "{}",
    "{\"statusCode\": 200}",
    "'literal'",
    "200",
    "TOKEN",
    "method.request.header.a",
    "https://example.com",
    "arn:aws:iam::123456789012:role/role",
    "pets",
    "{id}",
    "$context.requestId",
    "\u{0}\u{1f600}",
];

fn operation() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(&["add", "remove", "replace", "replace", "replace", "move", "copy", "test"][..]);
    let path = prop_oneof![9 => prop::sample::select(PATHS).prop_map(str::to_owned), 1 => "(/.{0,8}){0,4}"];
    let value = prop_oneof![9 => prop::sample::select(VALUES).prop_map(str::to_owned), 1 => ".{0,12}"];
    let from = prop::option::weighted(0.1, prop::sample::select(PATHS));
    (op, prop::option::weighted(0.97, path), prop::option::weighted(0.9, value), from).prop_map(
        |(op, path, value, from)| {
            let given = [("path", path), ("value", value), ("from", from.map(str::to_owned))];
            let mut operation = json!({"op": op});
            for (member, text) in given {
                if let Some(text) = text {
                    operation[member] = json!(text);
                }
            }
            operation
        },
    )
}

type Operations = &'static [(&'static str, &'static str, &'static str)];

const RESOURCE: Operations = &[("replace", "/pathPart", "dogs"), ("replace", "/pathPart", "cats")];
const METHOD: Operations = &[
    ("replace", "/apiKeyRequired", "true"),
    ("replace", "/operationName", "o"),
    ("add", "/requestParameters/method.request.header.a", "true"),
    ("replace", "/requestModels/application~1json", "Empty"),
];
const METHOD_RESPONSE: Operations = &[
    ("add", "/responseParameters/method.response.header.a", "true"),
    ("add", "/responseModels/application~1json", "Error"),
];
const INTEGRATION: Operations = &[
    ("replace", "/timeoutInMillis", "100"),
    ("replace", "/passthroughBehavior", "NEVER"),
    ("add", "/requestTemplates/application~1json", "{}"),
    ("replace", "/contentHandling", "CONVERT_TO_TEXT"),
];
const INTEGRATION_RESPONSE: Operations =
    &[("replace", "/selectionPattern", "2.."), ("add", "/responseTemplates/application~1json", "{}")];
const AUTHORIZER: Operations = &[
    ("replace", "/name", "b"),
    ("replace", "/authorizerResultTtlInSeconds", "7"),
    ("replace", "/identityValidationExpression", ".*"),
];
const MODEL: Operations = &[("replace", "/description", "e"), ("replace", "/schema", "{}")];
const VALIDATOR: Operations = &[("replace", "/name", "w"), ("replace", "/validateRequestBody", "true")];
const DEPLOYMENT: Operations = &[("replace", "/description", "e")];
const STAGE: Operations = &[
    ("replace", "/variables/a", "b"),
    ("replace", "/tracingEnabled", "true"),
    ("replace", "/*/*/throttling/rateLimit", "5"),
    ("replace", "/pets/GET/logging/loglevel", "INFO"),
    ("replace", "/accessLogSettings/format", "f"),
    ("remove", "/accessLogSettings", ""),
];
const GATEWAY_RESPONSE: Operations =
    &[("replace", "/statusCode", "420"), ("add", "/responseParameters/gatewayresponse.header.a", "'b'")];
const API: Operations = &[
    ("replace", "/name", "b"),
    ("replace", "/apiKeySource", "AUTHORIZER"),
    ("add", "/binaryMediaTypes/image~1png", ""),
    ("replace", "/securityPolicy", "TLS_1_2"),
    ("remove", "/description", ""),
];
const KEY: Operations = &[("replace", "/name", "l"), ("replace", "/enabled", "false"), ("replace", "/customerId", "c")];
const PLAN: Operations = &[
    ("replace", "/quota/limit", "7"),
    ("replace", "/quota/period", "WEEK"),
    ("replace", "/throttle/rateLimit", "2.5"),
    ("remove", "/throttle", ""),
    ("add", "/productCode", "p"),
];
const ACCOUNT: Operations = &[("replace", "/cloudwatchRoleArn", "arn:aws:iam::123456789012:role/role")];

/// For one kind: what is good there as a rule, and what is good elsewhere or nowhere.
fn patch_of(good: Operations) -> impl Strategy<Value = Vec<Value>> {
    let good = prop::sample::select(good).prop_map(|(op, path, value)| json!({"op": op, "path": path, "value": value}));
    prop::collection::vec(prop_oneof![5 => good, 1 => operation()], 1..4)
}

/// One of each kind, by their paths, and what can be done to it.
async fn everything(control: &Control) -> Vec<(String, Operations)> {
    let api = control.post("/restapis", json!({"name": "a", "description": "d"})).await.created();
    let path = format!("/restapis/{}", text(&api, "id"));
    let root = format!("{path}/resources/{}", text(&api, "rootResourceId"));
    let pets = text(&control.post(&root, json!({"pathPart": "pets"})).await.created(), "id");
    let method = format!("{path}/resources/{pets}/methods/GET");
    control.put(&method, json!({"authorizationType": "NONE"})).await.created();
    control.put(&format!("{method}/responses/200"), json!({})).await.created();
    control.put(&format!("{method}/integration"), json!({"type": "MOCK"})).await.created();
    control.put(&format!("{method}/integration/responses/200"), json!({})).await.created();
    let authorizer = json!({
        "name": "a", "type": "TOKEN", "authorizerUri": LAMBDA_URI, "identitySource": "method.request.header.a",
    });
    let authorizer = text(&control.post(&format!("{path}/authorizers"), authorizer).await.created(), "id");
    let validators = format!("{path}/requestvalidators");
    let validator = text(&control.post(&validators, json!({"name": "v"})).await.created(), "id");
    let deployment = control.post(&format!("{path}/deployments"), json!({"stageName": "prod"})).await.created();
    let key = text(&control.post("/apikeys", json!({"name": "k"})).await.created(), "id");
    let plan =
        json!({"name": "p", "quota": {"limit": 5, "period": "DAY"}, "throttle": {"burstLimit": 1, "rateLimit": 1}});
    let plan = text(&control.post("/usageplans", plan).await.created(), "id");
    vec![
        (format!("{path}/resources/{pets}"), RESOURCE),
        (method.clone(), METHOD),
        (format!("{method}/responses/200"), METHOD_RESPONSE),
        (format!("{method}/integration"), INTEGRATION),
        (format!("{method}/integration/responses/200"), INTEGRATION_RESPONSE),
        (format!("{path}/authorizers/{authorizer}"), AUTHORIZER),
        (format!("{path}/models/Error"), MODEL),
        (format!("{validators}/{validator}"), VALIDATOR),
        (format!("{path}/deployments/{}", text(&deployment, "id")), DEPLOYMENT),
        (format!("{path}/stages/prod"), STAGE),
        (format!("{path}/gatewayresponses/THROTTLED"), GATEWAY_RESPONSE),
        (path, API),
        (format!("/apikeys/{key}"), KEY),
        (format!("/usageplans/{plan}"), PLAN),
        ("/account".to_owned(), ACCOUNT),
    ]
}

/// What a thing is shown as, but for what shows more alone than in the answer to a
/// patch.
async fn shown(control: &Control, path: &str) -> Value {
    without_parts(control.get(path).await.ok())
}

fn without_parts(mut shown: Value) -> Value {
    for member in ["methodIntegration", "methodResponses", "integrationResponses", "resourceMethods"] {
        shown.as_object_mut().map(|members| members.remove(member));
    }
    shown
}

/// Whether it applied.
async fn check(control: &Control, path: &str, operations: &[Value]) -> Result<bool, TestCaseError> {
    let before = shown(control, path).await;
    let patch = json!({"patchOperations": operations});
    let Answer { status, kind, body } = control.call("PATCH", path, &patch.to_string()).await;
    let after = shown(control, path).await;
    let applied = (200..300).contains(&status);
    if applied {
        prop_assert_eq!(&without_parts(body), &after, "{}", path);
    } else {
        prop_assert!((400..500).contains(&status) && kind.ends_with("Exception"), "{path}: {status} {kind} {body}");
        prop_assert_eq!(before, after, "{} half applied: {}", path, body);
    }
    Ok(applied)
}

#[test]
fn a_patch_applies_whole_or_not_at_all_and_stays() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let control = runtime.block_on(Control::start());
    let paths = runtime.block_on(everything(&control));
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) });
    let patches = prop::sample::select(paths).prop_flat_map(|(path, good)| (Just(path), patch_of(good)));
    let applied = Cell::new(0);
    let case = |(path, operations): (String, Vec<Value>)| {
        let applies = runtime.block_on(check(&control, &path, &operations))?;
        applied.set(applied.get() + u32::from(applies));
        Ok(())
    };
    runner.run(&patches, case).unwrap();
    assert!(applied.get() > CASES / 4, "next to none of them applies: {}", applied.get());
}
