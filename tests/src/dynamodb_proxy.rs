//! A proxy before a DynamoDB: it counts what is asked, and does to some of it
//! what a DynamoDB in the same machine never does.

mod access;
mod fault;
mod message;
mod operation;
mod reads;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use self::access::Access;
use self::fault::{Fate, Schedule};
pub use self::fault::{Fault, Rule};
use self::message::Message;
pub use self::operation::Operation;
use self::reads::Reads;

/// A proxy on a free port. Its connections end when their other ends do.
#[derive(Debug)]
pub struct DynamodbProxy {
    /// Its address.
    pub url: String,
    shared: Arc<Shared>,
}

/// What came of the operations of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were asked for.
    pub asked: u64,
    /// How many of them DynamoDB carried out without anybody being told.
    pub done_unseen: u64,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    schedule: Mutex<Schedule>,
    tallies: Mutex<BTreeMap<Operation, Tally>>,
    accesses: Mutex<BTreeSet<Access>>,
    reads: Mutex<Reads>,
}

impl DynamodbProxy {
    /// One that forwards to the DynamoDB at `url`, faithfully for now.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn before(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let proxy = format!("http://{}", listener.local_addr().expect("the port's address"));
        let shared = Arc::new(Shared {
            upstream: url.trim_start_matches("http://").to_owned(),
            schedule: Mutex::default(),
            tallies: Mutex::default(),
            accesses: Mutex::default(),
            reads: Mutex::default(),
        });
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = accepting.clone();
                std::thread::spawn(move || {
                    // Either side may hang up at any time.
                    let _ = shared.serve(&client);
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { url: proxy, shared }
    }

    /// Has operations fail by these rules from now on, and by no others. The
    /// first rule that strikes decides. What strikes by chance depends on `seed`
    /// and on how many operations that the rule is about came before.
    pub fn inject(&self, seed: u64, rules: Vec<Rule>) {
        *lock(&self.shared.schedule) = Schedule::new(seed, rules);
    }

    /// Lets everything pass from now on.
    pub fn behave(&self) {
        self.inject(0, Vec::new());
    }

    /// Counts from nothing again.
    pub fn forget(&self) {
        lock(&self.shared.tallies).clear();
        lock(&self.shared.accesses).clear();
    }

    /// What was asked since the last [`DynamodbProxy::forget`].
    #[must_use]
    pub fn tallies(&self) -> BTreeMap<Operation, Tally> {
        lock(&self.shared.tallies).clone()
    }

    /// What was asked, as `UpdateItem usage METER` and how often.
    #[must_use]
    pub fn asked(&self) -> BTreeMap<String, u64> {
        self.tallies().into_iter().map(|(operation, tally)| (operation.to_string(), tally.asked)).collect()
    }

    /// What was asked since then of which partition, each once.
    #[must_use]
    pub fn accesses(&self) -> BTreeSet<Access> {
        lock(&self.shared.accesses).clone()
    }

    /// What came of the writes to keys' meters.
    #[must_use]
    pub fn meter_writes(&self) -> Tally {
        let is_meter = |operation: &Operation| operation.kind == "UpdateItem" && operation.item == "METER";
        let tallies = self.tallies().into_iter().filter(|(operation, _)| is_meter(operation));
        tallies.fold(Tally::default(), |sum, (_, tally)| Tally {
            asked: sum.asked + tally.asked,
            done_unseen: sum.done_unseen + tally.done_unseen,
        })
    }

    /// Waits until so many writes to keys' meters were asked for.
    ///
    /// # Panics
    /// When it takes over a minute.
    pub fn await_meter_writes(&self, count: u64) {
        for _ in 0..60_000 {
            if self.meter_writes().asked >= count {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{:?} are not {count} writes", self.meter_writes());
    }
}

impl Shared {
    /// Answers one client's requests, one after the other.
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut requests = BufReader::new(client);
        let upstream = TcpStream::connect(&self.upstream)?;
        upstream.set_nodelay(true)?;
        let mut answers = BufReader::new(&upstream);
        while let Some(request) = Message::read(&mut requests)? {
            let operation = Operation::of(&request);
            lock(&self.tallies).entry(operation.clone()).or_default().asked += 1;
            lock(&self.accesses).extend(Access::all(&request));
            let fate = lock(&self.schedule).fate_of(&operation);
            if let Some(delay) = fate.delay {
                std::thread::sleep(delay);
            }
            if let Fate { is_forwarded: false, answer, .. } = fate {
                match answer {
                    Some(answer) => (&*client).write_all(&answer.of(&request))?,
                    None => return Ok(()),
                }
                continue;
            }
            let read = Reads::name(&operation, &request);
            if let Some(read) = read.as_deref().filter(|_| fate.is_stale)
                && let Some(answer) = lock(&self.reads).outdated(read)
            {
                (&*client).write_all(&answer)?;
                continue;
            }
            (&upstream).write_all(request.bytes())?;
            let Some(answer) = Message::read(&mut answers)? else { return Ok(()) };
            if let Some(read) = read.filter(|_| answer.is_success()) {
                lock(&self.reads).saw(read, &answer);
            }
            if fate.is_told {
                (&*client).write_all(answer.bytes())?;
                continue;
            }
            if answer.is_success() {
                lock(&self.tallies).entry(operation).or_default().done_unseen += 1;
            }
            match fate.answer {
                Some(answer) => (&*client).write_all(&answer.of(&request))?,
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
