use std::time::Duration;

use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use tokio::task::JoinSet;

use super::*;
use crate::clock::SystemClock;
use crate::meter::write::tests::store;

const CAP: NonZeroU32 = NonZeroU32::new(4).unwrap();

#[tokio::test]
async fn who_would_wait_for_too_many_writes_is_refused_at_once_as_throttled() {
    let limits = Limits {
        throttle: None,
        method: None,
        quota: Some(QuotaSettings { limit: 1_000_000, offset: 0, period: QuotaPeriod::Month }),
    };
    let (plan, key) = (UsagePlanId::new("plan01"), ApiKeyId::new("key0000001"));
    let meter = Meter::new(store().await, Arc::new(SystemClock), Duration::from_secs(5));
    let leased = meter.leased_meter(&keys::meter(&plan, &key));
    let spend = async || meter.spend_leased(&plan, &key, &limits, CAP).await;
    let asking = leased.asking.lock().await;
    let mut waiting = JoinSet::new();
    for _ in 0..CAP.get() * WRITES_WAITED_FOR {
        let (meter, plan, key) = (meter.clone(), plan.clone(), key.clone());
        waiting
            .spawn(async move { meter.spend_leased(&plan, &key, &limits, CAP).await.is_ok_and(|spent| spent.is_ok()) });
    }
    while leased.waiting.load(Ordering::Relaxed) < CAP.get() * WRITES_WAITED_FOR {
        tokio::task::yield_now().await;
    }
    assert!(matches!(spend().await, Err(StoreError::Throttled { .. })));
    drop(asking);
    while let Some(admitted) = waiting.join_next().await {
        assert!(admitted.unwrap());
    }
    assert!(spend().await.unwrap().is_ok());
}
