//! DynamoDB carries out a write exactly as the domain says what it means.

use std::collections::HashMap;

use aws_credential_types::Credentials;
use keyplan_domain::admission::MethodLimit;
use keyplan_domain::admission::write::{Busy, Held, Spending};
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::connect::Connection;
use crate::meter::state::DayCounts;
use crate::{Tables, keys};

/// 2026-11-23, noon.
const NOW: Timestamp = Timestamp::from_seconds(1_795_435_200);
const SLOT: u16 = 3;

/// Another DynamoDB than the embedded one.
fn another() -> Option<String> {
    std::env::var("DYNAMODB_ENDPOINT").ok()
}

pub(in crate::meter) async fn store() -> Store {
    let endpoint = match another() {
        Some(endpoint) => endpoint,
        None => {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
            endpoint
        }
    };
    let connection =
        Connection::new("us-east-1", Some(endpoint), Credentials::new("local", "local", None, None, "test"));
    let suffix = crate::entropy::rest_api_id();
    let tables = Tables { config: format!("config-{suffix}"), usage: format!("usage-{suffix}") };
    let store = Store::new(connection.dynamodb(), tables);
    store.create_tables_without_ttl().await.unwrap();
    store
}

/// A write, and the meter that it meets.
#[derive(Clone, Debug)]
struct Case {
    limits: Limits,
    tokens: u32,
    settled: u32,
    form: OwnedForm,
    held: Held,
}

#[derive(Clone, Debug)]
enum OwnedForm {
    Guess(Busy),
    Replace { seen: MeterState, next: MeterState },
    Repair { seen: MeterState, next: MeterState },
}

impl OwnedForm {
    fn form(&self) -> Form<'_> {
        match self {
            Self::Guess(busy) => Form::Guess(*busy),
            Self::Replace { seen, next } => Form::Replace { seen, next: next.clone() },
            Self::Repair { seen, next } => Form::Repair { seen, next: next.clone() },
        }
    }
}

fn gcra() -> impl Strategy<Value = Gcra> {
    (prop_oneof![Just(1e-6), Just(0.7), Just(1.0), Just(30_000.0)], 4u32..8)
        .prop_map(|(rate_limit, burst_limit)| ThrottleSettings { rate_limit, burst_limit }.into())
}

fn quota() -> impl Strategy<Value = QuotaSettings> {
    let periods = prop_oneof![Just(QuotaPeriod::Day), Just(QuotaPeriod::Week), Just(QuotaPeriod::Month)];
    (1u32..7, periods).prop_map(|(limit, period)| QuotaSettings { limit, offset: 0, period })
}

/// Some tokens ahead of now or behind it: at the edges of what conforms. Brought
/// about by these settings for the most part.
fn bucket(gcra: Option<Gcra>) -> impl Strategy<Value = Bucket> {
    let period = gcra.and_then(|gcra| gcra.increment(NonZeroU32::MIN)).unwrap_or(1);
    let by = prop_oneof![
        8 => Just(gcra),
        1 => Just(gcra.map(|gcra| gcra.of_version(1))),
        1 => self::gcra().prop_map(Some),
        1 => Just(None),
    ];
    (-1i128..6, prop_oneof![-1i128..=1, Just(0)], by)
        .prop_map(move |(tokens, more, gcra)| Bucket { tat: i128::from(NOW.as_nanos()) + tokens * period + more, gcra })
}

fn state(limits: Limits) -> impl Strategy<Value = MeterState> {
    let of_method = prop::option::of(bucket(limits.method.map(|method| method.throttle)));
    let used = prop_oneof![Just(0i64), -2i64..7];
    (prop::option::of(bucket(limits.throttle)), of_method, used).prop_map(|(bucket, of_method, used)| MeterState {
        bucket,
        methods: of_method.into_iter().map(|bucket| (SLOT, bucket)).collect(),
        used,
    })
}

fn case() -> impl Strategy<Value = Case> {
    let limits = (prop::option::of(gcra()), prop::option::of(gcra()), prop::option::of(quota())).prop_map(
        |(throttle, method, quota)| Limits {
            throttle,
            method: method.map(|throttle| MethodLimit { slot: SLOT, throttle }),
            quota,
        },
    );
    let of_limits = |limits: Limits| {
        let others = (state(limits), state(limits), prop::bool::weighted(0.7));
        let kind = (0u8..4, prop::bool::weighted(0.2), prop::bool::weighted(0.2));
        (Just(limits), state(limits), others, kind, 1u32..=4, 0u32..=4, 0u64..5, prop::option::of(0i64..12))
    };
    limits.prop_flat_map(of_limits).prop_map(|(limits, held, others, kind, tokens, settled, day, remaining)| {
        let (other, mut next, is_as_seen) = others;
        let seen = if is_as_seen { held.clone() } else { other };
        // Whoever sets a bucket tells by which settings.
        for bucket in next.bucket.iter_mut().chain(next.methods.values_mut()) {
            bucket.gcra = bucket.gcra.or(limits.throttle).or(Gcra::new(1, 1));
        }
        let (kind, is_plan_wrong, is_method_wrong) = kind;
        let is_busy = |bucket: Option<&Bucket>| bucket.is_some_and(|bucket| !bucket.is_full(NOW));
        let busy = Busy {
            plan: is_busy(held.bucket.as_ref()) != is_plan_wrong,
            method: is_busy(held.methods.get(&SLOT)) != is_method_wrong,
        };
        let form = match kind {
            0 | 1 => OwnedForm::Guess(busy),
            // A repair is of a TAT, and so of a throttle.
            3 if limits.throttle.is_some() => {
                next.bucket.get_or_insert(Bucket { tat: 1, gcra: limits.throttle });
                OwnedForm::Repair { seen, next }
            }
            _ => OwnedForm::Replace { seen, next },
        };
        let used = if limits.quota.is_some() { held.used } else { 0 };
        let held = Held { state: MeterState { used, ..held }, day, remaining };
        Case { limits, tokens, settled: settled.min(tokens), form, held }
    })
}

impl Case {
    /// What the table holds. A count of nothing is no attribute.
    fn attributes(&self, key: &Key) -> HashMap<String, AttributeValue> {
        let Held { state, day, remaining } = &self.held;
        let mut attributes = key.attributes();
        let by = |bucket: &Bucket| bucket.gcra.map(|gcra| AttributeValue::S(settings(gcra)));
        attributes.extend(state.bucket.map(|bucket| (TAT.to_owned(), number(bucket.tat))));
        attributes.extend(state.bucket.and_then(|bucket| Some((GCRA.to_owned(), by(&bucket)?))));
        for (slot, bucket) in &state.methods {
            attributes.insert(method_attribute(*slot), number(bucket.tat));
            attributes.extend(by(bucket).map(|by| (method_settings_attribute(*slot), by)));
        }
        if let Some(quota) = self.limits.quota.filter(|_| state.used != 0) {
            attributes.insert(quota.window(NOW).counter(), number(state.used));
        }
        attributes.extend((*day > 0).then(|| (day_attribute(NOW.date()), number(*day))));
        attributes.extend(remaining.map(|remaining| (remaining_attribute(NOW.date()), number(remaining))));
        attributes
    }

    async fn check(&self, store: &Store) -> Result<(), TestCaseError> {
        let (plan, api_key) = (UsagePlanId::new("plan01"), ApiKeyId::new("key0000001"));
        let key = keys::meter(&plan, &api_key);
        let put = store.client().put_item().table_name(store.usage_table());
        put.set_item(Some(self.attributes(&key))).send().await.unwrap();
        let tokens = NonZeroU32::new(self.tokens).unwrap();
        let (limits, settled, form) = (&self.limits, self.settled, self.form.form());
        let expected = Spending { limits, now: NOW, tokens, settled }.apply(&form, &self.held);
        let besides = Besides::Counts { settled };
        let write = Write { key: &key, limits, now: NOW, tokens, form, besides, stale: &[] };
        let outcome = store.spend(write).await.unwrap();
        let left = self.held(&store.meter_item(&plan, &api_key).await.unwrap());
        prop_assert_eq!(&left, expected.as_ref().unwrap_or(&self.held));
        match (outcome, expected.is_some()) {
            (Outcome::Written(told), true) => prop_assert_eq!(self.held(&told), left),
            // What a condition met is not told by every DynamoDB.
            (Outcome::Refused(told), false) => prop_assert!(another().is_some() || self.held(&told) == left),
            (outcome, _) => prop_assert!(false, "{outcome:?} where {expected:?} was expected"),
        }
        Ok(())
    }

    fn held(&self, item: &MeterItem) -> Held {
        let DayCounts { used, remaining } = item.days().get(&NOW.date()).copied().unwrap_or_default();
        Held { state: item.state(&self.limits, NOW), day: used, remaining }
    }
}

#[test]
fn the_table_carries_out_a_write_as_its_form_means() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(store());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(512));
    runner.run(&case(), |case| runtime.block_on(case.check(&store))).unwrap();
}
