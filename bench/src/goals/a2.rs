use bytes::Bytes;
use tokio::process::Command;

use crate::api::Error;
use crate::cpu_cap::{CpuCap, PERIOD};
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::progress;
use crate::runtime_api::Function;
use crate::series::Series;
use crate::under_tls::UnderTls;

const REPEATS: u32 = 15;
/// Invocations whose median is what a warm one takes.
const WARM: u32 = 10;

const GOAL: Bound = Bound::AtMost(3.0);
/// Which function, and whether it is capped.
const ROWS: [(&str, Of, bool, Bound); 6] = [
    ("authorizer, first of a warm invocation, 7 % of a core", Of::Authorizer, true, GOAL),
    ("gateway, first of a warm invocation, 7 % of a core", Of::Gateway, true, GOAL),
    ("gateway of one API, first of a warm invocation, 7 % of a core", Of::GatewayOfOneApi, true, GOAL),
    ("authorizer, first of a warm invocation, not capped", Of::Authorizer, false, Bound::Beside),
    ("gateway, first of a warm invocation, not capped", Of::Gateway, false, Bound::Beside),
    ("gateway of one API, first of a warm invocation, not capped", Of::GatewayOfOneApi, false, Bound::Beside),
];

#[derive(Clone, Copy)]
enum Of {
    Authorizer,
    Gateway,
    /// By `DEFAULT_REST_API_ID`.
    GatewayOfOneApi,
}

#[derive(Default)]
struct Invocations {
    first_millis: Series,
    warm_millis: Series,
}

/// What the first invocation takes that comes after a start.
pub(super) async fn measure() -> Vec<Figure> {
    let cap = CpuCap::make().map_err(|error| error.to_string());
    let measured = run(cap.as_ref().ok()).await.map_err(|error| error.to_string());
    let figures = ROWS.into_iter().zip(0..).map(|((measure, of, capped, bound), row): (_, usize)| {
        let mut how = format!(
            "after {} ms of pause each, the median of {WARM} warm ones, DynamoDB behind TLS; {}",
            2 * PERIOD.as_millis(),
            match of {
                Of::Authorizer => "one read each",
                Of::Gateway => "the first reads stage, snapshot, key and plan besides the meter's write",
                Of::GatewayOfOneApi => "the first reads key and plan besides the meter's write",
            }
        );
        let outcome = match (&measured, &cap) {
            (Err(reason), _) => Outcome::NotMeasured { reason: reason.clone() },
            (Ok(_), Err(reason)) if capped => Outcome::NotMeasured { reason: reason.clone() },
            (Ok(measured), cap) => {
                let Invocations { first_millis, warm_millis } = &measured[row];
                let [first, warm] = [first_millis, warm_millis].map(|series| series.median().unwrap_or(0.0));
                how.push_str(&format!("; {first:.2} ms over {warm:.2} ms"));
                if let (true, Ok(CpuCap { by, .. })) = (capped, cap) {
                    how.push_str(&format!("; capped once ready, in periods of {} ms, by {by}", PERIOD.as_millis()));
                }
                Outcome::Measured { series: first_millis.over(warm_millis), summary: Summary::Median }
            }
        };
        Figure { id: "A2", measure, target: Target { bound, unit: "" }, outcome, how }
    });
    figures.collect()
}

/// Each row's invocations; none where it takes a cap and there is none.
async fn run(cap: Option<&CpuCap>) -> Result<[Invocations; ROWS.len()], Error> {
    let functions = UnderTls::make().await?;
    let mut measured = ROWS.map(|_| Invocations::default());
    for repeat in 0..=REPEATS {
        for ((_, of, capped, _), invocations) in ROWS.into_iter().zip(&mut measured) {
            let (command, event) = match of {
                Of::Authorizer => functions.authorizer(),
                Of::Gateway => functions.gateway(),
                Of::GatewayOfOneApi => functions.gateway_of_one_api(),
            };
            let cap = match (capped, cap) {
                (true, None) => continue,
                (true, cap) => cap,
                (false, _) => None,
            };
            let (first, warm) = invoke(command, &event, cap).await?;
            // The first repeat only reads programs from the disk.
            if repeat > 0 {
                invocations.first_millis.push(first);
                invocations.warm_millis.push(warm);
            }
        }
        progress::say(format_args!("  {repeat} of {REPEATS}"));
    }
    if cap.is_some_and(|cap| cap.throttled() == Some(0)) {
        return Err("the cap never made a process wait".into());
    }
    Ok(measured)
}

/// Milliseconds of the first invocation of a new process, and of a warm one.
async fn invoke(command: Command, event: &Bytes, cap: Option<&CpuCap>) -> Result<(f64, f64), Error> {
    let mut function = Function::start(command).await?;
    function.ready().await?;
    if let Some(cap) = cap {
        cap.hold(function.process()?)?;
    }
    let (mut first, mut warm) = (Series::default(), Series::default());
    for number in 0..=WARM {
        // Each finds its share unused, as on Lambda one does that comes alone.
        tokio::time::sleep(2 * PERIOD).await;
        function.repeat(event, 1, if number == 0 { &mut first } else { &mut warm }).await?;
    }
    function.stop().await?;
    let (first, warm) = first.median().zip(warm.median()).ok_or("no invocations")?;
    Ok((first / 1e3, warm / 1e3))
}
