use std::collections::BTreeMap;

use keyplan_domain::api::MethodSetting;
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::PatchOperation;

const ALL_METHODS: &str = "*/*";
const LOG_LEVELS: [&str; 3] = ["OFF", "ERROR", "INFO"];
const STRATEGIES: [&str; 3] = ["FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER"];
const MAX_CACHE_TTL: u32 = 3_600;

/// API Gateway's own words; commas really are missing between some entries.
const PATHS: &str = "[/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, \
    /accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, \
    /{resourcePath}/{httpMethod}/metrics/enabled, /{resourcePath}/{httpMethod}/logging/dataTrace, \
    /{resourcePath}/{httpMethod}/logging/loglevel, /{resourcePath}/{httpMethod}/throttling/burstLimit\
    /{resourcePath}/{httpMethod}/throttling/rateLimit/{resourcePath}/{httpMethod}/caching/ttlInSeconds, \
    /{resourcePath}/{httpMethod}/caching/enabled, /{resourcePath}/{httpMethod}/caching/dataEncrypted, \
    /{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, \
    /{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, \
    /*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit \
    /*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, \
    /*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, \
    /variables/{variable_name}, /tracingEnabled]";

type Settings = BTreeMap<String, MethodSetting>;

/// What a stage answers to a path that is none of its own.
pub(super) fn invalid_path(operation: &PatchOperation) -> ApiError {
    let path = operation.path.as_deref().unwrap_or("null");
    ApiError::bad_request(format!("Invalid method setting path: {path}. Must be one of: {PATHS}"))
}

/// Sets what a path such as `/~1pets/GET/throttling/rateLimit` names. A first
/// setting of a method begins with those of all methods as they are then.
pub(super) fn set(settings: &mut Settings, operation: &PatchOperation) -> Result<(), ApiError> {
    // Escapes stay: they are part of the key under which settings are shown.
    let path = operation.path.as_deref().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let ["", resource, verb, group, member] = segments.as_slice() else {
        return Err(invalid_path(operation));
    };
    let method = format!("{resource}/{verb}");
    let mut setting = match settings.get(&method).or_else(|| settings.get(ALL_METHODS)) {
        Some(setting) => setting.clone(),
        None => MethodSetting::default(),
    };
    let text = operation.text().unwrap_or_default();
    match (*group, *member) {
        ("metrics", "enabled") => setting.metrics_enabled = operation.boolean(),
        ("logging", "dataTrace") => setting.data_trace_enabled = operation.boolean(),
        ("logging", "loglevel") => setting.logging_level = Some(one_of(text, "logging level", &LOG_LEVELS)?),
        ("throttling", "burstLimit") => {
            setting.throttling_burst_limit = text.parse().ok().filter(|limit| *limit >= -1).ok_or_else(|| {
                ApiError::bad_request("Invalid throttling burst limit, must be an integer no less than -1")
            })?;
        }
        ("throttling", "rateLimit") => {
            let rate: Option<f64> = text.parse().ok();
            setting.throttling_rate_limit =
                rate.filter(|rate| ThrottleSettings::takes_rate(*rate) || *rate == -1.0).ok_or_else(|| {
                    ApiError::bad_request("Invalid throttling rate limit, must be a number no less than 0, or -1")
                })?;
        }
        ("caching", "enabled") => setting.caching_enabled = operation.boolean(),
        ("caching", "ttlInSeconds") => {
            setting.cache_ttl_in_seconds = text.parse().ok().filter(|ttl| *ttl <= MAX_CACHE_TTL).ok_or_else(|| {
                ApiError::bad_request(format!(
                    "Invalid time-to-live setting, must be an integer no greater than {MAX_CACHE_TTL}"
                ))
            })?;
        }
        ("caching", "dataEncrypted") => setting.cache_data_encrypted = operation.boolean(),
        ("caching", "requireAuthorizationForCacheControl") => {
            setting.require_authorization_for_cache_control = operation.boolean();
        }
        ("caching", "unauthorizedCacheControlHeaderStrategy") => {
            setting.unauthorized_cache_control_header_strategy =
                one_of(text, "unauthorizedCacheControlHeaderStrategy", &STRATEGIES)?;
        }
        _ => return Err(invalid_path(operation)),
    }
    settings.insert(method, setting);
    Ok(())
}

/// Removes the settings that a path such as `/~1pets/GET` names.
pub(super) fn remove(settings: &mut Settings, operation: &PatchOperation) -> Result<(), ApiError> {
    let path = operation.path.as_deref().unwrap_or_default();
    let method = path.strip_prefix('/').ok_or_else(|| invalid_path(operation))?;
    match settings.remove(method) {
        Some(_) => Ok(()),
        None => Err(ApiError::bad_request(format!(
            "Cannot remove method setting {method} because there is no method setting for this method "
        ))),
    }
}

fn one_of(text: &str, what: &str, names: &[&str]) -> Result<String, ApiError> {
    if names.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(ApiError::bad_request(format!("Invalid {what}, must be one of {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use keyplan_wire::patch::Op;

    use super::*;
    use crate::apis::testing::operation;

    fn replaced(settings: &mut Settings, path: &str, value: &str) -> Result<(), ApiError> {
        set(settings, &operation(Op::Replace, path, value))
    }

    #[test]
    fn a_method_inherits_once_from_all_methods() {
        let mut settings = Settings::new();
        replaced(&mut settings, "/*/*/throttling/burstLimit", "7").unwrap();
        replaced(&mut settings, "/~1resource/GET/throttling/rateLimit", "1.5").unwrap();
        replaced(&mut settings, "/*/*/throttling/burstLimit", "8").unwrap();
        let method = &settings["~1resource/GET"];
        assert_eq!((method.throttling_burst_limit, method.throttling_rate_limit), (7, 1.5));
        assert_eq!(settings["*/*"].throttling_burst_limit, 8);
    }

    #[test]
    fn every_setting_can_be_set() {
        let mut settings = Settings::new();
        for (path, value) in [
            ("metrics/enabled", "true"),
            ("logging/dataTrace", "true"),
            ("logging/loglevel", "ERROR"),
            ("throttling/burstLimit", "-1"),
            ("throttling/rateLimit", "-1"),
            ("caching/enabled", "true"),
            ("caching/ttlInSeconds", "3600"),
            ("caching/dataEncrypted", "true"),
            ("caching/requireAuthorizationForCacheControl", "false"),
            ("caching/unauthorizedCacheControlHeaderStrategy", "FAIL_WITH_403"),
        ] {
            replaced(&mut settings, &format!("/*/*/{path}"), value).unwrap();
        }
        let expected = MethodSetting {
            metrics_enabled: true,
            logging_level: Some("ERROR".into()),
            data_trace_enabled: true,
            throttling_burst_limit: -1,
            throttling_rate_limit: -1.0,
            caching_enabled: true,
            cache_ttl_in_seconds: 3_600,
            cache_data_encrypted: true,
            require_authorization_for_cache_control: false,
            unauthorized_cache_control_header_strategy: "FAIL_WITH_403".into(),
        };
        assert_eq!(settings["*/*"], expected);
    }

    #[test]
    fn a_bad_value_is_refused_and_changes_nothing() {
        let mut settings = Settings::new();
        for (path, value) in [
            ("logging/loglevel", "info"),
            ("throttling/burstLimit", "1.5"),
            ("throttling/burstLimit", "-2"),
            ("throttling/rateLimit", "NaN"),
            ("throttling/rateLimit", "-0.5"),
            ("caching/ttlInSeconds", "3601"),
            ("caching/unauthorizedCacheControlHeaderStrategy", "x"),
        ] {
            assert_eq!(replaced(&mut settings, &format!("/*/*/{path}"), value).unwrap_err().status, 400, "{path}");
        }
        assert!(settings.is_empty());
    }

    #[test]
    fn settings_that_are_not_there_cannot_be_removed() {
        let mut settings = Settings::new();
        let all = operation(Op::Remove, "/*/*", "");
        assert_eq!(
            remove(&mut settings, &all).unwrap_err().message,
            "Cannot remove method setting */* because there is no method setting for this method "
        );
        replaced(&mut settings, "/*/*/metrics/enabled", "true").unwrap();
        remove(&mut settings, &all).unwrap();
        assert!(settings.is_empty());
    }

    #[test]
    fn an_unknown_path_is_told_as_recorded() {
        let error = replaced(&mut Settings::new(), "/canarySettings", "x").unwrap_err();
        assert!(error.message.starts_with(
            "Invalid method setting path: /canarySettings. Must be one of: [/deploymentId, /description, \
             /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, "
        ));
        assert!(error.message.contains(
            "/{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit\
             /{resourcePath}/{httpMethod}/caching/ttlInSeconds, "
        ));
        assert!(error.message.contains(
            "/*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, "
        ));
        assert!(error.message.ends_with("/variables/{variable_name}, /tracingEnabled]"));
    }
}
