use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::key::KeyValue;
use keyplan_domain::throttle::ThrottleSettings;

use crate::api::{Api, Error};
use crate::bare::Bare;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::local::Program;
use crate::progress;
use crate::series::Series;
use crate::traffic::{self, Call};

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
    per_second: Series,
    bare_per_second: Series,
}

/// The gateway over loopback HTTP beside a server that decides nothing.
pub(super) async fn measure() -> Vec<Figure> {
    let mut figures = vec![Figure {
        id: "C2",
        measure: "of a bare server, leased",
        target: Target { bound: Bound::AtLeast(0.8), unit: "" },
        outcome: Outcome::NotMeasured { reason: "there are no leases yet: every request writes".into() },
        how: String::new(),
    }];
    match run().await {
        Ok(kinds) => figures.extend(kinds.into_iter().map(|(kind, measured)| beside(&kind, measured))),
        Err(error) => figures.push(Figure {
            id: "C2",
            measure: "of a bare server, strict",
            target: Target { bound: Bound::Beside, unit: "" },
            outcome: Outcome::NotMeasured { reason: error.to_string() },
            how: String::new(),
        }),
    }
    figures
}

fn beside(kind: &Kind, measured: Result<Beside, String>) -> Figure {
    let mut how = format!("{}; own load generator, {CONNECTIONS} connections", kind.what);
    let outcome = match measured {
        Ok(Beside { ratio, per_second, bare_per_second }) => {
            if let (Some(gateway), Some(bare)) = (per_second.median(), bare_per_second.median()) {
                how.push_str(&format!("; {gateway:.0}/s beside {bare:.0}/s"));
            }
            Outcome::Measured { series: ratio, summary: Summary::Median }
        }
        Err(reason) => Outcome::NotMeasured { reason },
    };
    Figure { id: "C2", measure: kind.measure, target: Target { bound: Bound::Beside, unit: "" }, outcome, how }
}

async fn run() -> Result<Vec<(Kind, Result<Beside, String>)>, Error> {
    let stack = Program::find().await?.start(None).await?;
    let bare = Bare::start().await?;
    let api = Arc::new(Api::make(stack.store(), 0).await?);
    let kinds = kinds(&api).await?;
    let open = Call::get(&api.path("open"), &[], 200);
    let [ours, theirs] =
        [traffic::size_of_answer(stack.gateway, &open).await?, traffic::size_of_answer(bare.address, &open).await?];
    if ours != theirs {
        return Err(format!("the gateway's answer has {ours} bytes and the bare server's {theirs}").into());
    }
    let mut measured: Vec<_> = kinds.into_iter().map(|kind| (kind, Ok(Beside::default()))).collect();
    for repeat in 0..=REPEATS {
        for (kind, outcome) in &mut measured {
            let Ok(beside) = outcome else { continue };
            let time = if repeat == 0 { WARM_UP } else { TIME };
            match (rate(bare.address, &kind.calls, time).await?, rate(stack.gateway, &kind.calls, time).await?) {
                (Ok(bare), Ok(gateway)) if repeat > 0 => beside.take(gateway, bare),
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

/// Everything that is called, each in another way dear.
async fn kinds(api: &Arc<Api>) -> Result<Vec<Kind>, Error> {
    let path = api.path("keyed");
    let busy = api.plan(BUSY, QUOTA).await?;
    let generous = api.plan(GENEROUS, QUOTA).await?;
    let calls = |values: &[KeyValue]| -> Arc<[Call]> {
        values.iter().map(|value| Call::get(&path, &[("x-api-key", value.expose())], 200)).collect()
    };
    let strict = "MOCK method that needs a key, one DynamoDB write or more each";
    Ok(vec![
        Kind { measure: "of a bare server, strict, 1 key", what: strict, calls: calls(&api.keys(&busy, 1).await?) },
        Kind {
            measure: "of a bare server, strict, 1 key, rate never reached",
            what: strict,
            calls: calls(&api.keys(&generous, 1).await?),
        },
        Kind {
            measure: "of a bare server, strict, 1,000 keys",
            what: strict,
            calls: calls(&api.keys(&generous, KEYS).await?),
        },
        Kind {
            measure: "of a bare server, no key needed",
            what: "MOCK method, nothing metered",
            calls: Arc::from([Call::get(&api.path("open"), &[], 200)]),
        },
    ])
}

async fn rate(address: SocketAddr, calls: &Arc<[Call]>, time: Duration) -> io::Result<Result<f64, String>> {
    let tally = traffic::drive(address, CONNECTIONS, calls, time).await?;
    let wrong = tally.unexpected + tally.dropped;
    Ok(if wrong == 0 {
        Ok(tally.per_second())
    } else {
        Err(format!("not all were answered by 200: {:?}", tally.statuses))
    })
}

impl Beside {
    fn take(&mut self, gateway: f64, bare: f64) {
        self.ratio.push(gateway / bare);
        self.per_second.push(gateway);
        self.bare_per_second.push(bare);
    }
}
