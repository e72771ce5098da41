//! The gateway in this very process, decided by without a socket before it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use keyplan_domain::outage::OnFailure;
use keyplan_gateway::{AddressRule, Gateway, Request, Settings, lambda_client};
use keyplan_store::clock::Clock;

use crate::api::Error;
use crate::dynamodb;

/// Of stages, keys and plans.
const CACHE_TTL: Duration = Duration::from_secs(5);

/// A gateway over the DynamoDB at `url`.
pub(crate) fn gateway(url: &str, lease_cap: NonZeroU32, clock: Arc<dyn Clock>) -> Gateway {
    let settings = Settings {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        cache_ttl: CACHE_TTL,
        lease_cap,
        on_failure: OnFailure::default(),
        retry_after: true,
        address_rule: AddressRule::Any,
        rate_limit_headers: false,
        default_target: None,
    };
    let lambda = lambda_client(&dynamodb::connection(url), Some(url));
    Gateway::new(settings, dynamodb::store(url), lambda, clock)
}

/// A call with a key.
pub(crate) fn call(path: &str, value: &str) -> Result<Request, Error> {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_str(value)?);
    Ok(Request {
        method: Method::GET,
        path: path.to_owned(),
        query: String::new(),
        headers,
        body: Default::default(),
        host: None,
        source_ip: "192.0.2.1".into(),
        request_id: Some("c6af9ac6-7b61-11e6-9a41-93e8deadbeef".into()),
        protocol: "HTTP/1.1".into(),
        tracing_header: None,
    })
}
