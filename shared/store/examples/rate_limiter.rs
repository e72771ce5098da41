//! A rate limiter for many processes: 5 requests at once, 1 a second after
//! that, 20 a day, counted in DynamoDB.
//!
//! Against the local stack, as often as you like and from as many terminals:
//!
//! ```sh
//! export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:4502 AWS_REGION=us-east-1
//! export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
//! cargo run -p keyplan-store --example rate_limiter
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::admission::Limits;
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_store::clock::SystemClock;
use keyplan_store::connect::Connection;
use keyplan_store::{Meter, Store, Tables};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::new(Connection::from_env()?.dynamodb(), Tables::default());
    store.create_tables().await?;
    let meter = Meter::new(store, Arc::new(SystemClock), Duration::from_secs(5));
    let limits = Limits {
        throttle: Some(ThrottleSettings { burst_limit: 5, rate_limit: 1.0 }.into()),
        method: None,
        quota: Some(QuotaSettings { limit: 20, offset: 0, period: QuotaPeriod::Day }),
    };
    let (plan, customer) = (UsagePlanId::new("example"), ApiKeyId::new("customer-1"));
    for _ in 0..8 {
        match meter.spend(&plan, &customer, &limits).await? {
            Ok(admitted) => {
                println!("admitted; {:?} left today", admitted.reading.quota().map(|quota| quota.remaining))
            }
            Err(refused) => println!("refused: {:?}", refused.denied),
        }
    }
    Ok(())
}
