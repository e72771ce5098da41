use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use keyplan_gateway::{Decisions, Gateway, Placed, Request};
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_tests::DynamodbProxy;

use crate::api::Error;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::in_process;
use crate::local::LocalError;
use crate::many_keys::{self, ManyKeys};
use crate::process::thread_time;
use crate::progress;
use crate::series::Series;
use crate::stopwatch::Stopwatch;
use crate::traffic::count;

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
/// Keys called in turn. A process leases of 10,000 meters at once, in shards
/// that do not fill alike.
const LEASED_OF_MANY: u32 = 8_000;
const CAP: u32 = 100;
/// Of a lease's tokens one is its asker's.
const FROM_LEASE: u32 = CAP - 1;
/// A key's first lease is of one token, since it has no pace yet; the next is of
/// as many as may be.
const WARM_UP: u32 = 2;
/// Callers at once, each of whom waits for DynamoDB most of the time.
const COLD_AT_ONCE: usize = 32;
const REPEATS: u32 = 7;
const DECISIONS: u32 = 1_000_000;
const COLD_TIME: Duration = Duration::from_secs(2);
const PER_SECOND: &str = "/s";
const OF_ONE_THREAD: &str = "decisions per second of one thread's processor time, in process";

/// One row of the goal.
#[derive(Clone, Copy)]
struct Row {
    measure: &'static str,
    bound: Bound,
    how: &'static str,
}

const FROM_LEASES_OF_FEW: Row = Row {
    measure: "decisions from leases, 1,000 keys",
    bound: Bound::AtLeast(2_000_000.0),
    how: "1,000 keys in turn, caches warm, 99 of a lease's 100 tokens, no DynamoDB; a clock that is read and stands still",
};
const WITH_WRITES: Row = Row {
    measure: "decisions with the writes that lease, 1,000 keys",
    bound: Bound::Beside,
    how: "the same with the lease's one write in 100 decisions, sent one after the other; DynamoDB's own time not counted",
};
const FROM_LEASES_OF_MANY: Row = Row {
    measure: "decisions from leases, 8,000 of 1,000,000 keys",
    bound: Bound::AtLeast(1_000_000.0),
    how: "as many keys in turn as a process leases of at once, less a fifth; caches warm, no DynamoDB",
};
const COLD: Row = Row {
    measure: "decisions, all of 1,000,000 keys alike",
    bound: Bound::AtLeast(1_000_000.0),
    how: "keys by chance, 32 at once; a process keeps 100,000 keys and leases of 10,000, so nine in ten are read and \
          nearly all written; DynamoDB's own time not counted",
};

/// Is read as the machine's clock is, and stands still, so that neither caches
/// nor leases end between two rounds.
#[derive(Debug)]
struct StandingClock {
    wall: Timestamp,
    monotonic: Duration,
}

impl StandingClock {
    fn at_now() -> Arc<Self> {
        Arc::new(Self { wall: SystemClock.now(), monotonic: SystemClock.monotonic() })
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        black_box(SystemClock.now());
        self.wall
    }

    fn monotonic(&self) -> Duration {
        black_box(SystemClock.monotonic());
        self.monotonic
    }
}

/// What was measured of one row.
#[derive(Default)]
struct Measured {
    per_second: Series,
    /// The same by the clock on the wall.
    per_wall_second: Series,
}

/// What a thread did between two looks at its processor time.
struct Spent {
    processor: Duration,
    wall: Stopwatch,
}

impl Spent {
    fn since_now() -> Result<Self, Error> {
        Ok(Self { processor: thread_time().ok_or(LocalError::NoProc)?, wall: Stopwatch::start() })
    }

    /// Processor and wall time.
    fn elapsed(&self) -> Result<[Duration; 2], Error> {
        let processor = thread_time().ok_or(LocalError::NoProc)?;
        Ok([processor.saturating_sub(self.processor), self.wall.elapsed()])
    }
}

impl Measured {
    fn push(&mut self, decisions: u64, [processor, wall]: [Duration; 2]) {
        self.per_second.push(count(decisions) / processor.as_secs_f64());
        self.per_wall_second.push(count(decisions) / wall.as_secs_f64());
    }
}

/// Decisions of the gateway's own code between authorizer and integration.
pub(super) async fn measure() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (keys, rows) in [(FEW, [FROM_LEASES_OF_FEW, WITH_WRITES]), (MANY, [FROM_LEASES_OF_MANY, COLD])] {
        let measured = match run(keys).await {
            Ok((measured, made)) => measured.map(|measured| Ok((measured, made))),
            Err(error) => [Err(error.to_string()), Err(error.to_string())],
        };
        figures.extend(rows.into_iter().zip(measured).map(|(row, measured)| figure(row, keys, measured)));
    }
    figures
}

fn figure(row: Row, keys: u32, measured: Result<(Measured, f64), String>) -> Figure {
    let mut how = format!("{OF_ONE_THREAD}; {}", row.how);
    let outcome = match measured {
        Ok((Measured { per_second, per_wall_second }, made)) => {
            let by_wall = per_wall_second.median().unwrap_or(0.0);
            how.push_str(&format!("; {by_wall:.0}/s by the wall; {keys} keys made in {made:.0} s"));
            Outcome::Measured { series: per_second, summary: Summary::Median }
        }
        Err(reason) => Outcome::NotMeasured { reason },
    };
    Figure { id: "C1", measure: row.measure, target: Target { bound: row.bound, unit: PER_SECOND }, outcome, how }
}

/// Both rows of so many keys, and the seconds that making them took.
async fn run(keys: u32) -> Result<([Measured; 2], f64), Error> {
    if cfg!(debug_assertions) {
        return Err(LocalError::NotReleased.into());
    }
    let made = ManyKeys::make(keys).await?;
    let proxy = DynamodbProxy::before(made.served.url());
    let path = made.api.path("keyed");
    let url = made.served.url().to_owned();
    // A thread and a runtime of its own; DynamoDB is served by others.
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            if keys == MANY {
                let leased = from_leases(&proxy, &path, LEASED_OF_MANY, None).await?;
                Ok::<_, Error>([leased, cold(&url, &path).await?])
            } else {
                let mut with_writes = Measured::default();
                let leased = from_leases(&proxy, &path, FEW, Some(&mut with_writes)).await?;
                Ok([leased, with_writes])
            }
        })
    });
    let measured = tokio::task::spawn_blocking(move || thread.join()).await?.map_err(|_| "a thread panicked")??;
    made.served.stop().await;
    Ok((measured, made.took))
}

fn leasing_gateway(url: &str) -> Gateway {
    let cap = NonZeroU32::new(CAP).unwrap_or(NonZeroU32::MIN);
    in_process::gateway(url, cap, StandingClock::at_now())
}

/// Decides upon the first `keys` keys in turn: all that a lease admits is timed,
/// and the round that leases again by itself.
async fn from_leases(
    proxy: &DynamodbProxy,
    path: &str,
    keys: u32,
    mut with_writes: Option<&mut Measured>,
) -> Result<Measured, Error> {
    let gateway = leasing_gateway(&proxy.url);
    let requests = (0..keys).map(|number| in_process::call(path, &many_keys::value(number)));
    let requests: Vec<Request> = requests.collect::<Result<_, _>>()?;
    let mut placed: Vec<Placed<'_>> = Vec::new();
    for request in &requests {
        placed.push(gateway.place(request).await.ok_or("the API is not there")?);
    }
    let decisions = placed.iter().map(|placed| placed.decisions().ok_or("the method is not there"));
    let mut decisions: Vec<Decisions<'_>> = decisions.collect::<Result<_, _>>()?;
    rounds(&mut decisions, WARM_UP - 1).await?;
    let mut measured = Measured::default();
    for repeat in 0..=REPEATS {
        let (mut decided, mut total) = ([0_u64; 2], [[Duration::ZERO; 2]; 2]);
        while decided[1] < u64::from(DECISIONS) {
            let asking = Spent::since_now()?;
            rounds(&mut decisions, 1).await?;
            let asked = asking.elapsed()?;
            proxy.forget();
            let taking = Spent::since_now()?;
            rounds(&mut decisions, FROM_LEASE).await?;
            let taken = taking.elapsed()?;
            if !proxy.asked().is_empty() {
                return Err(format!("a lease did not last: {:?}", proxy.asked()).into());
            }
            decided[0] += u64::from(keys);
            decided[1] += u64::from(keys) * u64::from(FROM_LEASE);
            for part in [0, 1] {
                total[0][part] += asked[part];
                total[1][part] += taken[part];
            }
        }
        // The first is warm only once it is over.
        if repeat > 0 {
            measured.push(decided[1], total[1]);
            if let Some(with_writes) = with_writes.as_deref_mut() {
                let both = [total[0][0] + total[1][0], total[0][1] + total[1][1]];
                with_writes.push(decided[0] + decided[1], both);
            }
            progress::say(format_args!("  {repeat} of {REPEATS}"));
        }
    }
    Ok(measured)
}

async fn rounds(decisions: &mut [Decisions<'_>], rounds: u32) -> Result<(), Error> {
    for _ in 0..rounds {
        for decision in &mut *decisions {
            if !decision.admits().await {
                return Err("a key was refused".into());
            }
        }
    }
    Ok(())
}

/// Decides upon keys by chance, of which the caches cannot hold all.
async fn cold(url: &str, path: &str) -> Result<Measured, Error> {
    let gateway = leasing_gateway(url);
    let mut measured = Measured::default();
    for repeat in 0..=REPEATS {
        let spent = Spent::since_now()?;
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..COLD_AT_ONCE {
            let (gateway, path) = (gateway.clone(), path.to_owned());
            callers.spawn(async move { cold_caller(&gateway, &path).await });
        }
        let mut decided = 0;
        while let Some(caller) = callers.join_next().await {
            decided += caller??;
        }
        if repeat > 0 {
            measured.push(decided, spent.elapsed()?);
            progress::say(format_args!("  {repeat} of {REPEATS}"));
        }
    }
    Ok(measured)
}

async fn cold_caller(gateway: &Gateway, path: &str) -> Result<u64, Error> {
    let stopwatch = Stopwatch::start();
    let mut decided = 0;
    while stopwatch.elapsed() < COLD_TIME {
        let request = in_process::call(path, &many_keys::value(rand::random_range(0..MANY)))?;
        let placed = gateway.place(&request).await.ok_or("the API is not there")?;
        let mut decisions = placed.decisions().ok_or("the method is not there")?;
        if !decisions.admits().await {
            return Err("a key was refused".into());
        }
        decided += 1;
    }
    Ok(decided)
}
