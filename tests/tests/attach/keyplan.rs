//! What `functions/authorizer/template.yaml` deploys, and who makes its keys.

use std::sync::Arc;

use keyplan_tests::lambda::Reply;
use keyplan_tests::{Call, Dynamodb, DynamodbProxy, Function, Lambda, Stack, binaries};
use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

pub(crate) const TABLE: &str = "keyplan-authorizer-ConfigTable-1ABCDEFGHIJKL";
pub(crate) const FUNCTION: &str = "keyplan-authorizer-AuthorizerFunction-1ABCDEFGHIJKL";
pub(crate) const AUTHORIZER_ARN: &str =
    "arn:aws:lambda:us-east-1:000000000000:function:keyplan-authorizer-AuthorizerFunction-1ABCDEFGHIJKL";

pub(crate) struct Keyplan {
    pub(crate) operator: Stack,
    /// What the operator's control plane asks of the table.
    pub(crate) by_operator: DynamodbProxy,
    pub(crate) lambda: Lambda,
    /// What the function asks of it.
    pub(crate) by_function: DynamodbProxy,
    /// To be dropped after the Lambda, whose runtime cannot end another one.
    _function: Arc<Function>,
    _dynamodb: Dynamodb,
}

impl Keyplan {
    pub(crate) fn deploy() -> Self {
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

    /// What the operator's control plane answers to a call, which succeeds.
    pub(crate) fn operate(&self, method: &str, path: &str, body: &Value) -> Value {
        let call = Call::new(method, format!("{}{path}", self.operator.control));
        let call = if body.is_null() { call } else { call.json(body) };
        let answer = call.signed_by("apigateway", "keys", "of-the-operator").send();
        assert!((200..300).contains(&answer.status), "{answer}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// A token that stands for a key: its id, and itself.
    pub(crate) fn token_of(&self, key_id: &str) -> (String, String) {
        let issued = self.operate("POST", &format!("/apikeys/{key_id}/tokens"), &json!({"principalId": "alice"}));
        let text = |member: &str| issued[member].as_str().unwrap_or_default().to_owned();
        (text("id"), text("token"))
    }

    /// How often the function was called.
    pub(crate) fn invocations(&self) -> usize {
        self.lambda.invocations(FUNCTION)
    }
}

/// The properties of a resource of the template. Of `!Ref X` there is `X`.
pub(crate) fn properties(resource: &str) -> Value {
    let template = binaries::workspace().join("functions/authorizer/template.yaml");
    let text = std::fs::read_to_string(template).unwrap_or_default();
    let documents = YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("the template: {error}"));
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
