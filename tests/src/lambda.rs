//! A stand-in for Lambda: its Invoke API over HTTP, to be named as
//! `--lambda-endpoint`. It hosts functions of every temper by name, keeps the
//! events that they were given, and counts them.

pub mod authorizers;
pub mod backends;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::runtime_api::Function as Process;

/// What a function does with an event.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It answers with this JSON.
    Json(Value),
    /// It answers with these bytes, whatever they are.
    Raw(&'static str),
    /// It fails with this error, as Lambda words it.
    Fails(Value),
    /// It throws an error with this message.
    Throws(&'static str),
    /// It does the other after a while.
    After(Duration, Box<Reply>),
    /// Lambda itself refuses, with this status and `x-amzn-ErrorType`.
    Refused(u16, &'static str),
}

type Function = Arc<dyn Fn(&Value) -> Reply + Send + Sync>;

/// A Lambda on a free port, for as long as this lives.
pub struct Lambda {
    /// Its address.
    pub url: String,
    host: Arc<Host>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Host {
    functions: Mutex<HashMap<String, Function>>,
    events: Mutex<HashMap<String, Vec<Value>>>,
    tracing_headers: Mutex<HashMap<String, Vec<String>>>,
    named: Mutex<BTreeSet<String>>,
    permissions: Mutex<Vec<Value>>,
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lambda").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Lambda {
    /// One that hosts all [`authorizers`] and [`backends`].
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port's address"));
        let host = Arc::new(Host::default());
        let router = Router::new()
            .route("/2015-03-31/functions/{function}/invocations", post(invoke))
            .route("/2015-03-31/functions/{function}/policy", post(add_permission))
            .layer(DefaultBodyLimit::disable())
            .with_state(host.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        let lambda = Self { url, host, _runtime: runtime };
        for (name, function) in authorizers::ALL.iter().chain(backends::ALL) {
            lambda.host(name, function);
        }
        lambda
    }

    /// Hosts a function under a name, instead of what was there.
    pub fn host(&self, name: &str, function: impl Fn(&Value) -> Reply + Send + Sync + 'static) {
        self.host.functions.lock().expect("no handler panics").insert(name.to_owned(), Arc::new(function));
    }

    /// Hosts a function's own binary under a name. It ends when who started it
    /// drops it; Lambda knows no such function then.
    pub fn host_process(&self, name: &str, process: &Arc<Process>) {
        let process = Arc::downgrade(process);
        self.host(name, move |event| {
            let (process, event) = (process.clone(), event.clone());
            // Outside of the runtime that asks, in which nobody may wait.
            let outcome = std::thread::spawn(move || process.upgrade().map(|process| process.invoke(&event))).join();
            match outcome.unwrap_or_else(|_| panic!("the function answers")) {
                Some(Ok(answer)) => Reply::Json(answer),
                Some(Err(error)) => Reply::Fails(error),
                None => Reply::Refused(404, "ResourceNotFoundException"),
            }
        });
    }

    /// The functions that were invoked, as they were named: by their ARNs.
    #[must_use]
    pub fn named(&self) -> BTreeSet<String> {
        self.host.named.lock().expect("no handler panics").clone()
    }

    /// The events that a function was given, in their order.
    #[must_use]
    pub fn events(&self, function: &str) -> Vec<Value> {
        self.host.events.lock().expect("no handler panics").get(function).cloned().unwrap_or_default()
    }

    /// `X-Amzn-Trace-Id` of each call of a function, in the order of its events.
    #[must_use]
    pub fn tracing_headers(&self, function: &str) -> Vec<String> {
        self.host.tracing_headers.lock().expect("no handler panics").get(function).cloned().unwrap_or_default()
    }

    /// The last event.
    ///
    /// # Panics
    /// When it was never invoked.
    #[must_use]
    pub fn last_event(&self, function: &str) -> Value {
        self.events(function).pop().unwrap_or_else(|| panic!("{function} was never invoked"))
    }

    /// How often a function was invoked.
    #[must_use]
    pub fn invocations(&self, function: &str) -> usize {
        self.events(function).len()
    }

    /// What AddPermission was asked for, of whatever function. It changes nothing.
    #[must_use]
    pub fn permissions(&self) -> Vec<Value> {
        self.host.permissions.lock().expect("no handler panics").clone()
    }

    /// How often any function was invoked.
    #[must_use]
    pub fn all_invocations(&self) -> usize {
        self.host.events.lock().expect("no handler panics").values().map(Vec::len).sum()
    }
}

/// The URI by which integrations and authorizers name a function.
#[must_use]
pub fn uri(function: &str) -> String {
    uri_of_arn(&format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"))
}

/// The same of a function's ARN.
#[must_use]
pub fn uri_of_arn(arn: &str) -> String {
    format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations")
}

async fn invoke(
    State(host): State<Arc<Host>>,
    Path(function): Path<String>,
    headers: HeaderMap,
    event: String,
) -> Response {
    let name = function.rsplit(':').next().unwrap_or_default().to_owned();
    let Ok(event) = serde_json::from_str::<Value>(&event) else {
        return refused(400, "InvalidRequestContentException");
    };
    host.named.lock().expect("no handler panics").insert(function.clone());
    {
        // Both at once, so that they are in one order.
        let mut events = host.events.lock().expect("no handler panics");
        events.entry(name.clone()).or_default().push(event.clone());
        let header = headers.get("x-amzn-trace-id").and_then(|header| header.to_str().ok()).unwrap_or_default();
        let mut headers = host.tracing_headers.lock().expect("no handler panics");
        headers.entry(name.clone()).or_default().push(header.to_owned());
    }
    let hosted = host.functions.lock().expect("no handler panics").get(&name).cloned();
    let Some(function) = hosted else {
        return refused(404, "ResourceNotFoundException");
    };
    let mut reply = function(&event);
    while let Reply::After(wait, then) = reply {
        tokio::time::sleep(wait).await;
        reply = *then;
    }
    match reply {
        Reply::Json(answer) => answered(answer.to_string()),
        Reply::Raw(answer) => answered(answer.to_owned()),
        Reply::Throws(message) => {
            failed(&json!({"errorMessage": message, "errorType": "Error", "trace": ["Error", "at handler"]}))
        }
        Reply::Fails(error) => failed(&error),
        Reply::Refused(status, kind) => refused(status, kind),
        Reply::After(..) => unreachable!("waited for above"),
    }
}

async fn add_permission(State(host): State<Arc<Host>>, permission: String) -> Response {
    let Ok(permission) = serde_json::from_str(&permission) else {
        return refused(400, "InvalidRequestContentException");
    };
    host.permissions.lock().expect("no handler panics").push(permission);
    (StatusCode::CREATED, answered(json!({"Statement": "{}"}).to_string())).into_response()
}

fn failed(error: &Value) -> Response {
    ([("x-amz-function-error", "Unhandled")], answered(error.to_string())).into_response()
}

fn answered(payload: String) -> Response {
    ([("content-type", "application/json"), ("x-amz-executed-version", "$LATEST")], payload).into_response()
}

fn refused(status: u16, kind: &'static str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let message = json!({"Type": "User", "Message": "as the test wants it"}).to_string();
    (status, [("x-amzn-errortype", kind), ("content-type", "application/json")], message).into_response()
}
