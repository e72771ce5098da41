//! One line of the log for each refusal: which it was, and of whom, by ids
//! alone. No key, no token, and no path or header of the caller's.

use keyplan_domain::refusal::Refusal;

use crate::exchange::Exchange;
use crate::request::{Request, RequestIds};

/// The exception that API Gateway's guide names for a key that opens nothing
/// ("Choose an API key source"); callers never see it.
const INVALID_KEY: &str = "InvalidKeyParameter";

macro_rules! report {
    ($refusal:expr, $($field:tt)*) => {{
        let detail = $refusal.detail();
        let exception = is_of_the_key($refusal).then_some(INVALID_KEY);
        if is_ours($refusal) {
            tracing::error!(refusal = $refusal.name(), detail, exception, $($field)*, "refused");
        } else {
            tracing::info!(refusal = $refusal.name(), detail, exception, $($field)*, "refused");
        }
    }};
}

pub(super) fn malformed(refusal: &Refusal, ids: &RequestIds) {
    report!(refusal, x_amzn_request_id = ids.request);
}

pub(super) fn unplaced(refusal: &Refusal, request: &Request, ids: &RequestIds) {
    report!(refusal, x_amzn_request_id = ids.request, method = request.method.as_str());
}

pub(super) fn refused(refusal: &Refusal, exchange: &Exchange<'_>) {
    report!(
        refusal,
        x_amzn_request_id = exchange.ids.request,
        api_id = exchange.stage.deployment.id.as_str(),
        stage = exchange.stage.stage.stage_name,
        method = exchange.verb(),
        resource = exchange.resource_path(),
        key_id = exchange.key.as_ref().map(|key| key.key_id.as_str()),
        plan_id = exchange.plan.as_ref().map(|plan| plan.id.as_str())
    );
}

fn is_of_the_key(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::KeyMissing | Refusal::KeyUnknown { .. } | Refusal::KeyDisabled | Refusal::NoPlanForStage)
}

/// Whether the API's owner or the operator has to do something.
pub(super) fn is_ours(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::AuthorizerFailed { .. }
            | Refusal::MeterThrottled
            | Refusal::Unsupported { .. }
            | Refusal::IntegrationNotInvoked { .. }
            | Refusal::IntegrationFailed { .. }
            | Refusal::IntegrationUnreachable { .. }
            | Refusal::IntegrationTimedOut
            | Refusal::Internal { .. }
    )
}
