//! Meters as another version of this program may leave them, or nobody should.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use keyplan_domain::admission::Limits;
use keyplan_domain::id::{ApiKeyId, UsagePlanId};
use keyplan_domain::outage::OnFailure;
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_store::{Meter, Metering, Store, StoreError, entropy, keys};
use support::{ManualClock, NOON, connection, create_tables, endpoint};

type Attributes = HashMap<String, AttributeValue>;

const STRICT: NonZeroU32 = NonZeroU32::MIN;
const LEASED: NonZeroU32 = NonZeroU32::new(10).unwrap();
const LIMIT: u32 = 5;

struct Table {
    client: Client,
    store: Store,
    name: String,
    plan: UsagePlanId,
    key: ApiKeyId,
}

impl Table {
    async fn new() -> Self {
        let tables = support::tables();
        let client = connection(endpoint().await).dynamodb();
        let name = tables.usage.clone();
        let store = Store::new(client.clone(), tables);
        create_tables(&store).await;
        Self { client, store, name, plan: entropy::usage_plan_id(), key: entropy::api_key_id() }
    }

    /// A meter that has seen nothing yet.
    fn meter(&self) -> Meter {
        Meter::new(self.store.clone(), ManualClock::at(NOON), Duration::from_secs(5))
    }

    /// Puts the key's meter there, with these attributes.
    async fn put(&self, attributes: &Attributes) -> Attributes {
        let item: Attributes = self.place().into_iter().chain(attributes.clone()).collect();
        self.client.put_item().table_name(&self.name).set_item(Some(item.clone())).send().await.unwrap();
        item
    }

    async fn item(&self) -> Attributes {
        let read = self.client.get_item().table_name(&self.name).set_key(Some(self.place())).consistent_read(true);
        read.send().await.unwrap().item.unwrap_or_default()
    }

    fn place(&self) -> Attributes {
        let keys::Key { pk, sk } = keys::meter(&self.plan, &self.key);
        [("pk".to_owned(), text(&pk)), ("sk".to_owned(), text(&sk))].into()
    }

    async fn spend(&self, meter: &Meter, cap: NonZeroU32) -> Result<bool, StoreError> {
        let spent = meter.spend_leased(&self.plan, &self.key, &limits(), cap).await?;
        Ok(spent.is_ok())
    }
}

fn limits() -> Limits {
    let throttle = ThrottleSettings { burst_limit: 100, rate_limit: 1.0 };
    let quota = QuotaSettings { limit: LIMIT, offset: 0, period: QuotaPeriod::Day };
    Limits { throttle: Some(throttle.into()), method: None, quota: Some(quota) }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

fn named(attributes: &[(&str, AttributeValue)]) -> Attributes {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A meter of which two requests were counted, but for one attribute.
fn used_with(name: &str, value: AttributeValue) -> Attributes {
    let mut whole = named(&[("tat", number("5")), ("qD20261123", number("2")), ("d20261123", number("2"))]);
    whole.insert(name.to_owned(), value);
    whole
}

/// What a later version might keep there.
fn of_a_newer_version() -> Attributes {
    named(&[
        ("z9", number("1")),
        ("tat2", number("1.5")),
        ("t70000", text("soon")),
        ("q", text("quotas")),
        ("qH2026112312", number("9")),
        ("d2026112312", number("0.5")),
        ("leases", AttributeValue::M(named(&[("p1", number("3")), ("p2", AttributeValue::Null(true))]))),
        ("processes", AttributeValue::Ss(vec!["p1".into(), "p2".into()])),
    ])
}

#[tokio::test]
async fn what_a_newer_version_keeps_survives_and_decides_nothing() {
    for cap in [STRICT, LEASED] {
        let table = Table::new().await;
        let newer = of_a_newer_version();
        let mut attributes = newer.clone();
        attributes.extend(named(&[("qD20261123", number("2")), ("d20261123", number("2"))]));
        table.put(&attributes).await;
        let meter = table.meter();
        let mut admitted = 0;
        while table.spend(&meter, cap).await.unwrap() {
            admitted += 1;
        }
        assert_eq!(admitted, LIMIT - 2, "by {cap}");
        let item = table.item().await;
        for (name, value) in &newer {
            assert_eq!(item.get(name), Some(value), "{name} by {cap}");
        }
        assert_eq!((&item["qD20261123"], &item["d20261123"]), (&number("5"), &number("5")));
        // And nothing else than a meter has.
        let mut names: Vec<&str> = item.keys().filter(|name| !newer.contains_key(*name)).map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["d20261123", "gcra", "pk", "qD20261123", "r20261123", "sk", "tat"]);
    }
}

/// A request of such a key fails; nobody guesses what it has used.
#[tokio::test]
async fn what_is_known_and_no_number_admits_nobody_and_stays_as_it_is() {
    for cap in [STRICT, LEASED] {
        for name in ["tat", "qD20261123", "d20261123"] {
            for value in [text("1"), AttributeValue::Null(true), AttributeValue::Ss(vec!["1".into()])] {
                let table = Table::new().await;
                let before = table.put(&used_with(name, value)).await;
                for _ in 0..2 {
                    let spent = table.spend(&table.meter(), cap).await;
                    assert!(matches!(spent, Err(StoreError::Corrupt { what: "of a meter", .. })), "{name}: {spent:?}");
                }
                assert_eq!(table.item().await, before, "{name} by {cap}");
            }
        }
    }
}

/// A count with a fraction is a number to DynamoDB, which adds to it: nobody is
/// admitted by what comes of that, and the fraction stays to be seen.
#[tokio::test]
async fn a_count_with_a_fraction_admits_nobody_and_keeps_it() {
    for cap in [STRICT, LEASED] {
        for name in ["qD20261123", "d20261123"] {
            let table = Table::new().await;
            table.put(&used_with(name, number("1.5"))).await;
            for _ in 0..2 {
                let spent = table.spend(&table.meter(), cap).await;
                assert!(matches!(spent, Err(StoreError::Corrupt { what: "of a meter", .. })), "{name}: {spent:?}");
            }
            let AttributeValue::N(left) = &table.item().await[name] else { panic!("{name} is no number any more") };
            assert!(left.ends_with(".5"), "{name}: {left}");
        }
    }
}

/// That one item cannot be read is no outage of the table.
#[tokio::test]
async fn such_a_meter_concerns_its_own_key_alone() {
    let of_day = ("d20261123", text("1"));
    for (name, value) in [("tat", text("1")), ("qD20261123", text("1")), ("qD20261123", number("1.5")), of_day] {
        let table = Table::new().await;
        table.put(&used_with(name, value)).await;
        let life = Duration::from_secs(5);
        let metering = Metering::new(table.store.clone(), ManualClock::at(NOON), life, OnFailure::ByLimits);
        for _ in 0..5 {
            let spent = metering.spend(&table.plan, &table.key, &limits(), STRICT).await;
            assert!(matches!(spent, Err(StoreError::Corrupt { .. })), "{name}: {spent:?}");
        }
        assert!(!metering.is_out(), "{name}");
        let other = entropy::api_key_id();
        assert!(metering.spend(&table.plan, &other, &limits(), STRICT).await.unwrap().is_ok(), "{name}");
    }
}
