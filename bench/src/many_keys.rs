//! Very many keys in a database: one that the store makes, and copies of its
//! items under other ids and values. They are put there past DynamoDB's API, which
//! takes a transaction and a request for each.

use std::sync::Arc;

use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::types::{AttributeValue, Item};
use dynoxide::{Database, ImportOptions};
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::{ApiKeyId, KeyHash};
use keyplan_store::Tables;
use keyplan_store::keys::{self, Key};

use crate::api::{Api, Error};
use crate::dynamodb::Served;
use crate::goals::generous_plan;
use crate::progress;
use crate::stopwatch::Stopwatch;

/// Keys put there in one transaction.
const AT_A_TIME: u32 = 20_000;

/// A database with an API, a plan of it, and so many keys in the plan.
pub(crate) struct ManyKeys {
    pub(crate) served: Served,
    pub(crate) api: Arc<Api>,
    /// Seconds that it took to make the keys.
    pub(crate) took: f64,
}

impl ManyKeys {
    /// Makes them. Key number `n` is [`id`] and [`value`] of `n`.
    pub(crate) async fn make(count: u32) -> Result<Self, Error> {
        let database = Database::memory()?;
        let served = Served::start(database.clone()).await?;
        let api = Arc::new(Api::make(served.store().await?, 0).await?);
        let plan = generous_plan(&api).await?;
        let (key, value) = api.key(Some(&plan), true).await?;
        let sample = Sample::read(&database, &plan, &key, value.expose())?;
        progress::say(format_args!("  making {count} keys"));
        let stopwatch = Stopwatch::start();
        let import = tokio::task::spawn_blocking(move || sample.copy(&database, count));
        import.await??;
        Ok(Self { served, api, took: stopwatch.elapsed().as_secs_f64() })
    }
}

/// The id of a key by its number.
pub(crate) fn id(number: u32) -> ApiKeyId {
    ApiKeyId::new(format!("k{number:09}"))
}

/// The value of a key by its number, as long as those that are generated.
pub(crate) fn value(number: u32) -> String {
    format!("benchmark{number:031}")
}

/// The items of a key, as JSON.
struct Sample {
    items: Vec<String>,
    /// What its copies have another of.
    id: String,
    value: String,
    hash: String,
}

impl Sample {
    fn read(database: &Database, plan: &UsagePlanId, id: &ApiKeyId, value: &str) -> Result<Self, Error> {
        let hash = KeyHash::of(value);
        let places = [keys::api_key(id), keys::value(&hash), keys::plan_key(plan, id)];
        let items = places.iter().map(|place| item(database, place)).collect::<Result<_, Error>>()?;
        Ok(Self { items, id: id.to_string(), value: value.to_owned(), hash: hash.to_string() })
    }

    fn copy(&self, database: &Database, count: u32) -> Result<(), Error> {
        let table = Tables::default().config;
        for first in (0..count).step_by(AT_A_TIME as usize) {
            let mut items: Vec<Item> = Vec::new();
            for number in first..count.min(first + AT_A_TIME) {
                let (id, value) = (id(number), value(number));
                let hash = KeyHash::of(&value);
                for item in &self.items {
                    let item = item.replace(&self.id, id.as_str()).replace(&self.hash, &hash.to_string());
                    items.push(serde_json::from_str(&item.replace(&self.value, &value))?);
                }
            }
            database.import_items(&table, items, ImportOptions::default())?;
        }
        Ok(())
    }
}

fn item(database: &Database, Key { pk, sk }: &Key) -> Result<String, Error> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let request = GetItemRequest {
        table_name: Tables::default().config,
        key: [("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))].into(),
        ..GetItemRequest::default()
    };
    let item = database.get_item(request)?.item.ok_or("a key lacks an item")?;
    Ok(serde_json::to_string(&item)?)
}
