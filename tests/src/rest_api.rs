//! REST APIs made through the control plane's HTTP API, signed, as the AWS CLI
//! would make them but without a process a call.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Call, Stack, lambda};

/// A control plane, wherever it runs.
pub trait ControlPlane {
    /// A signed call that succeeds, and its answer.
    fn made(&self, method: &str, path: &str, body: &Value) -> Value;
}

/// A REST API of a stack.
#[derive(Debug)]
pub struct RestApi<'s, C = Stack> {
    /// Its id.
    pub id: String,
    stack: &'s C,
    /// The ids of its resources by path.
    resources: BTreeMap<String, String>,
}

impl Stack {
    /// A signed call to the control plane that succeeds, and its answer.
    ///
    /// # Panics
    /// When it is refused.
    pub fn made(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.control(method, path, body);
        assert!((200..300).contains(&answer.status), "{method} {path} {body}: {answer}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }
}

impl ControlPlane for Stack {
    fn made(&self, method: &str, path: &str, body: &Value) -> Value {
        Stack::made(self, method, path, body)
    }
}

impl<'s, C: ControlPlane> RestApi<'s, C> {
    /// One with these settings besides its name.
    #[must_use]
    pub fn create(stack: &'s C, mut settings: Value) -> Self {
        settings["name"] = "tested".into();
        let made = stack.made("POST", "/restapis", &settings);
        let resources = BTreeMap::from([("/".to_owned(), text(&made["rootResourceId"]))]);
        Self { id: text(&made["id"]), stack, resources }
    }

    /// The id of the resource at a path, which is made if it is not there.
    pub fn resource(&mut self, path: &str) -> String {
        if let Some(id) = self.resources.get(path) {
            return id.clone();
        }
        let (parent, part) = path.rsplit_once('/').unwrap_or_default();
        let parent = self.resource(if parent.is_empty() { "/" } else { parent });
        let at = format!("/restapis/{}/resources/{parent}", self.id);
        let id = text(&self.stack.made("POST", &at, &json!({"pathPart": part}))["id"]);
        self.resources.insert(path.to_owned(), id.clone());
        id
    }

    /// Where the control plane has a method of this API.
    pub fn method_path(&mut self, verb: &str, path: &str) -> String {
        let resource = self.resource(path);
        format!("/restapis/{}/resources/{resource}/methods/{verb}", self.id)
    }

    /// A method with an integration; `authorizationType` is `NONE` where
    /// `settings` name no authorizer.
    pub fn method(&mut self, verb: &str, path: &str, mut settings: Value, integration: &Value) {
        let kind = if settings["authorizerId"].is_string() { "CUSTOM" } else { "NONE" };
        settings["authorizationType"] = kind.into();
        let at = self.method_path(verb, path);
        self.stack.made("PUT", &at, &settings);
        self.stack.made("PUT", &format!("{at}/integration"), integration);
    }

    /// A method that a function answers.
    pub fn function(&mut self, verb: &str, path: &str, settings: Value, function: &str) {
        self.method(verb, path, settings, &integration(function));
    }

    /// A method that answers 200 by itself, with a body from a template.
    pub fn mock(&mut self, verb: &str, path: &str, settings: Value, template: &str) {
        let mock = json!({"type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}});
        self.method(verb, path, settings, &mock);
        self.response(verb, path, 200, &json!({"responseTemplates": {"application/json": template}}));
    }

    /// One more response of a method and its integration.
    pub fn response(&mut self, verb: &str, path: &str, status: u16, response: &Value) {
        let at = self.method_path(verb, path);
        let mapped = response["responseParameters"].as_object().into_iter().flatten();
        let declared: BTreeMap<_, _> = mapped.map(|(name, _)| (name, false)).collect();
        self.stack.made("PUT", &format!("{at}/responses/{status}"), &json!({"responseParameters": declared}));
        self.stack.made("PUT", &format!("{at}/integration/responses/{status}"), response);
    }

    /// An authorizer over a function; its id. `type` is `TOKEN` and the source
    /// the header `Authorization` where `settings` say nothing else.
    pub fn authorizer(&self, name: &str, function: &str, settings: Value) -> String {
        let mut authorizer = json!({
            "name": name,
            "type": "TOKEN",
            "identitySource": "method.request.header.Authorization",
            "authorizerUri": lambda::uri(function),
        });
        if let (Some(authorizer), Value::Object(settings)) = (authorizer.as_object_mut(), settings) {
            authorizer.extend(settings);
            authorizer.retain(|_, value| !value.is_null());
        }
        text(&self.stack.made("POST", &format!("/restapis/{}/authorizers", self.id), &authorizer)["id"])
    }

    /// Customises a gateway response, from the next deployment on.
    pub fn gateway_response(&self, kind: &str, response: &Value) {
        self.stack.made("PUT", &format!("/restapis/{}/gatewayresponses/{kind}", self.id), response);
    }

    /// Changes the API by patch operations, each as `(path, value)`.
    pub fn replace(&self, below: &str, changes: &[(&str, &str)]) {
        let operations: Vec<_> =
            changes.iter().map(|(path, value)| json!({"op": "replace", "path": path, "value": value})).collect();
        let at = format!("/restapis/{}{below}", self.id);
        self.stack.made("PATCH", &at, &json!({"patchOperations": operations}));
    }

    /// Deploys it to a stage, whose variables are these if it is new.
    pub fn deploy(&self, stage: &str, variables: &Value) {
        let deployment = json!({"stageName": stage, "variables": variables});
        self.stack.made("POST", &format!("/restapis/{}/deployments", self.id), &deployment);
    }
}

impl RestApi<'_> {
    /// The invoke URL of a path.
    #[must_use]
    pub fn url(&self, stage: &str, path: &str) -> String {
        self.stack.url(&self.id, stage, path)
    }

    /// A GET of a path of the stage `prod`.
    #[must_use]
    pub fn get(&self, path: &str) -> Call {
        Call::get(self.url("prod", path))
    }
}

/// A proxy integration of a function.
#[must_use]
pub fn integration(function: &str) -> Value {
    json!({"type": "AWS_PROXY", "httpMethod": "POST", "uri": lambda::uri(function)})
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
