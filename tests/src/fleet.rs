//! Several processes over one DynamoDB, and crowds of callers before them.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use keyplan_store::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{Answer, Call, Client, Dynamodb, DynamodbProxy, RestApi, Stack};

/// Stacks that share a DynamoDB by way of a proxy. Their clocks are moved
/// together, to some noon in the beginning, so that no day ends by itself.
#[derive(Debug)]
pub struct Fleet {
    /// What is between them and DynamoDB.
    pub proxy: DynamodbProxy,
    /// DynamoDB itself, for those who look past the proxy.
    pub dynamodb: Dynamodb,
    /// A stack of which only the control plane is used; it is never killed.
    pub admin: Stack,
    /// The API that all of them serve: `GET /` of the stage `prod` is a mock
    /// that requires a key.
    pub api: String,
    workers: Vec<Mutex<Stack>>,
    /// What the workers are started with.
    flags: Vec<&'static str>,
    seconds_ahead: AtomicI64,
}

/// What callers do: each connection is a thread that calls, one after the other.
#[derive(Clone, Debug)]
pub struct Crowd<'a> {
    /// Which of the fleet's processes they call.
    pub processes: Range<usize>,
    /// How many connections each process gets.
    pub connections: usize,
    /// How many calls each connection makes, those made again not counted.
    pub calls: usize,
    /// How often a call that got no answer, or a 5xx, is made again.
    pub retries: usize,
    /// The key's value that all of them present.
    pub key: &'a str,
}

/// A call of a crowd's, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Which process was called.
    pub process: usize,
    /// When it was sent, by the machine's clock.
    pub sent: Timestamp,
    /// When it was answered, or known not to be.
    pub received: Timestamp,
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
}

impl Fleet {
    /// `workers` processes to be called, and one to administer.
    #[must_use]
    pub fn start(workers: usize) -> Self {
        Self::with(workers, &[])
    }

    /// The same, with more flags for the workers.
    #[must_use]
    pub fn with(workers: usize, flags: &[&'static str]) -> Self {
        let dynamodb = Dynamodb::start();
        let proxy = DynamodbProxy::before(&dynamodb.url);
        let admin = Stack::with(&["--dynamodb-endpoint", &proxy.url]);
        let mut api = RestApi::create(&admin, json!({}));
        api.mock("GET", "/", json!({"apiKeyRequired": true}), "");
        api.deploy("prod", &json!({}));
        let api = api.id;
        let seconds_ahead = AtomicI64::new(to_noon(SystemClock.now()));
        let mut fleet = Self { proxy, dynamodb, admin, api, workers: Vec::new(), flags: flags.to_vec(), seconds_ahead };
        fleet.admin.advance(fleet.seconds_ahead.load(Ordering::Relaxed));
        fleet.workers = (0..workers).map(|_| Mutex::new(fleet.new_worker())).collect();
        fleet
    }

    /// Moves the clocks of all processes, one after the other.
    pub fn advance(&self, seconds: i64) {
        self.seconds_ahead.fetch_add(seconds, Ordering::Relaxed);
        for process in 0..self.workers.len() {
            self.advance_one(process, seconds);
        }
        self.admin.advance(seconds);
    }

    /// Moves one process's clock away from the others'.
    pub fn advance_one(&self, process: usize, seconds: i64) {
        lock(&self.workers[process]).advance(seconds);
    }

    /// What the clocks show.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let ahead = Duration::from_secs(self.seconds_ahead.load(Ordering::Relaxed).unsigned_abs());
        SystemClock.now().plus(ahead)
    }

    /// The day that the clocks show.
    #[must_use]
    pub fn today(&self) -> String {
        self.now().date().to_string()
    }

    /// Kills a process with SIGKILL and starts another in its place.
    pub fn replace(&self, process: usize) {
        let mut worker = lock(&self.workers[process]);
        worker.kill();
        *worker = self.new_worker();
    }

    /// What a process has logged up to now.
    #[must_use]
    pub fn logged(&self, process: usize) -> String {
        lock(&self.workers[process]).logged()
    }

    /// The URL of a path of the stage at a process.
    #[must_use]
    pub fn url(&self, process: usize, path: &str) -> String {
        lock(&self.workers[process]).url(&self.api, "prod", path)
    }

    /// A call of `GET /` with a key.
    #[must_use]
    pub fn call(&self, process: usize, key: &str) -> Call {
        Call::get(self.url(process, "/")).header("x-api-key", key)
    }

    /// A signed call to a process's control plane.
    #[must_use]
    pub fn control(&self, process: usize, method: &str, path: &str, body: &Value) -> Answer {
        let control = lock(&self.workers[process]).control.clone();
        let call = Call::new(method, format!("{control}{path}"));
        let call = if body.is_null() { call } else { call.json(body) };
        call.signed_for("apigateway").send()
    }

    /// ImportApiKeys of a file, by a process.
    #[must_use]
    pub fn import_api_keys(&self, process: usize, file: &str, fails_on_warnings: bool) -> Answer {
        let control = lock(&self.workers[process]).control.clone();
        let path = format!("{control}/apikeys?mode=import&format=csv&failonwarnings={fails_on_warnings}");
        Call::new("POST", path).body("text/csv", file).signed_for("apigateway").send()
    }

    /// Lets a crowd loose, does something `meanwhile`, and gives all attempts
    /// once the crowd is through.
    pub fn crowd(&self, crowd: &Crowd<'_>, meanwhile: impl FnOnce()) -> Vec<Attempt> {
        let attempts = Mutex::new(Vec::new());
        std::thread::scope(|threads| {
            for process in crowd.processes.clone() {
                for _ in 0..crowd.connections {
                    let attempts = &attempts;
                    threads.spawn(move || {
                        let made = self.calls(process, crowd);
                        lock(attempts).extend(made);
                    });
                }
            }
            meanwhile();
        });
        attempts.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a crowd loose again and again until so much time has passed.
    #[must_use]
    pub fn crowd_for(&self, time: Duration, crowd: &Crowd<'_>) -> Vec<Attempt> {
        let end = SystemClock.now().plus(time);
        let mut attempts = Vec::new();
        while SystemClock.now() < end {
            attempts.extend(self.crowd(crowd, || ()));
        }
        attempts
    }

    fn calls(&self, process: usize, crowd: &Crowd<'_>) -> Vec<Attempt> {
        let client = Client::new();
        let mut attempts = Vec::new();
        for _ in 0..crowd.calls {
            for _ in 0..=crowd.retries {
                let call = self.call(process, crowd.key);
                let sent = SystemClock.now();
                let status = client.send(call).ok().map(|answer| answer.status);
                attempts.push(Attempt { process, sent, received: SystemClock.now(), status });
                if status.is_some_and(|status| status < 500) {
                    break;
                }
            }
        }
        attempts
    }

    fn new_worker(&self) -> Stack {
        let worker = Stack::with(&[&["--dynamodb-endpoint", &*self.proxy.url], &*self.flags].concat());
        worker.advance(self.seconds_ahead.load(Ordering::Relaxed));
        worker
    }
}

impl Attempt {
    /// Whether it got in.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.status == Some(200)
    }
}

/// How many of `attempts` got in.
#[must_use]
pub fn admitted<'a>(attempts: impl IntoIterator<Item = &'a Attempt>) -> u64 {
    attempts.into_iter().filter(|attempt| attempt.is_admitted()).count() as u64
}

fn to_noon(now: Timestamp) -> i64 {
    const DAY: i64 = 86_400;
    (DAY / 2 - now.as_seconds()).rem_euclid(DAY)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
