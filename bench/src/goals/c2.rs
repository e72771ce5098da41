use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::key::KeyValue;
use keyplan_domain::throttle::ThrottleSettings;

use crate::api::{Api, Error};
use crate::bare::Bare;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::local::{LocalError, Program};
use crate::process::Process;
use crate::progress;
use crate::series::Series;
use crate::traffic::{self, Call, count};

/// How the gateway is set.
struct Setting {
    lease_cap: &'static str,
    /// What cannot be measured, if it cannot be.
    measure: &'static str,
    bound: Bound,
}

/// What the goal is about.
const LEASED: Setting =
    Setting { lease_cap: "100", measure: "of a bare server, leased, 1 key", bound: Bound::AtLeast(0.8) };
const STRICT: Setting = Setting { lease_cap: "1", measure: "of a bare server, strict", bound: Bound::Beside };

const REPEATS: u32 = 7;
const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(500);
const KEYS: u32 = 1_000;
/// Far above what any key uses: what an operator sets who wants no limit.
pub(super) const GENEROUS: ThrottleSettings = ThrottleSettings { burst_limit: 1_000_000, rate_limit: 1_000_000.0 };
/// Below what a hot key uses, with a burst that lasts for all of a run.
pub(super) const BUSY: ThrottleSettings = ThrottleSettings { burst_limit: 10_000_000, rate_limit: 100.0 };
/// Refuses nothing.
pub(super) const QUOTA: u32 = 4_000_000_000;

/// What the gateway is called with.
struct Kind {
    measure: &'static str,
    what: &'static str,
    calls: Arc<[Call]>,
}

/// One kind of call, beside the bare server each time.
#[derive(Default)]
struct Beside {
    ratio: Series,
    gateway: Server,
    bare: Server,
}

/// Medians of these are told beside the ratio.
#[derive(Default)]
struct Server {
    per_second: Series,
    cpu_micros: Series,
}

/// A server under load.
struct Subject {
    address: SocketAddr,
    process: Process,
}

/// One turn of a server.
struct Turn {
    per_second: f64,
    /// Of the server's processor time, for one request.
    cpu_micros: f64,
}

/// The gateway over loopback HTTP beside a server that decides nothing.
pub(super) async fn measure() -> Vec<Figure> {
    let mut figures = Vec::new();
    for setting in [LEASED, STRICT] {
        let bound = setting.bound;
        match run(&setting).await {
            Ok(kinds) => figures.extend(kinds.into_iter().map(|(kind, measured)| beside(&kind, bound, measured))),
            Err(error) => figures.push(Figure {
                id: "C2",
                measure: setting.measure,
                target: Target { bound, unit: "" },
                outcome: Outcome::NotMeasured { reason: error.to_string() },
                how: String::new(),
            }),
        }
    }
    figures
}

fn beside(kind: &Kind, bound: Bound, measured: Result<Beside, String>) -> Figure {
    let mut how = format!("{}; own load generator, {CONNECTIONS} connections", kind.what);
    let outcome = match measured {
        Ok(Beside { ratio, gateway, bare }) => {
            how.push_str(&format!("; {gateway} beside {bare}"));
            Outcome::Measured { series: ratio, summary: Summary::Median }
        }
        Err(reason) => Outcome::NotMeasured { reason },
    };
    Figure { id: "C2", measure: kind.measure, target: Target { bound, unit: "" }, outcome, how }
}

async fn run(setting: &Setting) -> Result<Vec<(Kind, Result<Beside, String>)>, Error> {
    let stack = Program::find().await?.start_with(None, &["--lease-cap", setting.lease_cap]).await?;
    let server = Bare::start().await?;
    let api = Arc::new(Api::make(stack.store(), 0).await?);
    let kinds = if setting.lease_cap == STRICT.lease_cap { strict(&api).await? } else { leased(&api).await? };
    let open = Call::get(&api.path("open"), &[], 200);
    let gateway = Subject { address: stack.gateway, process: stack.process()? };
    let bare = Subject { address: server.address, process: server.process()? };
    let ours = traffic::size_of_answer(gateway.address, &open).await?;
    let theirs = traffic::size_of_answer(bare.address, &open).await?;
    if ours != theirs {
        return Err(format!("the gateway's answer has {ours} bytes and the bare server's {theirs}").into());
    }
    let mut measured: Vec<_> = kinds.into_iter().map(|kind| (kind, Ok(Beside::default()))).collect();
    for repeat in 0..=REPEATS {
        for (kind, outcome) in &mut measured {
            let Ok(beside) = outcome else { continue };
            let time = if repeat == 0 { WARM_UP } else { TIME };
            match (bare.turn(&kind.calls, time).await?, gateway.turn(&kind.calls, time).await?) {
                (Ok(bare), Ok(gateway)) if repeat > 0 => beside.take(&gateway, &bare),
                (Ok(_), Ok(_)) => {}
                (Err(reason), _) | (_, Err(reason)) => *outcome = Err(reason),
            }
        }
        if repeat > 0 {
            progress::say(format_args!("  {repeat} of {REPEATS}"));
        }
    }
    stack.stop().await?;
    Ok(measured)
}

/// What is leased.
async fn leased(api: &Arc<Api>) -> Result<Vec<Kind>, Error> {
    let plan = api.plan(GENEROUS, QUOTA).await?;
    let keys = api.keys(&plan, 1).await?;
    let path = api.path("keyed");
    let calls = keys.iter().map(|value| Call::get(&path, &[("x-api-key", value.expose())], 200)).collect();
    Ok(vec![Kind {
        measure: LEASED.measure,
        what: "MOCK method that needs a key, leases of at most 100 tokens",
        calls,
    }])
}

/// Everything else that is called, each in another way dear.
async fn strict(api: &Arc<Api>) -> Result<Vec<Kind>, Error> {
    let path = api.path("keyed");
    let busy = api.plan(BUSY, QUOTA).await?;
    let generous = api.plan(GENEROUS, QUOTA).await?;
    let calls = |values: &[KeyValue]| -> Arc<[Call]> {
        values.iter().map(|value| Call::get(&path, &[("x-api-key", value.expose())], 200)).collect()
    };
    let what = "MOCK method that needs a key, one DynamoDB write or more each";
    Ok(vec![
        Kind { measure: "of a bare server, strict, 1 key", what, calls: calls(&api.keys(&busy, 1).await?) },
        Kind {
            measure: "of a bare server, strict, 1 key, rate never reached",
            what,
            calls: calls(&api.keys(&generous, 1).await?),
        },
        Kind { measure: "of a bare server, strict, 1,000 keys", what, calls: calls(&api.keys(&generous, KEYS).await?) },
        Kind {
            measure: "of a bare server, no key needed",
            what: "MOCK method, nothing metered",
            calls: Arc::from([Call::get(&api.path("open"), &[], 200)]),
        },
    ])
}

impl Subject {
    async fn turn(&self, calls: &Arc<[Call]>, time: Duration) -> Result<Result<Turn, String>, Error> {
        let cpu = || self.process.cpu_time().ok_or(LocalError::NoProc);
        let before = cpu()?;
        let tally = traffic::drive(self.address, CONNECTIONS, calls, time).await?;
        if tally.unexpected + tally.dropped > 0 {
            return Ok(Err(format!("not all were answered by 200: {:?}", tally.statuses)));
        }
        let cpu_micros = (cpu()? - before).as_secs_f64() * 1e6 / count(tally.answered);
        Ok(Ok(Turn { per_second: tally.per_second(), cpu_micros }))
    }
}

impl Beside {
    fn take(&mut self, gateway: &Turn, bare: &Turn) {
        self.ratio.push(gateway.per_second / bare.per_second);
        for (server, turn) in [(&mut self.gateway, gateway), (&mut self.bare, bare)] {
            server.per_second.push(turn.per_second);
            server.cpu_micros.push(turn.cpu_micros);
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [per_second, cpu_micros] =
            [&self.per_second, &self.cpu_micros].map(|series| series.median().unwrap_or(0.0));
        write!(f, "{per_second:.0}/s at {cpu_micros:.1} us of processor")
    }
}
