//! Processes whose clocks are 200 ms apart, in a time that is told.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, date};
use keyplan_domain::admission::Limits;
use keyplan_domain::id::{ApiKeyId, UsagePlanId};
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_domain::time::Timestamp;
use keyplan_store::clock::Clock;
use keyplan_store::{Meter, Store, entropy};
use support::{ManualClock, NOON, plan, store};

const APART: Duration = Duration::from_millis(200);
const STEP: Duration = Duration::from_millis(5);
const STRICT: NonZeroU32 = NonZeroU32::MIN;
const LEASED: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Two processes; the second's clock is ahead.
struct Processes {
    store: Store,
    clocks: [Arc<ManualClock>; 2],
    meters: [Meter; 2],
    plan: UsagePlanId,
    key: ApiKeyId,
    cap: NonZeroU32,
}

impl Processes {
    async fn new(cap: NonZeroU32) -> Self {
        let store = store().await;
        let clocks = [ManualClock::at(NOON), ManualClock::at(NOON)];
        let meters = clocks.clone().map(|clock| Meter::new(store.clone(), clock, Duration::from_secs(5)));
        Self { store, clocks, meters, plan: entropy::usage_plan_id(), key: entropy::api_key_id(), cap }
    }

    fn set(&self, now: Timestamp) {
        self.clocks[0].set(now);
        self.clocks[1].set(now.plus(APART));
    }

    async fn is_admitted(&self, process: usize, limits: &Limits) -> bool {
        self.meters[process].spend_leased(&self.plan, &self.key, limits, self.cap).await.unwrap().is_ok()
    }

    async fn used_on(&self, day: Date) -> u64 {
        let mut of = plan(&[]);
        of.id = self.plan.clone();
        self.store.usage(&of, &self.key, day, day, self.clocks[0].now()).await.unwrap()[0].used
    }
}

/// Checks all windows of time against burst, rate and what comes on top once.
fn check_windows(admitted: &[Duration], burst: u32, rate: f64, on_top: f64) {
    for (place, first) in admitted.iter().enumerate() {
        for (count, last) in (1_u32..).zip(&admitted[place..]) {
            let most = f64::from(burst) + rate * (*last - *first).as_secs_f64() + on_top;
            assert!(f64::from(count) <= most, "{count} from {first:?} to {last:?}, at most {most}");
        }
    }
}

/// The times at which either process admits, when both are called all the time.
async fn throttled(cap: NonZeroU32, burst: u32, rate: f64) -> Vec<Duration> {
    let processes = Processes::new(cap).await;
    let throttle = ThrottleSettings { burst_limit: burst, rate_limit: rate };
    let limits = Limits { throttle: Some(throttle.into()), method: None, quota: None };
    let mut admitted = Vec::new();
    for step in 0..800 {
        let time = STEP * step;
        processes.set(NOON.plus(time));
        for process in [0, 1] {
            if processes.is_admitted(process, &limits).await {
                admitted.push(time);
            }
        }
    }
    let least = f64::from(burst) + rate * (STEP * 800).as_secs_f64() * 0.9;
    assert!(u32::try_from(admitted.len()).is_ok_and(|count| f64::from(count) >= least), "{}", admitted.len());
    admitted
}

/// Twice the difference is what is promised; what returns in the difference is
/// what comes on top.
#[tokio::test]
async fn two_clocks_admit_together_what_returns_in_their_difference_and_once() {
    let (burst, rate) = (10, 50.0);
    check_windows(&throttled(STRICT, burst, rate).await, burst, rate, rate * APART.as_secs_f64());
}

/// A lease may be two seconds old when it admits.
#[tokio::test]
async fn two_clocks_that_lease_admit_besides_what_each_may_hold() {
    let (burst, rate) = (40, 50.0);
    let held = f64::from(2 * (LEASED.get() - 1));
    check_windows(&throttled(LEASED, burst, rate).await, burst, rate, rate * APART.as_secs_f64() + held);
}

/// Calls both processes from before midnight to after it: what was admitted on
/// each day by the clocks of those who admitted it, and what is counted for it.
async fn over_midnight(cap: NonZeroU32, limit: u32) -> [[u64; 2]; 2] {
    let processes = Processes::new(cap).await;
    let quota = QuotaSettings { limit, offset: 0, period: QuotaPeriod::Day };
    let limits = Limits { throttle: None, method: None, quota: Some(quota) };
    let days = [date(2026, 11, 23), date(2026, 11, 24)];
    let start = Timestamp::from_nanos(Timestamp::at_start_of(days[1]).as_nanos() - 600_000_000);
    let mut admitted = [0; 2];
    for step in 0..400 {
        processes.set(start.plus(STEP * step));
        for process in [0, 1] {
            if processes.is_admitted(process, &limits).await {
                let day = processes.clocks[process].now().date();
                admitted[days.iter().position(|known| *known == day).unwrap()] += 1;
            }
        }
    }
    let counted = [processes.used_on(days[0]).await, processes.used_on(days[1]).await];
    [admitted, counted]
}

#[tokio::test]
async fn a_day_that_ends_at_two_times_has_its_quota_and_no_more() {
    // Spent before its day is over, and not.
    for (limit, on_the_first) in [(50, 50), (300, 200)] {
        let [admitted, counted] = over_midnight(STRICT, limit).await;
        // 600 ms of one process, and 400 of the other.
        assert_eq!(admitted, [on_the_first, u64::from(limit)], "of {limit}");
        assert_eq!(counted, admitted, "of {limit}");
    }
}

/// What is leased when a day ends stays counted and admits nobody.
#[tokio::test]
async fn so_it_has_where_they_lease() {
    for limit in [50, 300] {
        let [admitted, counted] = over_midnight(LEASED, limit).await;
        let most_held = 2 * u64::from(LEASED.get() - 1);
        for day in [0, 1] {
            assert!(counted[day] <= u64::from(limit), "of {limit}: {admitted:?}, {counted:?}");
            assert!((admitted[day]..=admitted[day] + most_held).contains(&counted[day]), "{admitted:?}, {counted:?}");
        }
        assert_eq!(admitted[1], u64::from(limit));
    }
}
