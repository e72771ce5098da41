//! `template.yaml`, deployed.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keyplan_tests::iam_policy::Asked;
use keyplan_tests::rest_api::ControlPlane;
use keyplan_tests::runtime_api::Outcome;
use keyplan_tests::{Call, DeployedStack, Dynamodb, DynamodbProxy, Function, Lambda};
use serde_json::{Value, json};

use crate::front_door::FrontDoor;

pub(crate) const GATEWAY: &str = "GatewayFunction";
pub(crate) const AUTHORIZER: &str = "AuthorizerFunction";
const ADMIN_API: &str = "AdminApi";

/// Functions that no template of Keyplan's has.
pub(crate) const INVOCABLE: [&str; 2] = ["deny", "backend"];

pub(crate) struct Keyplan {
    pub(crate) template: DeployedStack,
    functions: BTreeMap<String, Surroundings>,
    _dynamodb: Dynamodb,
}

/// A function, and what is between it and AWS.
struct Surroundings {
    proxy: DynamodbProxy,
    lambda: Lambda,
    process: Mutex<Option<Arc<Function>>>,
}

/// What the control plane answers.
pub(crate) struct Controlled {
    pub(crate) status: u64,
    pub(crate) body: Value,
}

impl Keyplan {
    /// All of it, by the template's defaults but for these parameters.
    pub(crate) fn deploy(parameters: &[(&str, &str)]) -> Self {
        let invocable =
            INVOCABLE.map(|name| format!("arn:aws:lambda:us-east-1:000000000000:function:{name}")).join(",");
        let parameters = [&[("InvocableFunctions", &*invocable)], parameters].concat();
        let template = DeployedStack::of("template.yaml", "keyplan", &parameters);
        let dynamodb = Dynamodb::start();
        for table in template.of_type("AWS::DynamoDB::Table") {
            dynamodb.create_table(&template.create_table(table));
        }
        let surroundings = |name: &str| {
            let (proxy, lambda) = (DynamodbProxy::before(&dynamodb.url), Lambda::start());
            (name.to_owned(), Surroundings { proxy, lambda, process: Mutex::default() })
        };
        let functions = template.of_type("AWS::Serverless::Function").into_iter().map(surroundings).collect();
        let keyplan = Self { template, functions, _dynamodb: dynamodb };
        keyplan.functions.keys().for_each(|name| keyplan.start(name));
        keyplan
    }

    /// Starts a function with what the template and Lambda give it.
    pub(crate) fn start(&self, name: &str) {
        let function = &self.functions[name];
        let surroundings = [
            ("AWS_ACCESS_KEY_ID", name),
            ("AWS_SECRET_ACCESS_KEY", "of-its-role"),
            ("AWS_SESSION_TOKEN", "of-its-role"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &function.proxy.url),
            ("AWS_ENDPOINT_URL_LAMBDA", &function.lambda.url),
        ];
        let process = Arc::new(Function::deployed(&self.template, name, &surroundings));
        for caller in self.functions.values() {
            caller.lambda.host_process(self.template.name(name), &process);
        }
        *function.running() = Some(process);
    }

    /// Tells a function to end by SIGTERM; how it ended, and what it logged.
    pub(crate) fn end(&self, name: &str) -> (ExitStatus, String) {
        let process = self.functions[name].running().take().and_then(Arc::into_inner);
        process.unwrap_or_else(|| panic!("{name} is at work")).told_to_end()
    }

    pub(crate) fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// What a function makes of an event.
    pub(crate) fn outcome(&self, name: &str, event: &Value) -> Outcome {
        let process = self.functions[name].running().clone().unwrap_or_else(|| panic!("{name} has ended"));
        process.invoke(event)
    }

    /// The same, where it answers.
    pub(crate) fn invoke(&self, name: &str, event: &Value) -> Value {
        self.outcome(name, event).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What a function that runs has logged.
    pub(crate) fn logged(&self, name: &str) -> String {
        self.functions[name].running().as_ref().map(|process| process.logged()).unwrap_or_default()
    }

    /// What the gateway answers to a call that comes by a front door.
    pub(crate) fn call(&self, door: FrontDoor, call: &Call) -> Value {
        self.invoke(GATEWAY, &door.event(call))
    }

    /// What a function invokes.
    pub(crate) fn lambda_of(&self, name: &str) -> &Lambda {
        &self.functions[name].lambda
    }

    /// What a function's calls of DynamoDB go through.
    pub(crate) fn dynamodb_of(&self, name: &str) -> &DynamodbProxy {
        &self.functions[name].proxy
    }

    /// All that a function has asked of AWS.
    pub(crate) fn asked_by(&self, name: &str) -> Vec<Asked> {
        let mut asked: Vec<_> = self.dynamodb_of(name).accesses().iter().map(Asked::from).collect();
        asked.extend(self.lambda_of(name).named().iter().map(|function| Asked::invocation(function)));
        asked
    }

    /// What the control plane answers to a call, signed by the administrator.
    pub(crate) fn control(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Controlled {
        let (function, resource) = self.route(path.split('?').next().unwrap_or_default());
        let credentials = self.template.secret("AdminCredentials");
        let [id, secret] = ["accessKeyId", "secretAccessKey"].map(|member| credentials[member].as_str());
        let stage = self.template.properties(ADMIN_API)["StageName"].as_str().expect("the stage's name");
        let sample = FrontDoor::RestApi.event(&Call::get("/"));
        let host = sample["headers"]["Host"].as_str().unwrap_or_default();
        let call = Call::new(method, format!("https://{host}/{stage}{path}"));
        let call = if body.is_empty() { call } else { call.body(content_type, body) };
        let signed = call.signed_by("apigateway", id.unwrap_or_default(), secret.unwrap_or_default());

        let decoded = path.replace("%3A", ":").replace("%2F", "/");
        let sent = Call::new(method, &decoded);
        let sent = signed.headers().iter().fold(sent, |sent, (name, value)| sent.header(name, value));
        let mut event = FrontDoor::RestApi.event(&sent);
        let path = event["path"].as_str().unwrap_or_default().to_owned();
        event["resource"] = resource.as_str().into();
        event["requestContext"]["resourcePath"] = resource.into();
        event["requestContext"]["path"] = format!("/{stage}{path}").into();
        event["requestContext"]["stage"] = stage.into();
        if !body.is_empty() {
            // The API takes every body for binary, so that none is changed.
            assert_eq!(self.template.properties(ADMIN_API)["BinaryMediaTypes"], json!(["*~1*"]));
            event["body"] = BASE64_STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
        let answer = self.invoke(&function, &event);
        for member in answer.as_object().into_iter().flat_map(|members| members.keys()) {
            let known = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];
            assert!(known.contains(&&**member), "{answer}");
        }
        assert_eq!(answer["isBase64Encoded"], false, "{answer}");
        let body = serde_json::from_str(answer["body"].as_str().unwrap_or("null"));
        Controlled {
            status: answer["statusCode"].as_u64().unwrap_or_default(),
            body: body.unwrap_or_else(|error| panic!("{answer}: {error}")),
        }
    }

    /// The function that the API hands a path to, and by which resource.
    fn route(&self, path: &str) -> (String, String) {
        let routes = self.template.routes(ADMIN_API);
        let leads_there = |resource: &str| match resource.strip_suffix("{proxy+}") {
            Some(before) => path.strip_prefix(before).is_some_and(|rest| !rest.is_empty()),
            None => path == resource,
        };
        let route = routes.into_iter().find(|(resource, _)| leads_there(resource));
        let (resource, function) = route.unwrap_or_else(|| panic!("the API has no resource for {path}"));
        (function.to_owned(), resource)
    }
}

impl ControlPlane for Keyplan {
    fn made(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let Controlled { status, body: answer } = self.control(method, path, "application/json", text.as_bytes());
        assert!((200..300).contains(&status), "{method} {path} {body}: {status} {answer}");
        answer
    }
}

impl Surroundings {
    fn running(&self) -> MutexGuard<'_, Option<Arc<Function>>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
