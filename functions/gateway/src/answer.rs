//! What a caller is told who is refused: the one place that knows statuses,
//! bodies and headers. The wording is API Gateway's; the reason stays in the
//! log, and in `x-keyplan-reason` where the stage asks for it.

mod built_in;
mod counted;
mod gateway_response;
mod report;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use keyplan_domain::refusal::Refusal;
use keyplan_domain::time::Timestamp;
use keyplan_telemetry::Metrics;

use crate::Response;
use crate::exchange::Exchange;
use crate::request::{Request, RequestIds};
use crate::settings::Settings;
use built_in::BuiltIn;
pub(crate) use counted::count;
pub(crate) use gateway_response::GatewayResponses;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REASON: HeaderName = HeaderName::from_static("x-keyplan-reason");

/// Bytes of a body that Lambda carries in an answer (Lambda quotas,
/// "Invocation payload"); what is not text takes a third more on its way.
const MAX_EVENT_BODY_BYTES: usize = 6 * 1024 * 1024;

/// What a caller is told where nothing is customised.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    /// `message` of the body; `None` is null.
    pub(crate) message: Option<Cow<'static, str>>,
    /// `x-amzn-ErrorType`
    pub(crate) error_type: &'static str,
}

/// What a caller is told of a refusal where nothing is customised.
pub(crate) fn told(refusal: &Refusal) -> Told {
    let BuiltIn { status, message, error_type, .. } = BuiltIn::of(refusal);
    Told { status, message, error_type }
}

/// Seconds to wait, where waiting helps: `Retry-After`.
pub(crate) fn retry_after(refusal: &Refusal, now: Timestamp) -> Option<u64> {
    wait_of(refusal, now).map(whole_seconds)
}

/// Marks an answer with the ids of its request.
pub(crate) fn identified(mut response: Response, ids: RequestIds) -> Response {
    let headers = response.headers_mut();
    for (name, id) in [(REQUEST_ID, ids.request), (EXTENDED_REQUEST_ID, ids.extended)] {
        if let Ok(value) = HeaderValue::try_from(id) {
            headers.insert(name, value);
        }
    }
    response
}

/// The answer to a request whose stage is not known, or that did not get that
/// far: nothing of it can be customised.
pub(crate) fn refuse_unplaced(
    refusal: &Refusal,
    request: &Request,
    ids: &RequestIds,
    now: Timestamp,
    settings: &Settings,
) -> Response {
    report::unplaced(refusal, request, ids);
    let built_in = BuiltIn::of(refusal);
    let mut response = written(&built_in, built_in.status, built_in.body.clone());
    add_retry_after(response.headers_mut(), refusal, now, settings);
    response
}

/// The answer to what cannot be read as a request.
pub(crate) fn refuse_malformed(reason: &'static str, metrics: &Metrics) -> Response {
    let refusal = Refusal::BadRequest { reason };
    count(&refusal, metrics);
    let ids = RequestIds::random();
    report::malformed(&refusal, &ids);
    let built_in = BuiltIn::of(&refusal);
    identified(written(&built_in, built_in.status, built_in.body.clone()), ids)
}

/// The answer to a request that a stage refuses: the gateway response of its
/// type as the deployment has it.
pub(crate) fn refuse(refusal: &Refusal, exchange: &Exchange<'_>, now: Timestamp) -> Response {
    report::refused(refusal, exchange);
    let built_in = BuiltIn::of(refusal);
    let mut response = match exchange.stage.deployment.responses.customised(&built_in) {
        None => written(&built_in, built_in.status, built_in.body.clone()),
        Some(customised) => {
            let rendered = customised.render(&built_in, exchange);
            let mut response = written(&built_in, customised.status(&built_in), rendered.body);
            response.headers_mut().extend(rendered.headers);
            response
        }
    };
    let headers = response.headers_mut();
    add_retry_after(headers, refusal, now, exchange.settings);
    if exchange.stage.explains() {
        headers.insert(REASON, HeaderValue::from_static(refusal.name()));
    }
    response
}

/// The answer with its body whole, as the fronts of a Lambda function take it;
/// one whose body does not arrive, or is more than Lambda carries, gives way to
/// a refusal.
pub(crate) async fn collected(response: Response, metrics: &Metrics) -> http::Response<Bytes> {
    let (mut parts, body) = response.into_parts();
    match body.collect(MAX_EVENT_BODY_BYTES).await {
        Ok(bytes) => http::Response::from_parts(parts, bytes),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be handed on");
            let refusal = Refusal::IntegrationFailed { reason: "the answer's body" };
            count(&refusal, metrics);
            let built_in = BuiltIn::of(&refusal);
            let body = built_in.body.clone();
            let (mut refused, _) = written(&built_in, built_in.status, body.clone()).into_parts();
            for id in [REQUEST_ID, EXTENDED_REQUEST_ID] {
                refused.headers.extend(parts.headers.remove(&id).map(|value| (id, value)));
            }
            http::Response::from_parts(refused, body)
        }
    }
}

fn written(built_in: &BuiltIn<'_>, status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ERROR_TYPE, HeaderValue::from_static(built_in.error_type));
    response
}

/// Ours: API Gateway does not say how long to wait.
fn add_retry_after(headers: &mut HeaderMap, refusal: &Refusal, now: Timestamp, settings: &Settings) {
    if settings.retry_after
        && let Some(seconds) = retry_after(refusal, now)
    {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// How long to wait, where waiting helps.
fn wait_of(refusal: &Refusal, now: Timestamp) -> Option<Duration> {
    match refusal {
        Refusal::Throttled { wait } | Refusal::StageThrottled { wait } | Refusal::AccountThrottled { wait } => *wait,
        Refusal::QuotaSpent { resets } => Some(resets.since(now)),
        // DynamoDB does not say; an item takes so many writes each second.
        Refusal::MeterThrottled => Some(Duration::from_secs(1)),
        _ => None,
    }
}

/// Rounded up, and at least 1.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    let up = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(up).max(1)
}
