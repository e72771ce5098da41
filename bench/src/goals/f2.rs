use keyplan_domain::key::ApiKey;
use keyplan_store::{PageRequest, Store};
use keyplan_tests::DynamodbProxy;

use crate::api::Error;
use crate::dynamodb;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::many_keys::ManyKeys;
use crate::progress;
use crate::series::Series;
use crate::stopwatch::Stopwatch;
use crate::traffic::count;

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
const LIMIT: usize = 25;
/// Pages of one list, each from where the one before it ended.
const PAGES: usize = 30;
/// The lists of few and of many in turns.
const ROUNDS: u32 = 15;
const HOW: &str = "GetApiKeys' list, 30 pages of 25 keys, one after the other, counted by a proxy before DynamoDB";

/// Keys in a database, seen through a proxy and past it.
struct Subject {
    made: ManyKeys,
    proxy: DynamodbProxy,
    store: Store,
}

/// What a page costs in operations of DynamoDB and in time, with few keys and many.
pub(super) async fn measure() -> Vec<Figure> {
    let figure = |measure, bound, outcome, how: String| Figure {
        id: "F2",
        measure,
        target: Target { bound, unit: "" },
        outcome,
        how,
    };
    let measures = ["operations a page, 1,000 keys", "operations a page, 1,000,000 keys"];
    let of_bytes = "a page's bytes, of those with 1,000 keys";
    let of_time = "a page's time, of that with 1,000 keys";
    match run().await {
        Ok(Measured { operations, bytes, ratio, times }) => {
            let measured = |series, summary| Outcome::Measured { series, summary };
            let mut figures: Vec<Figure> = measures
                .into_iter()
                .zip(operations)
                .map(|(measure, series)| {
                    figure(measure, Bound::Exactly(1.0), measured(series, Summary::Largest), HOW.to_owned())
                })
                .collect();
            let [few, many] = times.map(|times| times.median().unwrap_or(0.0) * 1e6);
            let how = format!("{HOW}; {few:.0} us a page beside {many:.0} us, medians, in turns");
            figures.push(figure(of_bytes, Bound::Exactly(1.0), measured(bytes, Summary::Largest), HOW.to_owned()));
            figures.push(figure(of_time, Bound::AtMost(1.5), measured(ratio, Summary::Median), how));
            figures
        }
        Err(error) => {
            let reason = error.to_string();
            let outcome = || Outcome::NotMeasured { reason: reason.clone() };
            measures.into_iter().map(|measure| figure(measure, Bound::Exactly(1.0), outcome(), String::new())).collect()
        }
    }
}

#[derive(Default)]
struct Measured {
    operations: [Series; 2],
    /// Of an answer's, of many and of few.
    bytes: Series,
    ratio: Series,
    /// Seconds a page.
    times: [Series; 2],
}

async fn run() -> Result<Measured, Error> {
    let subjects = [Subject::make(FEW).await?, Subject::make(MANY).await?];
    let mut measured = Measured::default();
    let mut sizes = [0.0; 2];
    for (place, subject) in subjects.iter().enumerate() {
        let store = dynamodb::store(&subject.proxy.url);
        let mut position = None;
        for _ in 0..PAGES {
            subject.proxy.forget();
            let (keys, next) = page(&store, position).await?;
            measured.operations[place].push(count(subject.proxy.asked().values().sum()));
            sizes[place] += count(serde_json::to_string(&keys)?.len() as u64);
            position = next;
        }
    }
    measured.bytes.push(sizes[1] / sizes[0]);
    for round in 0..ROUNDS {
        let mut medians = [0.0; 2];
        for (place, subject) in subjects.iter().enumerate() {
            let mut series = Series::default();
            let mut position = None;
            for _ in 0..PAGES {
                let stopwatch = Stopwatch::start();
                (_, position) = page(&subject.store, position).await?;
                series.push(stopwatch.elapsed().as_secs_f64());
            }
            medians[place] = series.median().unwrap_or(0.0);
            measured.times[place].push(medians[place]);
        }
        measured.ratio.push(medians[1] / medians[0]);
        progress::say(format_args!("  {} of {ROUNDS}", round + 1));
    }
    for subject in subjects {
        subject.made.served.stop().await;
    }
    Ok(measured)
}

impl Subject {
    async fn make(keys: u32) -> Result<Self, Error> {
        let made = ManyKeys::make(keys).await?;
        let proxy = DynamodbProxy::before(made.served.url());
        let store = dynamodb::store(made.served.url());
        Ok(Self { made, proxy, store })
    }
}

async fn page(store: &Store, position: Option<String>) -> Result<(Vec<ApiKey>, Option<String>), Error> {
    let page = store.api_keys(&PageRequest { limit: LIMIT, position }, None, None).await?;
    if page.items.len() != LIMIT || page.position.is_none() {
        return Err("a page is not full".into());
    }
    Ok((page.items, page.position))
}
