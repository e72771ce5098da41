//! `docs/attach/attach.sh` as it stands, between two systems: a Keyplan of which
//! only the authorizer and its table are deployed, with an operator's control
//! plane beside it, and an API Gateway of its own, which a local stack plays.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use keyplan_tests::lambda::Reply;
use keyplan_tests::{AwsError, Call, Dynamodb, DynamodbProxy, Function, Lambda, RestApi, Stack, aws_cli, binaries};
use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

const TABLE: &str = "keyplan-authorizer-ConfigTable-1ABCDEFGHIJKL";
const FUNCTION: &str = "keyplan-authorizer-AuthorizerFunction-1ABCDEFGHIJKL";
const AUTHORIZER_ARN: &str =
    "arn:aws:lambda:us-east-1:000000000000:function:keyplan-authorizer-AuthorizerFunction-1ABCDEFGHIJKL";

/// What `functions/authorizer/template.yaml` deploys, and who makes its keys.
struct Keyplan {
    operator: Stack,
    /// What the operator's control plane asks of the table.
    by_operator: DynamodbProxy,
    lambda: Lambda,
    /// What the function asks of it.
    by_function: DynamodbProxy,
    /// To be dropped after the Lambda, whose runtime cannot end another one.
    _function: Arc<Function>,
    _dynamodb: Dynamodb,
}

impl Keyplan {
    fn deploy() -> Self {
        let dynamodb = Dynamodb::start();
        let table = Call::new("POST", &*dynamodb.url).header("x-amz-target", "DynamoDB_20120810.CreateTable");
        let made = table.body("application/x-amz-json-1.0", config_table().to_string()).signed_for("dynamodb").send();
        assert_eq!(made.status, 200, "{made}");
        let (by_operator, by_function) = (DynamodbProxy::before(&dynamodb.url), DynamodbProxy::before(&dynamodb.url));
        let operator = Stack::with_variables(
            &[("AWS_ACCESS_KEY_ID", "operator"), ("AWS_SECRET_ACCESS_KEY", "of-the-table")],
            &[
                "--dynamodb-endpoint",
                &by_operator.url,
                "--config-table",
                TABLE,
                "--credentials",
                "keys:of-the-operator",
            ],
        );
        let function = Arc::new(Function::start(
            "authorizer",
            &[
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "function"),
                ("AWS_SECRET_ACCESS_KEY", "of-its-role"),
                ("AWS_ENDPOINT_URL_DYNAMODB", &by_function.url),
                ("CONFIG_TABLE", TABLE),
                ("RUST_LOG", "info"),
                ("TOKEN_CACHE_TTL_SECONDS", "0"),
                // As the template's parameters are by default.
                ("JWT_ISSUERS", ""),
                ("HTTP_API_RESPONSE", "simple"),
            ],
        ));
        let lambda = Lambda::start();
        let hosted = function.clone();
        lambda.host(FUNCTION, move |event| {
            let (function, event) = (hosted.clone(), event.clone());
            // Outside of the runtime that asks.
            let outcome = std::thread::spawn(move || function.invoke(&event)).join();
            match outcome.unwrap_or_else(|_| panic!("the authorizer answers")) {
                Ok(answer) => Reply::Json(answer),
                Err(error) if error["errorMessage"] == "Unauthorized" => Reply::Throws("Unauthorized"),
                Err(_) => Reply::Throws("another error"),
            }
        });
        Self { operator, by_operator, lambda, by_function, _function: function, _dynamodb: dynamodb }
    }

    fn operate(&self, method: &str, path: &str, body: &Value) -> Value {
        let call = Call::new(method, format!("{}{path}", self.operator.control));
        let call = if body.is_null() { call } else { call.json(body) };
        let answer = call.signed_by("apigateway", "keys", "of-the-operator").send();
        assert!((200..300).contains(&answer.status), "{answer}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    fn invocations(&self) -> usize {
        self.lambda.invocations(FUNCTION)
    }
}

/// The properties of a resource of the template. Of `!Ref X` there is `X`.
fn properties(resource: &str) -> Value {
    let template = binaries::workspace().join("functions/authorizer/template.yaml");
    let text = std::fs::read_to_string(template).expect("the template can be read");
    let documents = YamlLoader::load_from_str(&text).expect("the template is YAML");
    let template = documents.first().map(json_of).unwrap_or_default();
    template["Resources"][resource]["Properties"].clone()
}

/// The template's table, as CreateTable takes it.
fn config_table() -> Value {
    let properties = properties("ConfigTable");
    let mut table = json!({"TableName": TABLE});
    for member in ["AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"] {
        table[member] = properties[member].clone();
    }
    table
}

fn json_of(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Boolean(boolean) => (*boolean).into(),
        Yaml::Integer(integer) => (*integer).into(),
        Yaml::String(text) => text.as_str().into(),
        Yaml::Array(items) => items.iter().map(json_of).collect(),
        Yaml::Hash(members) => {
            let members =
                members.iter().map(|(name, value)| (name.as_str().unwrap_or_default().to_owned(), json_of(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}

/// The words after `name=` in the line that the script ends with.
fn named<'l>(line: &'l str, name: &str) -> &'l str {
    let word = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    word.unwrap_or_else(|| panic!("no {name} in {line:?}"))
}

fn attach(variables: &[(&str, &str)]) -> Result<String, AwsError> {
    let script: PathBuf = binaries::workspace().join("docs/attach/attach.sh");
    aws_cli::script(&script, &[&[("AUTHORIZER_ARN", AUTHORIZER_ARN), ("STAGE", "prod")], variables].concat())
}

fn token_of(keyplan: &Keyplan, key_id: &str) -> (String, String) {
    let issued = keyplan.operate("POST", &format!("/apikeys/{key_id}/tokens"), &json!({"principalId": "alice"}));
    let text = |member: &str| issued[member].as_str().unwrap_or_default().to_owned();
    (text("id"), text("token"))
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
    let (token_id, token) = token_of(&keyplan, key_id);

    let from_keyplan = [
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
    let (_, token) = token_of(&keyplan, key["id"].as_str().expect("a key has an id"));
    let at_api_gateway =
        [("REST_API_ID", &*api.id), ("USAGE_PLAN_ID", plan_id), ("AWS_ENDPOINT_URL", &*api_gateway.control)];
    let value = key["value"].as_str().expect("a new key is shown with its value");
    let first = attach(&[&at_api_gateway[..], &[("KEY_VALUE", value), ("KEY_NAME", "alice")]].concat());
    let first = first.unwrap_or_else(|error| panic!("{}", error.message));
    let key_id = named(&first, "api-key");
    let read = api_gateway.aws(&format!("apigateway get-api-key --api-key {key_id} --include-value"));
    assert_eq!((read["value"].as_str(), read["name"].as_str()), (Some(value), Some("alice")));

    let again = attach(&[&at_api_gateway[..], &[("API_KEY_ID", key_id)]].concat());
    assert_eq!(again, Ok(first.clone()));
    let call = Call::get(api.url("prod", "/pets")).header("authorization", &token).send();
    assert_eq!(call.status, 200, "{call}");
}

/// The actions on the table that a policy document allows, as `GetItem TOKEN`,
/// by the beginnings of the partitions that they may touch.
fn allowed(document: &Value) -> BTreeSet<String> {
    let list = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let mut allowed = BTreeSet::new();
    for statement in document["Statement"].as_array().into_iter().flatten() {
        for action in list(&statement["Action"]) {
            let Some(action) = action.as_str().and_then(|action| action.strip_prefix("dynamodb:")) else { continue };
            let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            for key in keys.as_array().into_iter().flatten().filter_map(Value::as_str) {
                allowed.insert(format!("{action} {}", key.trim_end_matches("#*")));
            }
            if keys.is_null() {
                allowed.insert(format!("{action} "));
            }
        }
    }
    allowed
}

/// What was asked, in the same words.
fn asked(proxy: &DynamodbProxy) -> BTreeSet<String> {
    let asked = proxy.tallies().into_keys().map(|operation| {
        let of_table = TABLE.trim_start_matches("keyplan-") == operation.table;
        assert!(of_table || operation.table.is_empty(), "{operation} is about another table");
        let partition = operation.item.split('/').next().unwrap_or_default();
        format!("{} {partition}", operation.kind)
    });
    asked.collect()
}

#[test]
fn the_operator_and_the_function_ask_for_no_more_than_their_policies_allow() {
    let keyplan = Keyplan::deploy();
    let key = keyplan.operate("POST", "/apikeys", &json!({"name": "alice", "enabled": true}));
    let key = format!("/apikeys/{}", key["id"].as_str().expect("a key has an id"));
    let (token_id, token) = token_of(&keyplan, key.trim_start_matches("/apikeys/"));
    let rename = json!({"patchOperations": [{"op": "replace", "path": "/name", "value": "bob"}]});
    let subject = json!({"issuer": "https://login.example.com/", "subject": "alice"});
    let subject = keyplan.operate("POST", &format!("{key}/subjects"), &subject);
    let subject_id = subject["id"].as_str().expect("a subject has an id");
    for (method, path, body) in [
        ("GET", "/apikeys".to_owned(), Value::Null),
        ("GET", "/apikeys?includeValues=true&name=al".to_owned(), Value::Null),
        ("GET", format!("{key}?includeValue=true"), Value::Null),
        ("PATCH", key.clone(), rename),
        ("GET", format!("{key}/tokens"), Value::Null),
        ("POST", format!("{key}/tokens/{token_id}/rotate"), json!({})),
        ("GET", format!("{key}/subjects"), Value::Null),
        ("DELETE", format!("{key}/subjects/{subject_id}"), Value::Null),
    ] {
        keyplan.operate(method, &path, &body);
    }
    let method_arn = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/prod/GET/pets";
    let event = json!({"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn});
    let (answer, payload) = aws_cli::lambda_invoke(&keyplan.lambda.url, FUNCTION, &event);
    assert!(answer.is_ok() && payload["usageIdentifierKey"].is_string(), "{answer:?} {payload}");
    keyplan.operate("DELETE", &format!("{key}/tokens/{token_id}"), &Value::Null);
    keyplan.operate("DELETE", &key, &Value::Null);

    let policies = &properties("AuthorizerRole")["Policies"];
    let (asked_by_function, of_role) = (asked(&keyplan.by_function), allowed(&policies[0]["PolicyDocument"]));
    assert!(asked_by_function.contains("GetItem TOKEN") && asked_by_function.contains("UpdateItem TOKEN"));
    assert!(asked_by_function.is_subset(&of_role), "{asked_by_function:?} is more than {of_role:?}");

    // A transaction takes the actions of what is in it, whose partitions the
    // proxy does not tell; a batch likewise.
    let mut of_operator = allowed(&properties("KeyOperator")["PolicyDocument"]);
    of_operator.extend(["TransactWriteItems ", "BatchGetItem ", "BatchWriteItem "].map(str::to_owned));
    let asked_by_operator = asked(&keyplan.by_operator);
    assert!(asked_by_operator.contains("DescribeTable ") && asked_by_operator.contains("Query KEYS"));
    assert!(asked_by_operator.is_subset(&of_operator), "{asked_by_operator:?} is more than {of_operator:?}");
}

#[test]
fn the_script_names_what_it_lacks() {
    let refused = attach(&[]).map_err(|error| error.message);
    assert!(refused.as_ref().is_err_and(|message| message.contains("REST_API_ID")), "{refused:?}");
}
