use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use keyplan_domain::admission::Limits;
use keyplan_domain::id::{ApiKeyId, UsagePlanId};
use keyplan_domain::outage::OnFailure;
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_store::clock::SystemClock;
use keyplan_store::{Metering, entropy};
use keyplan_tests::DynamodbProxy;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::Error;
use crate::dynamodb::{self, Served};
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::progress;
use crate::series::Series;
use crate::traffic::count;

/// As many meters as there would be processes; none knows of another.
const PROCESSES: u32 = 8;
const TIME: Duration = Duration::from_secs(6);
/// Refuses nothing, and is counted.
const QUOTA: QuotaSettings = QuotaSettings { limit: 4_000_000_000, offset: 0, period: QuotaPeriod::Month };
const PROVES_FOR: Duration = Duration::from_secs(5);
const HOW: &str = "8 meters that share a DynamoDB, Poisson arrivals, operations counted by a proxy before it";

/// One key's traffic.
#[derive(Clone, Copy)]
struct Load {
    id: &'static str,
    measure: &'static str,
    rate: f64,
    burst: u32,
    /// Arrivals a second, as a part of the rate.
    load: f64,
    cap: u32,
    per: Per,
    most: f64,
}

/// By what operations are divided.
#[derive(Clone, Copy)]
enum Per {
    Admitted,
    Decision,
    Refused,
    /// By refusals, without the one that each admission takes.
    RefusedAlone,
}

#[derive(Default)]
struct Counts {
    admitted: u64,
    refused: u64,
    operations: u64,
}

const fn strict(measure: &'static str, burst: u32, load: f64, per: Per, most: f64) -> Load {
    Load { id: "D1", measure, rate: 200.0, burst, load, cap: 1, per, most }
}

const LOADS: [Load; 15] = [
    strict("writes per admission, burst 10, load 0.1", 10, 0.1, Per::Admitted, 1.25),
    strict("writes per admission, burst 10, load 0.3", 10, 0.3, Per::Admitted, 1.6),
    strict("writes per admission, burst 10, load 0.5", 10, 0.5, Per::Admitted, 1.6),
    strict("writes per admission, burst 10, load 0.9", 10, 0.9, Per::Admitted, 1.25),
    strict("writes per decision, burst 10, load 1.5", 10, 1.5, Per::Decision, 1.25),
    strict("writes per admission, burst 200, load 0.1", 200, 0.1, Per::Admitted, 1.25),
    strict("writes per admission, burst 200, load 0.3", 200, 0.3, Per::Admitted, 1.6),
    strict("writes per admission, burst 200, load 0.5", 200, 0.5, Per::Admitted, 1.6),
    strict("writes per admission, burst 200, load 0.9", 200, 0.9, Per::Admitted, 1.25),
    strict("writes per decision, burst 200, load 1.5", 200, 1.5, Per::Decision, 1.25),
    leased("operations per request, cap 10, load 0.1", "D2", 0.1, 10, Per::Admitted, 0.12),
    leased("operations per request, cap 10, load 0.9", "D2", 0.9, 10, Per::Admitted, 0.12),
    leased("operations per request, cap 100, load 0.9", "D2", 0.9, 100, Per::Admitted, 0.02),
    Load { id: "D3", ..strict("operations per 429 at 4 times the rate, strict", 10, 4.0, Per::RefusedAlone, 1.0) },
    leased("operations per 429 at 4 times the rate, cap 100", "D3", 4.0, 100, Per::Refused, 0.05),
];

const fn leased(measure: &'static str, id: &'static str, load: f64, cap: u32, per: Per, most: f64) -> Load {
    Load { id, measure, rate: 2_000.0, burst: 1_000, load, cap, per, most }
}

/// What the meters of one key cost in operations of DynamoDB.
pub(super) async fn measure(id: &str) -> Vec<Figure> {
    let mut figures = Vec::new();
    for load in LOADS.into_iter().filter(|load| load.id == id) {
        progress::say(format_args!("  {}", load.measure));
        let mut how = HOW.to_owned();
        let outcome = match load.run().await {
            Ok(counts) => {
                let Counts { admitted, refused, operations } = counts;
                how.push_str(&format!("; {operations} operations, {admitted} admitted, {refused} refused"));
                let mut series = Series::default();
                series.push(load.ratio(&counts));
                Outcome::Measured { series, summary: Summary::Largest }
            }
            Err(error) => Outcome::NotMeasured { reason: error.to_string() },
        };
        let target = Target { bound: Bound::AtMost(load.most), unit: "" };
        figures.push(Figure { id: load.id, measure: load.measure, target, outcome, how });
    }
    figures
}

impl Load {
    fn ratio(&self, counts: &Counts) -> f64 {
        let Counts { admitted, refused, operations } = *counts;
        let (operations, by) = match self.per {
            Per::Admitted => (operations, admitted),
            Per::Decision => (operations, admitted + refused),
            Per::Refused => (operations, refused),
            Per::RefusedAlone => (operations.saturating_sub(admitted), refused),
        };
        count(operations) / count(by)
    }

    async fn run(self) -> Result<Counts, Error> {
        let served = Served::start(Database::memory()?).await?;
        served.store().await?;
        let proxy = DynamodbProxy::before(served.url());
        let limits = Limits {
            throttle: Some(ThrottleSettings { burst_limit: self.burst, rate_limit: self.rate }.into()),
            method: None,
            quota: Some(QUOTA),
        };
        let (plan, key) = (entropy::usage_plan_id(), entropy::api_key_id());
        let until = Instant::now() + TIME;
        let mut processes = JoinSet::new();
        for _ in 0..PROCESSES {
            let store = dynamodb::store(&proxy.url);
            let metering = Metering::new(store, Arc::new(SystemClock), PROVES_FOR, OnFailure::Closed);
            processes.spawn(self.process(metering, plan.clone(), key.clone(), limits, until));
        }
        let mut counts = Counts::default();
        while let Some(process) = processes.join_next().await {
            let (admitted, refused) = process??;
            counts.admitted += admitted;
            counts.refused += refused;
        }
        counts.operations = proxy.asked().values().sum();
        served.stop().await;
        Ok(counts)
    }

    /// Requests of one process, each of which waits for nobody: how many were
    /// admitted and refused.
    async fn process(
        self,
        metering: Metering,
        plan: UsagePlanId,
        key: ApiKeyId,
        limits: Limits,
        until: Instant,
    ) -> Result<(u64, u64), Error> {
        let cap = NonZeroU32::new(self.cap).unwrap_or(NonZeroU32::MIN);
        let mean_gap = f64::from(PROCESSES) / (self.rate * self.load);
        let mut requests = JoinSet::new();
        let mut next = Instant::now();
        loop {
            // The gaps of a Poisson process are distributed exponentially.
            next += Duration::from_secs_f64(-mean_gap * (1.0 - rand::random::<f64>()).ln());
            if next >= until {
                break;
            }
            tokio::time::sleep_until(next).await;
            let (metering, plan, key) = (metering.clone(), plan.clone(), key.clone());
            requests.spawn(async move { metering.spend(&plan, &key, &limits, cap).await });
        }
        let (mut admitted, mut refused) = (0, 0);
        while let Some(request) = requests.join_next().await {
            match request?? {
                Ok(_) => admitted += 1,
                Err(_) => refused += 1,
            }
        }
        Ok((admitted, refused))
    }
}
