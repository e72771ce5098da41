use keyplan_domain::api::GatewayResponseType as Type;
use keyplan_domain::refusal::Refusal;
use keyplan_telemetry::{Counter, Metrics};

use super::built_in::BuiltIn;
use super::report;

/// Counts a refusal by the gateway response that the caller gets, whether it is
/// customised or not.
pub(crate) fn count(refusal: &Refusal, metrics: &Metrics) {
    metrics.count(counter(&BuiltIn::of(refusal)));
    if report::is_ours(refusal) {
        metrics.count(Counter::GatewayFailures);
    }
}

fn counter(built_in: &BuiltIn<'_>) -> Counter {
    let default =
        if built_in.status.is_server_error() { Counter::RefusedDefault5xx } else { Counter::RefusedDefault4xx };
    match built_in.kind {
        Some(Type::AccessDenied) => Counter::RefusedAccessDenied,
        Some(Type::ApiConfigurationError) => Counter::RefusedApiConfigurationError,
        Some(Type::AuthorizerConfigurationError) => Counter::RefusedAuthorizerConfigurationError,
        Some(Type::BadRequestBody) => Counter::RefusedBadRequestBody,
        Some(Type::BadRequestParameters) => Counter::RefusedBadRequestParameters,
        Some(Type::IntegrationFailure) => Counter::RefusedIntegrationFailure,
        Some(Type::IntegrationTimeout) => Counter::RefusedIntegrationTimeout,
        Some(Type::InvalidApiKey) => Counter::RefusedInvalidApiKey,
        Some(Type::MissingAuthenticationToken) => Counter::RefusedMissingAuthenticationToken,
        Some(Type::QuotaExceeded) => Counter::RefusedQuotaExceeded,
        Some(Type::Throttled) => Counter::RefusedThrottled,
        Some(Type::Unauthorized) => Counter::RefusedUnauthorized,
        Some(Type::UnsupportedMediaType) => Counter::RefusedUnsupportedMediaType,
        // The types that no refusal has among them.
        Some(
            Type::AuthorizerFailure
            | Type::Default4xx
            | Type::Default5xx
            | Type::ExpiredToken
            | Type::InvalidSignature
            | Type::RequestTooLarge
            | Type::ResourceNotFound
            | Type::WafFiltered,
        )
        | None => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(refusal: &Refusal) -> Vec<&'static str> {
        let metrics = Metrics::default();
        count(refusal, &metrics);
        let all = Counter::ALL.iter().filter(|counter| metrics.counted(**counter) > 0);
        all.map(|counter| counter.name()).collect()
    }

    #[test]
    fn a_refusal_counts_by_the_gateway_response_that_the_caller_gets() {
        for (refusal, name) in [
            (Refusal::KeyMissing, "RefusedInvalidApiKey"),
            (Refusal::KeyUnknown { looks_like_id: true }, "RefusedInvalidApiKey"),
            (Refusal::Throttled { wait: None }, "RefusedThrottled"),
            (Refusal::StageThrottled { wait: None }, "RefusedThrottled"),
            (Refusal::QuotaSpent { resets: Default::default() }, "RefusedQuotaExceeded"),
            (Refusal::Unauthorized, "RefusedUnauthorized"),
            (Refusal::ImplicitDeny, "RefusedAccessDenied"),
            (Refusal::RouteUnknown, "RefusedMissingAuthenticationToken"),
            (Refusal::StageUnknown, "RefusedDefault4xx"),
            (Refusal::RequestTooLarge, "RefusedDefault4xx"),
            (Refusal::BadRequest { reason: "" }, "RefusedBadRequestParameters"),
        ] {
            assert_eq!(counted(&refusal), [name]);
        }
    }

    #[test]
    fn what_somebody_has_to_mend_counts_as_a_failure_too() {
        for (refusal, name) in [
            (Refusal::Internal { reason: "" }, "RefusedDefault5xx"),
            (Refusal::AuthorizerFailed { reason: "" }, "RefusedAuthorizerConfigurationError"),
            (Refusal::Unsupported { what: "" }, "RefusedApiConfigurationError"),
            (Refusal::IntegrationFailed { reason: "" }, "RefusedIntegrationFailure"),
            (Refusal::IntegrationTimedOut, "RefusedIntegrationTimeout"),
            (Refusal::MeterThrottled, "RefusedThrottled"),
        ] {
            assert_eq!(counted(&refusal), [name, "GatewayFailures"]);
        }
    }
}
