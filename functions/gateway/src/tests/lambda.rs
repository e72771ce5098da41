use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

/// What a function does when it is invoked.
#[derive(Clone)]
pub(super) enum Reply {
    /// Answers.
    Answer(Value),
    /// Answers with its event, as the body of a proxy answer.
    Echo,
    /// Fails with this message.
    Fail(&'static str),
    /// Takes longer than anyone waits.
    Hang,
}

type Shared = Arc<Mutex<Functions>>;

#[derive(Default)]
struct Functions {
    replies: BTreeMap<String, Reply>,
    invoked: Vec<(String, Value)>,
}

/// A Lambda of the functions that it is told of; others do not exist.
pub(super) struct Lambda {
    pub(super) url: String,
    functions: Shared,
}

impl Lambda {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let functions = Shared::default();
        let routes = Router::new()
            .route("/2015-03-31/functions/{function}/invocations", post(invoke))
            .with_state(functions.clone());
        tokio::spawn(async { axum::serve(listener, routes).await });
        Self { url, functions }
    }

    pub(super) fn set(&self, name: &str, reply: Reply) {
        self.functions.lock().unwrap().replies.insert(name.to_owned(), reply);
    }

    /// The events with which a function was invoked so far.
    pub(super) fn events(&self, name: &str) -> Vec<Value> {
        let functions = self.functions.lock().unwrap();
        functions.invoked.iter().filter(|(invoked, _)| invoked == name).map(|(_, event)| event.clone()).collect()
    }
}

async fn invoke(State(functions): State<Shared>, Path(function): Path<String>, body: String) -> Response {
    let name = function.rsplit(':').next().unwrap().to_owned();
    let event: Value = serde_json::from_str(&body).unwrap();
    let reply = {
        let mut functions = functions.lock().unwrap();
        functions.invoked.push((name.clone(), event.clone()));
        functions.replies.get(&name).cloned()
    };
    match reply {
        Some(Reply::Answer(answer)) => answer.to_string().into_response(),
        Some(Reply::Echo) => json!({"statusCode": 200, "body": event.to_string()}).to_string().into_response(),
        Some(Reply::Fail(message)) => {
            let failure = json!({"errorMessage": message, "errorType": "Error"}).to_string();
            ([("x-amz-function-error", "Unhandled")], failure).into_response()
        }
        Some(Reply::Hang) => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        None => {
            let headers = [("x-amzn-errortype", "ResourceNotFoundException")];
            (StatusCode::NOT_FOUND, headers, json!({"Message": "Function not found"}).to_string()).into_response()
        }
    }
}
