use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::key::ApiKeyId;
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::{Scope, Token, TokenRecord};
use keyplan_store::entropy;

use super::c2::{GENEROUS, QUOTA};
use crate::api::{Api, Error};
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::local::{Program, Running};
use crate::progress;
use crate::series::Series;
use crate::traffic::{self, Call, Tally, count};

const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(60);
/// By then whatever is kept for the requests of this load is kept.
const UNTIL_WARM: Duration = Duration::from_secs(10);
/// Room for an allocator's mood.
const MEGABYTES: f64 = 8.0;

struct Outcomes {
    tally: Tally,
    megabytes_warm: f64,
    megabytes_grown: f64,
}

/// A minute of answers and refusals of every kind, at once.
pub(super) async fn measure() -> Vec<Figure> {
    let how = format!("{CONNECTIONS} connections for {} s, own load generator", TIME.as_secs());
    let measured = run().await.map_err(|error| error.to_string());
    let statuses = measured.as_ref().map(|outcomes| format!("{:?}", outcomes.tally.statuses)).unwrap_or_default();
    let warm = measured.as_ref().map(|outcomes| outcomes.megabytes_warm).unwrap_or_default();
    let figure = |measure, bound, unit, more: String, of: fn(&Outcomes) -> f64| Figure {
        id: "LOAD",
        measure,
        target: Target { bound, unit },
        outcome: match &measured {
            Ok(outcomes) => {
                let mut series = Series::default();
                series.push(of(outcomes));
                Outcome::Measured { series, summary: Summary::Largest }
            }
            Err(reason) => Outcome::NotMeasured { reason: reason.clone() },
        },
        how: format!("{how}{more}"),
    };
    let none = Bound::Exactly(0.0);
    vec![
        figure("answers of 500 and above", none, "", format!(": {statuses}"), |outcomes| {
            count(outcomes.tally.failures())
        }),
        figure("answers of an unexpected status", none, "", String::new(), |outcomes| count(outcomes.tally.unexpected)),
        figure("connections dropped", none, "", String::new(), |outcomes| count(outcomes.tally.dropped)),
        figure("memory grown", Bound::AtMost(MEGABYTES), "MB", format!(", from {warm:.1} MB at 10 s"), |outcomes| {
            outcomes.megabytes_grown
        }),
    ]
}

async fn run() -> Result<Outcomes, Error> {
    let stack = Program::find().await?.start(None).await?;
    let calls = calls(&stack).await?;
    let load = traffic::drive(stack.gateway, CONNECTIONS, &calls, TIME);
    let watch = async {
        tokio::time::sleep(UNTIL_WARM).await;
        stack.resident_megabytes()
    };
    let (tally, warm) = tokio::join!(load, watch);
    let (tally, warm) = (tally?, warm?);
    let grown = stack.resident_megabytes()? - warm;
    progress::say(format_args!("  {:.0} answers per second", tally.per_second()));
    stack.stop().await?;
    Ok(Outcomes { tally, megabytes_warm: warm, megabytes_grown: grown })
}

/// A call for each answer that a caller can bring about.
async fn calls(stack: &Running) -> Result<Arc<[Call]>, Error> {
    let api = Api::make(stack.store(), 0).await?;
    let plan = api.plan(GENEROUS, QUOTA).await?;
    let slow = ThrottleSettings { burst_limit: 1, rate_limit: 0.01 };
    let (key_id, key) = api.key(Some(&plan), true).await?;
    let throttled = api.key(Some(&api.plan(slow, QUOTA).await?), true).await?.1;
    let spent = api.key(Some(&api.plan(GENEROUS, 1).await?), true).await?.1;
    let disabled = api.key(Some(&plan), false).await?.1;
    let elsewhere = api.key(Some(&api.plan_of_nothing().await?), true).await?.1;
    let planless = api.key(None, true).await?.1;
    let unknown = entropy::key_value();
    let token = bearer(&issue(&api, &key_id, Vec::new()).await?);
    let implicitly_denied = bearer(&issue(&api, &key_id, vec![Scope::parse("GET/elsewhere")?]).await?);
    let never_issued = bearer(&Token::from_entropy(entropy::bytes()));

    let [keyed, guarded, open] = ["keyed", "guarded", "open"].map(|name| api.path(name));
    let by_key = |value: &str, status| Call::get(&keyed, &[("x-api-key", value)], status);
    let by_token = |value: &str, status| Call::get(&guarded, &[("authorization", value)], status);
    // The first answers of these two are 200s.
    let warm_up = [by_key(throttled.expose(), 200), by_key(spent.expose(), 200)];
    for call in warm_up {
        traffic::size_of_answer(stack.gateway, &call).await?;
    }
    let too_large = "x".repeat(11_000);
    Ok(Arc::from([
        Call::get(&open, &[], 200),
        by_key(key.expose(), 200),
        by_token(&token, 200),
        Call::get(&keyed, &[], 403),
        by_key(unknown.expose(), 403),
        by_key(key_id.as_str(), 403),
        by_key(disabled.expose(), 403),
        by_key(elsewhere.expose(), 403),
        by_key(planless.expose(), 403),
        Call::get(&api.path("no/such/route"), &[], 403),
        Call::get("/nosuchapi0/prod/", &[], 403),
        Call::get("/", &[], 403),
        by_token(&implicitly_denied, 403),
        Call::get(&guarded, &[], 401),
        by_token(&never_issued, 401),
        by_token("nonsense", 401),
        by_key(throttled.expose(), 429),
        by_key(spent.expose(), 429),
        Call::get(&open, &[("x-large", &too_large)], 413),
    ]))
}

/// A token that stands for a key.
async fn issue(api: &Api, key: &ApiKeyId, scopes: Vec<Scope>) -> Result<Token, Error> {
    let token = Token::from_entropy(entropy::bytes());
    let record = TokenRecord {
        id: token.id(),
        key_id: key.clone(),
        principal_id: "bench".into(),
        scopes,
        created_date: Timestamp::default(),
        expires: None,
    };
    api.store().create_token(&token.hash(), &record).await?;
    Ok(token)
}

fn bearer(token: &Token) -> String {
    format!("Bearer {}", token.expose())
}
