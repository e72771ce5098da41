//! Lambda's Runtime API, around one function's binary: the process gets its
//! events and its environment as on Lambda, and nothing else.

use std::collections::HashMap;
use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex as SyncMutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::template::{self, DeployedStack};
use crate::{binaries, signing};

/// How long an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a function answered: its payload, or its error as
/// `{"errorMessage": .., "errorType": ..}`.
pub type Outcome = Result<Value, Value>;

/// A function's binary, polling for its next event; killed when it is dropped.
#[derive(Debug)]
pub struct Function {
    name: String,
    child: Child,
    log: NamedTempFile,
    events: mpsc::UnboundedSender<Invocation>,
    runtime: Runtime,
}

#[derive(Debug)]
struct Invocation {
    payload: String,
    outcome: oneshot::Sender<Outcome>,
}

#[derive(Debug)]
struct Host {
    function: String,
    events: Mutex<mpsc::UnboundedReceiver<Invocation>>,
    running: SyncMutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    count: u32,
    by_request_id: HashMap<String, oneshot::Sender<Outcome>>,
}

/// What a function's environment is on Lambda, over the DynamoDB at an address and
/// with Lambda at another; more than some functions need.
#[must_use]
pub fn environment<'a>(dynamodb: &'a str, lambda: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCOUNT_ID", "000000000000"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_ENDPOINT_URL_LAMBDA", lambda),
        ("CONFIG_TABLE", "keyplan-config"),
        ("USAGE_TABLE", "keyplan-usage"),
        ("ADMIN_CREDENTIALS", "local:local"),
    ]
}

impl Function {
    /// Starts the binary `name` with `environment`, besides what Lambda sets.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (events, receiver) = mpsc::unbounded_channel();
        let host = Host {
            function: name.to_owned(),
            events: Mutex::new(receiver),
            running: SyncMutex::new(Running::default()),
        };
        let address = runtime.block_on(serve(host));
        let log = NamedTempFile::new().expect("a temporary file");
        let child = Command::new(binaries::path(name))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(at_the_end(&log))
            .stderr(at_the_end(&log))
            .spawn()
            .expect("the function starts");
        Self { name: name.to_owned(), child, log, events, runtime }
    }

    /// Starts a function of a template with the environment that it has there,
    /// and with what Lambda and the network would give it.
    #[must_use]
    pub fn deployed(template: &DeployedStack, function: &str, surroundings: &[(&str, &str)]) -> Self {
        let variables = template.environment(function);
        let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let environment: Vec<_> =
            variables.chain([("AWS_REGION", template::REGION)]).chain(surroundings.iter().copied()).collect();
        Self::start(template.binary(function), &environment)
    }

    /// Hands the function an event and waits for what it makes of it.
    ///
    /// # Panics
    /// When there is no outcome in time.
    pub fn invoke(&self, event: &Value) -> Outcome {
        let (outcome, receiver) = oneshot::channel();
        let invocation = Invocation { payload: event.to_string(), outcome };
        self.events.send(invocation).expect("the Runtime API runs");
        let waited = self.runtime.block_on(async { tokio::time::timeout(TIMEOUT, receiver).await });
        match waited {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => panic!("{} does not answer {event}", self.name),
        }
    }

    /// Tells a function to end, as Lambda does by SIGTERM, and waits until it has.
    ///
    /// # Panics
    /// When the signal cannot be sent, or it goes on running.
    #[must_use]
    pub fn told_to_end(self) -> (ExitStatus, String) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &process]).status().expect("kill starts");
        assert!(sent.success(), "SIGTERM is not sent");
        self.ended()
    }

    /// Waits for a function that cannot run to end, and tells how it ended and
    /// what it logged.
    ///
    /// # Panics
    /// When it goes on running.
    #[must_use]
    pub fn ended(mut self) -> (ExitStatus, String) {
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait().expect("a child's end is told") {
                return (status, self.logged());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{} goes on running", self.name);
    }

    /// What it has logged up to now.
    #[must_use]
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{} logged:\n{}", self.name, self.logged());
        }
    }
}

/// The log, to which stdout and stderr are added as they come.
fn at_the_end(log: &NamedTempFile) -> File {
    File::options().append(true).open(log.path()).expect("the temporary file opens again")
}

async fn serve(host: Host) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port's address");
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(async || StatusCode::ACCEPTED))
        .with_state(Arc::new(host));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// `X-Amzn-Trace-Id` of a function's invocation of that number, from 1 on.
#[must_use]
pub fn tracing_header(invocation: u32) -> String {
    format!("Root=1-5bef4de7-{invocation:024};Parent=53995c3f42cd8ad8;Sampled=0")
}

async fn next(State(host): State<Arc<Host>>) -> impl IntoResponse {
    let Some(Invocation { payload, outcome }) = host.events.lock().await.recv().await else {
        // The test is over, and with it the function.
        return std::future::pending().await;
    };
    let (request_id, trace) = {
        let mut running = host.running.lock().expect("no handler panics");
        running.count += 1;
        let request_id = format!("00000000-0000-4000-8000-{:012}", running.count);
        running.by_request_id.insert(request_id.clone(), outcome);
        (request_id, tracing_header(running.count))
    };
    let deadline = (signing::now() + TIMEOUT).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let headers = [
        ("lambda-runtime-aws-request-id", request_id),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:us-east-1:000000000000:function:{}", host.function),
        ),
        ("lambda-runtime-trace-id", trace),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, payload)
}

async fn response(state: State<Arc<Host>>, Path(id): Path<String>, body: String) -> StatusCode {
    finish(&state, &id, &body, Ok)
}

async fn error(state: State<Arc<Host>>, Path(id): Path<String>, body: String) -> StatusCode {
    finish(&state, &id, &body, Err)
}

fn finish(host: &Host, request_id: &str, body: &str, outcome: impl Fn(Value) -> Outcome) -> StatusCode {
    let waiting = host.running.lock().expect("no handler panics").by_request_id.remove(request_id);
    match (waiting, serde_json::from_str(body)) {
        (Some(waiting), Ok(payload)) => {
            // Whoever waited too long has panicked already.
            let _ = waiting.send(outcome(payload));
            StatusCode::ACCEPTED
        }
        _ => StatusCode::BAD_REQUEST,
    }
}
