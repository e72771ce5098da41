use keyplan_domain::api::{EndpointConfiguration, RestApi};
use keyplan_domain::id::RestApiId;
use keyplan_domain::source::ApiKeySource;
use keyplan_domain::time::Timestamp;
use keyplan_wire::error::{ApiError, Violation, Violations};
use keyplan_wire::rest_api::{ApiEndpointInput, CreateRestApiInput};

use crate::tagging::new_tags;

const MAX_COMPRESSION_SIZE: i64 = 10_485_760;
const ENDPOINT_TYPES: [&str; 3] = ["PRIVATE", "EDGE", "REGIONAL"];
const SECURITY_POLICIES: [&str; 14] = [
    "TLS_1_0",
    "TLS_1_2",
    "SecurityPolicy_TLS13_1_3_2025_09",
    "SecurityPolicy_TLS13_1_3_FIPS_2025_09",
    "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_Ext2_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_Ext2_FIPS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_2021_06",
    "SecurityPolicy_TLS13_2025_EDGE",
    "SecurityPolicy_TLS12_PFS_2025_EDGE",
    "SecurityPolicy_TLS12_2018_EDGE",
];
const ENDPOINT_ACCESS_MODES: [&str; 2] = ["BASIC", "STRICT"];
const IP_ADDRESS_TYPES: [&str; 2] = ["ipv4", "dualstack"];

/// The API that a caller asks for.
pub(super) fn new_api(
    input: CreateRestApiInput,
    id: RestApiId,
    root_resource_id: &str,
    now: Timestamp,
) -> Result<RestApi, ApiError> {
    check_model(&input)?;
    let source = input.api_key_source.as_deref().and_then(ApiKeySource::parse).unwrap_or_default();
    Ok(RestApi {
        id,
        name: name(&input.name.unwrap_or_default())?,
        description: input.description.map(|text| description(&text)).transpose()?,
        version: input.version.filter(|version| !version.is_empty()),
        created_date: now,
        api_key_source: source,
        endpoint_configuration: endpoints(input.endpoint_configuration.unwrap_or_default())?,
        binary_media_types: input.binary_media_types.unwrap_or_default(),
        minimum_compression_size: input.minimum_compression_size.map(compression_size).transpose()?,
        policy: input.policy.filter(|policy| !policy.is_empty()).map(policy).transpose()?,
        disable_execute_api_endpoint: input.disable_execute_api_endpoint.unwrap_or(false),
        security_policy: input.security_policy,
        endpoint_access_mode: input.endpoint_access_mode,
        root_resource_id: root_resource_id.to_owned(),
        tags: new_tags(input.tags)?,
    })
}

/// What API Gateway's model itself refuses, all of it at once.
fn check_model(input: &CreateRestApiInput) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    if input.name.is_none() {
        violations.push(Violation::missing("createRestApiInput.name"));
    }
    if let Some(source) = input.api_key_source.as_deref().filter(|source| ApiKeySource::parse(source).is_none()) {
        violations.push(Violation::not_in(source, "createRestApiInput.apiKeySource", &ApiKeySource::NAMES));
    }
    for (given, member, names) in [
        (&input.security_policy, "createRestApiInput.securityPolicy", &SECURITY_POLICIES[..]),
        (&input.endpoint_access_mode, "createRestApiInput.endpointAccessMode", &ENDPOINT_ACCESS_MODES[..]),
    ] {
        if let Some(other) = given.as_deref().filter(|name| !names.contains(name)) {
            violations.push(Violation::not_in(other, member, names));
        }
    }
    if let Some(endpoints) = &input.endpoint_configuration {
        if let Some(kind) = endpoints.ip_address_type.as_deref().filter(|kind| !IP_ADDRESS_TYPES.contains(kind)) {
            let member = "createRestApiInput.endpointConfiguration.ipAddressType";
            violations.push(Violation::not_in(kind, member, &IP_ADDRESS_TYPES));
        }
        let types = endpoints.types.as_deref().unwrap_or_default();
        if types.iter().any(|kind| !ENDPOINT_TYPES.contains(&kind.as_str())) {
            let member = "createRestApiInput.endpointConfiguration.types";
            violations.push(Violation::list_not_in(types, member, &ENDPOINT_TYPES));
        }
    }
    violations.check()
}

fn endpoints(input: ApiEndpointInput) -> Result<EndpointConfiguration, ApiError> {
    let default = EndpointConfiguration::default();
    let configuration = EndpointConfiguration {
        ip_address_type: input.ip_address_type.unwrap_or_else(|| {
            let private = input.types.as_deref().is_some_and(|types| types == ["PRIVATE"]);
            if private { "dualstack".to_owned() } else { default.ip_address_type }
        }),
        types: input.types.unwrap_or(default.types),
        vpc_endpoint_ids: input.vpc_endpoint_ids.unwrap_or_default(),
    };
    check_endpoints(&configuration)?;
    Ok(configuration)
}

pub(super) fn check_endpoints(configuration: &EndpointConfiguration) -> Result<(), ApiError> {
    match configuration.types.as_slice() {
        [] => Err(ApiError::bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")),
        [kind] if kind == "PRIVATE" && configuration.ip_address_type != "dualstack" => {
            Err(ApiError::bad_request("Only dualstack ipAddressType is supported for Private APIs."))
        }
        [_] => Ok(()),
        _ => Err(ApiError::bad_request("Cannot create an api with multiple Endpoint Types.")),
    }
}

pub(super) fn endpoint_type(kind: &str) -> Result<String, ApiError> {
    if ENDPOINT_TYPES.contains(&kind) {
        return Ok(kind.to_owned());
    }
    Err(ApiError::bad_request("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"))
}

pub(super) fn ip_address_type(kind: &str) -> Result<String, ApiError> {
    if IP_ADDRESS_TYPES.contains(&kind) {
        return Ok(kind.to_owned());
    }
    Err(ApiError::bad_request("ipAddressType must be either ipv4 or dualstack."))
}

pub(super) fn security_policy(name: &str) -> Result<String, ApiError> {
    one_of(name, "security policy", &SECURITY_POLICIES)
}

pub(super) fn endpoint_access_mode(name: &str) -> Result<String, ApiError> {
    one_of(name, "endpoint access mode", &ENDPOINT_ACCESS_MODES)
}

fn one_of(name: &str, what: &str, names: &[&str]) -> Result<String, ApiError> {
    if names.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(ApiError::bad_request(format!("Invalid {what} specified. Valid options are {}", names.join(","))))
}

pub(super) fn name(name: &str) -> Result<String, ApiError> {
    if name.is_empty() {
        return Err(ApiError::bad_request("API name cannot be an empty string"));
    }
    Ok(name.to_owned())
}

pub(super) fn description(description: &str) -> Result<String, ApiError> {
    if description.is_empty() {
        return Err(ApiError::bad_request("Description cannot be an empty string"));
    }
    Ok(description.to_owned())
}

pub(super) fn compression_size(bytes: i64) -> Result<u32, ApiError> {
    let in_range = Some(bytes).filter(|bytes| (0..=MAX_COMPRESSION_SIZE).contains(bytes));
    in_range.and_then(|bytes| u32::try_from(bytes).ok()).ok_or_else(|| {
        ApiError::bad_request(format!("Invalid minimum compression size, must be between 0 and {MAX_COMPRESSION_SIZE}"))
    })
}

pub(super) fn policy(policy: String) -> Result<String, ApiError> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&policy) {
        Ok(document) if document.contains_key("Statement") => Ok(policy),
        _ => Err(ApiError::bad_request(
            "Invalid policy document. Please check the policy syntax and ensure that Principals are valid.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(body: &str) -> Result<RestApi, ApiError> {
        let input = keyplan_wire::input::from_json(body.as_bytes()).unwrap();
        new_api(input, RestApiId::new("abcdefghij"), "root567890", Timestamp::from_seconds(1))
    }

    fn refusal(body: &str) -> (&'static str, String) {
        let error = create(body).unwrap_err();
        assert_eq!(error.status, 400);
        (error.kind, error.message)
    }

    #[test]
    fn an_api_of_which_nothing_was_asked_is_an_edge_api_with_keys_in_headers() {
        let api = create(r#"{"name":"a"}"#).unwrap();
        assert_eq!(api.api_key_source, ApiKeySource::Header);
        assert_eq!(api.endpoint_configuration, EndpointConfiguration::default());
        assert!(!api.disable_execute_api_endpoint);
    }

    #[test]
    fn enumerations_are_checked_all_at_once_as_recorded() {
        let (kind, message) = refusal(
            r#"{"name":"a","apiKeySource":"X","endpointConfiguration":{"types":["wrong"],"ipAddressType":"wrong"}}"#,
        );
        assert_eq!(kind, "ValidationException");
        assert_eq!(
            message,
            "3 validation errors detected: Value 'X' at 'createRestApiInput.apiKeySource' failed to satisfy \
             constraint: Member must satisfy enum value set: [HEADER, AUTHORIZER]; Value 'wrong' at \
             'createRestApiInput.endpointConfiguration.ipAddressType' failed to satisfy constraint: Member must \
             satisfy enum value set: [ipv4, dualstack]; Value '[wrong]' at \
             'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member must satisfy \
             constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]"
        );
        assert_eq!(refusal("{}").0, "ValidationException");
    }

    #[test]
    fn what_endpoints_of_aws_would_take_is_kept() {
        let api = create(r#"{"name":"a","securityPolicy":"TLS_1_2","endpointAccessMode":"BASIC"}"#).unwrap();
        assert_eq!(
            (api.security_policy.as_deref(), api.endpoint_access_mode.as_deref()),
            (Some("TLS_1_2"), Some("BASIC"))
        );
        let (kind, message) = refusal(r#"{"name":"a","securityPolicy":"SSL_3","endpointAccessMode":"X"}"#);
        assert_eq!(kind, "ValidationException");
        assert!(
            message.starts_with("2 validation errors detected: Value 'SSL_3' at 'createRestApiInput.securityPolicy'")
        );
        assert!(message.ends_with("Member must satisfy enum value set: [BASIC, STRICT]"), "{message}");
    }

    #[test]
    fn what_does_not_fit_together_is_told_as_recorded() {
        for (members, text) in [
            (r#""description":"""#, "Description cannot be an empty string"),
            (
                r#""endpointConfiguration":{"types":[]}"#,
                "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
            ),
            (
                r#""endpointConfiguration":{"types":["EDGE","REGIONAL"]}"#,
                "Cannot create an api with multiple Endpoint Types.",
            ),
            (
                r#""endpointConfiguration":{"types":["PRIVATE"],"ipAddressType":"ipv4"}"#,
                "Only dualstack ipAddressType is supported for Private APIs.",
            ),
            (
                r#""minimumCompressionSize":10485761"#,
                "Invalid minimum compression size, must be between 0 and 10485760",
            ),
            (r#""minimumCompressionSize":-1"#, "Invalid minimum compression size, must be between 0 and 10485760"),
            (
                r#""policy":"no policy""#,
                "Invalid policy document. Please check the policy syntax and ensure that Principals are valid.",
            ),
        ] {
            assert_eq!(refusal(&format!(r#"{{"name":"a",{members}}}"#)), ("BadRequestException", text.to_owned()));
        }
        let private = create(r#"{"name":"a","endpointConfiguration":{"types":["PRIVATE"]}}"#).unwrap();
        assert_eq!(private.endpoint_configuration.ip_address_type, "dualstack");
    }
}
