use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use keyplan_authorizer::{Authorizer, read_issuers};
use keyplan_domain::subject::{Subject, SubjectRecord};
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_store::entropy;
use serde_json::{Value, json};

use crate::api::{self, Error};
use crate::dynamodb::Served;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::jwt_issuer::{Algorithm, ISSUER, JwtIssuer, SUBJECT, Signed};
use crate::local::LocalError;
use crate::progress;
use crate::series::Series;
use crate::stopwatch::Stopwatch;

const REPEATS: u32 = 7;
const TOKENS: usize = 2_000;
/// Longer than a run.
const CACHE_TTL: Duration = Duration::from_secs(3_600);

const ROWS: [(Algorithm, &str, f64); 2] = [
    (Algorithm::Es256, "ES256, of the signature's verification alone", 1.3),
    (Algorithm::Rs256, "RS256, of the signature's verification alone", 1.5),
];

#[derive(Default)]
struct Beside {
    ratio: Series,
    authorizer_micros: Series,
    bare_micros: Series,
}

/// From a TOKEN event with a JWT to the answer, beside the library by which its
/// signature is verified.
pub(super) async fn measure() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (algorithm, measure, at_most) in ROWS {
        let mut how = format!(
            "p50 of {TOKENS} tokens in process, none of which was seen before, their subject's key in cache; ring, \
             2,048 bits where it is RSA"
        );
        let outcome = match run(algorithm).await {
            Ok(Beside { ratio, authorizer_micros, bare_micros }) => {
                let [ours, bare] = [authorizer_micros, bare_micros].map(|series| series.median().unwrap_or(0.0));
                how.push_str(&format!("; {ours:.1} us beside {bare:.1} us"));
                Outcome::Measured { series: ratio, summary: Summary::Median }
            }
            Err(error) => Outcome::NotMeasured { reason: error.to_string() },
        };
        let target = Target { bound: Bound::AtMost(at_most), unit: "" };
        figures.push(Figure { id: "B4", measure, target, outcome, how });
    }
    figures
}

async fn run(algorithm: Algorithm) -> Result<Beside, Error> {
    if cfg!(debug_assertions) {
        return Err(LocalError::NotReleased.into());
    }
    let issuer = JwtIssuer::make(algorithm).await?;
    let tokens: Vec<Signed> = (0..TOKENS).map(|n| issuer.token(n)).collect::<Result<_, _>>()?;
    let served = Served::start(Database::memory()?).await?;
    let store = served.store().await?;
    let now = SystemClock.now();
    let key = api::key(now, true);
    store.create_api_key(&key, &entropy::key_value()).await?;
    store.create_subject(&SubjectRecord::new(Subject::new(ISSUER, SUBJECT)?, key.id, now)).await?;
    let rules = read_issuers(issuer.rules().to_string().as_bytes())?;
    let authorizer = Authorizer::with_cache_ttl(store, Arc::new(SystemClock), CACHE_TTL).trusting(rules)?;
    let verifies = issuer.verifier();
    let mut beside = Beside::default();
    for repeat in 0..=REPEATS {
        authorizer.drop_caches();
        let (mut ours, mut bare) = (Series::default(), Series::default());
        for signed in &tokens {
            let event = event(signed);
            let stopwatch = Stopwatch::start();
            let answer = serde_json::to_vec(&authorizer.handle(event).await?)?;
            ours.push(stopwatch.elapsed().as_secs_f64() * 1e6);
            drop(answer);
            let stopwatch = Stopwatch::start();
            let is_valid = verifies(signed);
            bare.push(stopwatch.elapsed().as_secs_f64() * 1e6);
            if !is_valid {
                return Err("a token's signature is wrong".into());
            }
        }
        let (Some(ours), Some(bare)) = (ours.median(), bare.median()) else { continue };
        // The first only warms up.
        if repeat > 0 {
            beside.ratio.push(ours / bare);
            beside.authorizer_micros.push(ours);
            beside.bare_micros.push(bare);
        }
        progress::say(format_args!("  {algorithm:?}: {repeat} of {REPEATS}"));
    }
    served.stop().await;
    Ok(beside)
}

fn event(signed: &Signed) -> Value {
    json!({
        "type": "TOKEN", "authorizationToken": format!("Bearer {}", signed.token),
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:abcdef1234/prod/GET/hello",
    })
}
