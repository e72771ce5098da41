//! Lambda's Runtime API around a function's process, which is timed from its start
//! to its asking for an event, then handed one event after the other and timed from
//! there to its answer.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex as SyncMutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use keyplan_store::clock::{Clock, SystemClock};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::api::Error;
use crate::http_server::Server;
use crate::local::LocalError;
use crate::process::Process;
use crate::series::Series;
use crate::stopwatch::Stopwatch;

/// How long a function may take to start and answer.
const PATIENCE: Duration = Duration::from_secs(30);
const REQUEST_ID: &str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef";
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:bench";

/// A function that waits for events; it ends with this.
pub(crate) struct Function {
    child: Child,
    _server: Server,
    ready: Option<oneshot::Receiver<Duration>>,
    events: mpsc::UnboundedSender<Bytes>,
    answers: mpsc::UnboundedReceiver<Answered>,
}

struct Answered {
    /// From the event's going out to the answer's being here as a whole.
    took: Duration,
    /// The answer, or the function's error.
    outcome: Result<Bytes, Bytes>,
}

struct Host {
    /// Since just before the process was started.
    started: OnceLock<Stopwatch>,
    /// Told when an event is asked for the first time.
    ready: SyncMutex<Option<oneshot::Sender<Duration>>>,
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    answers: mpsc::UnboundedSender<Answered>,
    /// When the event that is being worked on went out.
    since: SyncMutex<Option<Stopwatch>>,
    deadline: HeaderValue,
}

impl Function {
    /// Starts the process, whose environment is what `command` sets and what
    /// Lambda does.
    pub(crate) async fn start(mut command: Command) -> Result<Self, Error> {
        let (events, next_events) = mpsc::unbounded_channel();
        let (sent, answers) = mpsc::unbounded_channel();
        let (first, ready) = oneshot::channel();
        // Further away than any run is long.
        let deadline = SystemClock.now().plus(Duration::from_secs(86_400)).as_seconds() * 1_000;
        let host = Arc::new(Host {
            started: OnceLock::new(),
            ready: SyncMutex::new(Some(first)),
            events: Mutex::new(next_events),
            answers: sent,
            since: SyncMutex::new(None),
            deadline: HeaderValue::from(deadline),
        });
        let answering = host.clone();
        let server = Server::start(move |request| {
            let host = answering.clone();
            async move { host.answer(request).await }
        })
        .await?;
        command
            .env("AWS_LAMBDA_RUNTIME_API", server.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        host.started.get_or_init(Stopwatch::start);
        let child = command.spawn()?;
        Ok(Self { child, _server: server, ready: Some(ready), events, answers })
    }

    /// Waits until it has asked for an event and says how long after its start
    /// that was, from the call that starts a process on. It tells once.
    pub(crate) async fn ready(&mut self) -> Result<Duration, Error> {
        let ready = self.ready.take().ok_or("that the function was ready has been told")?;
        let asked = tokio::time::timeout(PATIENCE, ready).await;
        let asked = asked.map_err(|_| format!("not ready within {} s", PATIENCE.as_secs()))?;
        asked.map_err(|_| "the function was never ready".into())
    }

    /// Kills it and waits for its end.
    pub(crate) async fn stop(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// What Linux says of it.
    pub(crate) fn process(&self) -> Result<Process, LocalError> {
        self.child.id().map(Process).ok_or(LocalError::NoProc)
    }

    /// What the function answers.
    pub(crate) async fn answer(&mut self, event: &Bytes) -> Result<Bytes, Error> {
        let outcome = self.invoke(event).await?.outcome;
        outcome.map_err(|error| format!("the function failed: {}", String::from_utf8_lossy(&error)).into())
    }

    /// Invokes it so many times, one after the other, and adds the microseconds
    /// of each to `took`.
    pub(crate) async fn repeat(&mut self, event: &Bytes, times: u32, took: &mut Series) -> Result<(), Error> {
        for _ in 0..times {
            let answered = self.invoke(event).await?;
            if answered.outcome.is_err() {
                return Err("the function failed amid others that it answered".into());
            }
            took.push(answered.took.as_secs_f64() * 1e6);
        }
        Ok(())
    }

    async fn invoke(&mut self, event: &Bytes) -> Result<Answered, Error> {
        self.events.send(event.clone())?;
        let answered = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        answered.ok().flatten().ok_or_else(|| format!("no answer within {} s", PATIENCE.as_secs()).into())
    }
}

impl Host {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        const OF_INVOCATION: &str = "/2018-06-01/runtime/invocation/";
        let called = request.uri().path().strip_prefix(OF_INVOCATION).map(str::to_owned);
        let called = called.as_deref().map(|called| called.rsplit('/').next().unwrap_or_default());
        match called {
            Some("next") => self.next().await,
            Some("response") => self.finish(request, Ok).await,
            Some("error") => self.finish(request, Err).await,
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let first = self.ready.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(first), Some(started)) = (first, self.started.get()) {
            // If nobody asks when, nothing is lost.
            let _ = first.send(started.elapsed());
        }
        let Some(event) = self.events.lock().await.recv().await else { return status(StatusCode::GONE) };
        let mut response = Response::new(Full::new(event));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("lambda-runtime-aws-request-id", HeaderValue::from_static(REQUEST_ID));
        headers.insert("lambda-runtime-invoked-function-arn", HeaderValue::from_static(FUNCTION_ARN));
        headers.insert("lambda-runtime-deadline-ms", self.deadline.clone());
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stopwatch::start());
        response
    }

    async fn finish(
        &self,
        request: Request<Incoming>,
        outcome: impl FnOnce(Bytes) -> Result<Bytes, Bytes>,
    ) -> Response<Full<Bytes>> {
        let Ok(body) = request.into_body().collect().await else { return status(StatusCode::BAD_REQUEST) };
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(since) = since else { return status(StatusCode::BAD_REQUEST) };
        // If nobody waits any more, the run is over.
        let _ = self.answers.send(Answered { took: since.elapsed(), outcome: outcome(body.to_bytes()) });
        status(StatusCode::ACCEPTED)
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
