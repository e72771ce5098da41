use std::num::NonZeroU32;
use std::sync::Arc;

use keyplan_domain::key::KeyHash;
use keyplan_gateway::Gateway;
use keyplan_store::Store;
use keyplan_store::clock::SystemClock;
use keyplan_tests::DynamodbProxy;

use crate::api::Error;
use crate::dynamodb;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::in_process;
use crate::many_keys::{self, ManyKeys};
use crate::progress;
use crate::series::Series;
use crate::traffic::count;

/// Keys, each looked up once, of so many.
const LOOKED_UP: u32 = 100;

/// How many keys there are, and what is measured of them.
const ROWS: [(u32, [&str; 3]); 2] = [
    (1_000, ["by id, 1,000 keys", "by value, 1,000 keys", "authorise, 1,000 keys"]),
    (1_000_000, ["by id, 1,000,000 keys", "by value, 1,000,000 keys", "authorise, 1,000,000 keys"]),
];
const HOWS: [&str; 3] = [
    "GetApiKey's look-up",
    "the look-up of a presented value",
    "a request of a key that is not in cache, its stage and plan are; besides its meter's write",
];

/// What finding a key costs in operations of DynamoDB, however many there are.
pub(super) async fn measure() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (keys, measures) in ROWS {
        let (outcomes, made) = match run(keys).await {
            Ok((series, made)) => (
                series.map(|series| Outcome::Measured { series, summary: Summary::Largest }),
                format!("; {keys} keys made in {made:.0} s"),
            ),
            Err(error) => {
                let reason = error.to_string();
                (HOWS.map(|_| Outcome::NotMeasured { reason: reason.clone() }), String::new())
            }
        };
        for ((measure, outcome), what) in measures.into_iter().zip(outcomes).zip(HOWS) {
            let how = format!("operations of DynamoDB, counted by a proxy before it, of {what}{made}");
            let target = Target { bound: Bound::Exactly(1.0), unit: "" };
            figures.push(Figure { id: "F1", measure, target, outcome, how });
        }
    }
    figures
}

async fn run(keys: u32) -> Result<([Series; 3], f64), Error> {
    let made = ManyKeys::make(keys).await?;
    let proxy = DynamodbProxy::before(made.served.url());
    let store = dynamodb::store(&proxy.url);
    let gateway = in_process::gateway(&proxy.url, NonZeroU32::MIN, Arc::new(SystemClock));
    let path = made.api.path("keyed");
    let mut series = [Series::default(), Series::default(), Series::default()];
    // The last key is not looked up: by it stage and plan come into the cache.
    for number in (0..LOOKED_UP).map(|place| place * (keys / LOOKED_UP)) {
        series[0].push(by_id(&proxy, &store, number).await?);
        series[1].push(by_value(&proxy, &store, number).await?);
        authorise(&gateway, &path, keys - 1).await?;
        proxy.forget();
        authorise(&gateway, &path, number).await?;
        series[2].push(asked(&proxy) - count(proxy.meter_writes().asked));
    }
    progress::say(format_args!("  {LOOKED_UP} of {keys} keys looked up"));
    made.served.stop().await;
    Ok((series, made.took))
}

async fn by_id(proxy: &DynamodbProxy, store: &Store, number: u32) -> Result<f64, Error> {
    proxy.forget();
    let id = many_keys::id(number);
    match store.api_key(&id).await? {
        Some(key) if key.id == id => Ok(asked(proxy)),
        _ => Err("a key is not found by its id".into()),
    }
}

async fn by_value(proxy: &DynamodbProxy, store: &Store, number: u32) -> Result<f64, Error> {
    proxy.forget();
    match store.key_by_value(&KeyHash::of(&many_keys::value(number))).await? {
        Some(key) if key.key_id == many_keys::id(number) => Ok(asked(proxy)),
        _ => Err("a key is not found by its value".into()),
    }
}

async fn authorise(gateway: &Gateway, path: &str, number: u32) -> Result<(), Error> {
    let request = in_process::call(path, &many_keys::value(number))?;
    let placed = gateway.place(&request).await.ok_or("the API is not there")?;
    let mut decisions = placed.decisions().ok_or("the method is not there")?;
    if decisions.admits().await { Ok(()) } else { Err("a key was refused".into()) }
}

fn asked(proxy: &DynamodbProxy) -> f64 {
    count(proxy.asked().values().sum())
}
