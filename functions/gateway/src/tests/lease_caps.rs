//! A plan whose tag of a lease's cap is none.

use std::io;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyplan_domain::plan::LEASE_CAP_TAG;
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

const PERIOD: QuotaSettings = QuotaSettings { limit: 100_000, offset: 0, period: QuotaPeriod::Day };
const WARNING: &str = "a plan's tag is ignored";

/// What is logged while it is there, on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps all that this program logs, at its finest level.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone());
        let ours = Targets::new().with_target("keyplan", LevelFilter::TRACE);
        tracing::subscriber::set_default(lines.with_max_level(LevelFilter::TRACE).finish().with(ours))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Tagged {
    bench: Bench,
    key: ApiKeyId,
    plan: UsagePlanId,
}

impl Tagged {
    /// A key in a plan with this tag, at a gateway that leases 10 tokens unless told otherwise.
    async fn of(tag: Option<&str>) -> Self {
        let settings = Settings { lease_cap: NonZeroU32::new(10).unwrap(), ..settings() };
        let bench = Bench::with_settings(settings, ApiKeySource::Header, |definition| {
            let method = Method { api_key_required: true, ..open_method(mock("ok")) };
            definition.methods.insert("pet001".into(), [("ANY".to_owned(), method)].into());
        })
        .await;
        let (key, plan) = bench
            .key_in_plan(|plan| {
                plan.quota = Some(PERIOD);
                plan.tags.extend(tag.map(|tag| (LEASE_CAP_TAG.to_owned(), tag.to_owned())));
            })
            .await;
        Self { bench, key, plan }
    }

    async fn call(&self, times: u32) {
        for _ in 0..times {
            assert_eq!(self.bench.call(get_pet().with("x-api-key", VALUE)).await.status(), 200);
        }
    }

    /// What is counted: more than was admitted, where tokens are leased.
    async fn counted(&self) -> u64 {
        let plan = self.bench.store.usage_plan(&self.plan).await.unwrap().unwrap();
        let today = NOON.date();
        self.bench.store.usage(&plan, &self.key, today, today, NOON).await.unwrap()[0].used
    }
}

#[tokio::test]
async fn a_plan_whose_cap_is_none_leases_as_one_that_says_nothing() {
    let mut counted = Vec::new();
    for tag in [None, Some("ten"), Some("0"), Some(""), Some("1")] {
        let tagged = Tagged::of(tag).await;
        tagged.call(3).await;
        counted.push(tagged.counted().await);
    }
    let [by_default, ten, zero, empty, strict] = counted[..] else { panic!("{counted:?}") };
    assert_eq!((ten, zero, empty, strict), (by_default, by_default, by_default, 3));
    assert!(by_default > 3, "{by_default}");
}

#[tokio::test]
async fn a_cap_that_is_none_is_told_as_often_as_the_plan_is_read_and_with_no_key_s_value() {
    let tagged = Tagged::of(Some("ten")).await;
    let log = Log::default();
    let _listening = log.listen();
    let told = || log.text().lines().filter(|line| line.contains(WARNING)).count();
    tagged.call(20).await;
    assert_eq!(told(), 1);
    tagged.bench.clock.advance(Duration::from_secs(6));
    tagged.call(20).await;
    assert_eq!(told(), 2);
    let text = log.text();
    let warning = text.lines().find(|line| line.contains(WARNING)).unwrap();
    assert!(warning.contains("WARN"), "{warning}");
    assert!(warning.contains("tag keyplan:leaseCap must be a whole number of at least 1"), "{warning}");
    assert!(warning.contains(tagged.plan.as_str()), "{warning}");
    assert!(!text.contains(VALUE), "{text}");
}

#[tokio::test]
async fn a_cap_that_is_one_is_not_told_of() {
    let tagged = Tagged::of(Some("10")).await;
    let log = Log::default();
    let _listening = log.listen();
    tagged.call(3).await;
    assert!(!log.text().contains(WARNING), "{}", log.text());
}
