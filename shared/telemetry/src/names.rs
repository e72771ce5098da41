//! The metrics, by their names in CloudWatch. None has a dimension: every
//! combination of a name and dimensions is billed as a metric of its own.
//! `checks/metrics.py` reads this list.

macro_rules! metrics {
    ($(#[$doc:meta])* $kind:ident { $($name:ident $unit:ident, $meaning:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind {
            $(#[doc = $meaning] $name,)*
        }

        impl $kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name in CloudWatch.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Its unit, as CloudWatch calls it.
            #[must_use]
            pub fn unit(self) -> &'static str {
                match self { $(Self::$name => stringify!($unit),)* }
            }

            pub(crate) fn index(self) -> usize {
                self as usize
            }
        }
    };
}

metrics! {
    /// What is counted. `Refused...` are the gateway's refusals by the gateway
    /// response that the caller gets.
    Counter {
        AdmittedRequests Count, "Requests that the gateway's authorizers, keys and limits let through.";
        RefusedAccessDenied Count, "ACCESS_DENIED: an authorizer's policy denies.";
        RefusedApiConfigurationError Count, "API_CONFIGURATION_ERROR: the method cannot be served as it is configured.";
        RefusedAuthorizerConfigurationError Count, "AUTHORIZER_CONFIGURATION_ERROR: an authorizer failed or could not be asked.";
        RefusedBadRequestBody Count, "BAD_REQUEST_BODY: the body is not as its model says.";
        RefusedBadRequestParameters Count, "BAD_REQUEST_PARAMETERS: a parameter is missing, or the request cannot be read.";
        RefusedDefault4xx Count, "Others of the caller's making, such as an unknown stage.";
        RefusedDefault5xx Count, "Others that the caller cannot help, such as a table that fails.";
        RefusedIntegrationFailure Count, "INTEGRATION_FAILURE: a backend failed or cannot be reached.";
        RefusedIntegrationTimeout Count, "INTEGRATION_TIMEOUT: a backend took too long.";
        RefusedInvalidApiKey Count, "INVALID_API_KEY: the key is missing or opens nothing here.";
        RefusedMissingAuthenticationToken Count, "MISSING_AUTHENTICATION_TOKEN: no method is at the path.";
        RefusedQuotaExceeded Count, "QUOTA_EXCEEDED: the plan's quota is used up.";
        RefusedThrottled Count, "THROTTLED: by the plan, the stage or the account, or since a meter takes no more writes.";
        RefusedUnauthorized Count, "UNAUTHORIZED: an authorizer does not know the caller.";
        RefusedUnsupportedMediaType Count, "UNSUPPORTED_MEDIA_TYPE: no template is for the body.";
        GatewayFailures Count, "Requests without a right answer for a reason that the operator or the API's owner can mend.";
        MeterWrites Count, "Writes to meters that were sent to DynamoDB, whatever came of them.";
        ConfigurationCacheHits Count, "Stages, keys and plans that the gateway had in its cache.";
        ConfigurationCacheMisses Count, "Those that it had to look up.";
        QuotasAt80Percent Count, "Quotas of which a request used up the last of 80 %.";
        QuotasSpent Count, "Quotas of which a request used up all.";
        TableOutages Count, "Times that a process of the gateway found a table to be out.";
        AdmittedInOutages Count, "Requests that were admitted without a meter.";
        AuthorizerAllowed Count, "Valid tokens that reach the method that they were shown for.";
        AuthorizerDenied Count, "Valid tokens that do not.";
        AuthorizerUnauthorized Count, "Tokens that are not valid.";
        AuthorizerFailures Count, "Tokens that the authorizer could not check.";
        TokenCacheHits Count, "Tokens and subjects that the authorizer had in its cache.";
        TokenCacheMisses Count, "Those that it had to look up.";
        JwksFetches Count, "Times that the keys of an issuer were fetched.";
    }
}

metrics! {
    /// What is told value by value, so that CloudWatch knows its percentiles.
    Distribution {
        LeaseSize Count, "Tokens that a write to a meter took.";
        AuthorizerLatency Milliseconds, "How long an authorizer took that the gateway asked.";
    }
}

/// A directive has room for 100 (CloudWatch User Guide, "Specification: Embedded
/// metric format").
const _: () = assert!(Counter::ALL.len() + Distribution::ALL.len() <= 100, "one directive names them all");
