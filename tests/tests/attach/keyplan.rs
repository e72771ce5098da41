//! What `functions/authorizer/template.yaml` deploys, and who makes its keys.

use std::sync::Arc;

use keyplan_tests::{Call, DeployedStack, Dynamodb, DynamodbProxy, Function, Lambda, Stack};
use serde_json::{Value, json};

pub(crate) const FUNCTION: &str = "AuthorizerFunction";

pub(crate) struct Keyplan {
    /// What is deployed.
    pub(crate) template: DeployedStack,
    pub(crate) operator: Stack,
    /// What the operator's control plane asks of the table.
    pub(crate) by_operator: DynamodbProxy,
    pub(crate) lambda: Lambda,
    /// What the function asks of it.
    pub(crate) by_function: DynamodbProxy,
    _function: Arc<Function>,
    _dynamodb: Dynamodb,
}

impl Keyplan {
    pub(crate) fn deploy() -> Self {
        let parameters = [("TokenCacheTtlSeconds", "0")];
        let template = DeployedStack::of("functions/authorizer/template.yaml", "keyplan-authorizer", &parameters);
        let dynamodb = Dynamodb::start();
        dynamodb.create_table(&template.create_table("ConfigTable"));
        let (by_operator, by_function) = (DynamodbProxy::before(&dynamodb.url), DynamodbProxy::before(&dynamodb.url));
        let operator = Stack::with_variables(
            &[("AWS_ACCESS_KEY_ID", "operator"), ("AWS_SECRET_ACCESS_KEY", "of-the-table")],
            &[
                "--dynamodb-endpoint",
                &by_operator.url,
                "--config-table",
                template.name("ConfigTable"),
                "--credentials",
                "keys:of-the-operator",
            ],
        );
        let function = Arc::new(Function::deployed(
            &template,
            FUNCTION,
            &[
                ("AWS_ACCESS_KEY_ID", "function"),
                ("AWS_SECRET_ACCESS_KEY", "of-its-role"),
                ("AWS_ENDPOINT_URL_DYNAMODB", &by_function.url),
            ],
        ));
        let lambda = Lambda::start();
        lambda.host_process(template.name(FUNCTION), &function);
        Self { template, operator, by_operator, lambda, by_function, _function: function, _dynamodb: dynamodb }
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
        self.lambda.invocations(self.template.name(FUNCTION))
    }
}
