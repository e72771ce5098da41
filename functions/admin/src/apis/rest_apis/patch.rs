use keyplan_domain::api::RestApi;
use keyplan_domain::source::ApiKeySource;
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::{Op, PatchOperation};

use super::rules;

/// Carries out a patch of an API (patch operations, "RestApi").
pub(super) fn apply(api: &mut RestApi, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["binaryMediaTypes", media_type] => binary_media_type(api, media_type, operation)?,
            ["description"] => {
                operation.add_remove_or_replace()?;
                api.description = match operation.op {
                    Op::Remove => None,
                    _ => Some(rules::description(operation.value.as_deref().unwrap_or_default())?),
                };
            }
            ["endpointConfiguration", "vpcEndpointIds"] => vpc_endpoint(api, operation)?,
            _ => {
                let set = scalar(segments.as_slice()).ok_or_else(|| operation.invalid_path())?;
                operation.only_replace()?;
                set(api, operation)?;
            }
        }
    }
    rules::check_endpoints(&api.endpoint_configuration)
}

type Setter = fn(&mut RestApi, &PatchOperation) -> Result<(), ApiError>;

/// How a member that can only be replaced is set; none if there is none there.
fn scalar(path: &[&str]) -> Option<Setter> {
    Some(match path {
        ["name"] => |api, operation| {
            api.name = rules::name(operation.text().unwrap_or_default())?;
            Ok(())
        },
        ["apiKeySource"] => |api, operation| {
            let source = operation.text().and_then(ApiKeySource::parse);
            api.api_key_source = source.ok_or_else(|| {
                let names = ApiKeySource::NAMES.join(",");
                ApiError::bad_request(format!("Invalid ApiKeySource specified. Valid options are {names}"))
            })?;
            Ok(())
        },
        ["disableExecuteApiEndpoint"] => |api, operation| {
            api.disable_execute_api_endpoint = operation.boolean();
            Ok(())
        },
        ["minimumCompressionSize"] => |api, operation| {
            // No value switches compression off.
            let bytes = operation.text().map(|text| text.parse().unwrap_or(-1));
            api.minimum_compression_size = bytes.map(rules::compression_size).transpose()?;
            Ok(())
        },
        ["policy"] => |api, operation| {
            api.policy = operation.text().map(|text| rules::policy(text.to_owned())).transpose()?;
            Ok(())
        },
        // Which type is replaced stands in the path, but there is only one.
        ["endpointConfiguration", "types", _] => |api, operation| {
            let kind = rules::endpoint_type(operation.text().unwrap_or_default())?;
            api.endpoint_configuration.types = vec![kind];
            Ok(())
        },
        ["endpointConfiguration", "ipAddressType"] => |api, operation| {
            api.endpoint_configuration.ip_address_type = rules::ip_address_type(operation.text().unwrap_or_default())?;
            Ok(())
        },
        ["securityPolicy"] => |api, operation| {
            api.security_policy = Some(rules::security_policy(operation.text().unwrap_or_default())?);
            Ok(())
        },
        ["endpointAccessMode"] => |api, operation| {
            api.endpoint_access_mode = Some(rules::endpoint_access_mode(operation.text().unwrap_or_default())?);
            Ok(())
        },
        _ => return None,
    })
}

fn binary_media_type(api: &mut RestApi, media_type: &str, operation: &PatchOperation) -> Result<(), ApiError> {
    operation.add_remove_or_replace()?;
    let types = &mut api.binary_media_types;
    let at = types.iter().position(|known| known == media_type);
    match (operation.op, at) {
        (Op::Remove, Some(at)) => {
            types.remove(at);
        }
        (Op::Replace, Some(at)) => types[at] = operation.text().unwrap_or(media_type).to_owned(),
        (Op::Remove | Op::Replace, None) => return Err(crate::apis::missing::parameter()),
        (_, None) => types.push(media_type.to_owned()),
        (_, Some(_)) => {}
    }
    Ok(())
}

fn vpc_endpoint(api: &mut RestApi, operation: &PatchOperation) -> Result<(), ApiError> {
    let ids = &mut api.endpoint_configuration.vpc_endpoint_ids;
    let id = operation.text().ok_or_else(|| ApiError::bad_request("Invalid VPC endpoint identifier specified"))?;
    match operation.op {
        Op::Add if ids.iter().any(|known| known == id) => {}
        Op::Add => ids.push(id.to_owned()),
        Op::Remove => ids.retain(|known| known != id),
        _ => return Err(operation.invalid_path()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use keyplan_domain::id::RestApiId;
    use keyplan_domain::time::Timestamp;
    use keyplan_wire::rest_api::CreateRestApiInput;

    use super::*;

    fn patched(operations: &[(Op, &str, &str)]) -> Result<RestApi, ApiError> {
        let input = CreateRestApiInput {
            name: Some("a".into()),
            description: Some("d".into()),
            binary_media_types: Some(vec!["image/png".into()]),
            ..CreateRestApiInput::default()
        };
        let mut api = rules::new_api(input, RestApiId::new("api"), "root", Timestamp::from_seconds(1)).unwrap();
        let operations: Vec<_> = operations
            .iter()
            .map(|(op, path, value)| PatchOperation {
                op: *op,
                path: Some((*path).into()),
                value: Some((*value).into()),
                from: None,
            })
            .collect();
        apply(&mut api, &operations)?;
        Ok(api)
    }

    fn refusal(op: Op, path: &str, value: &str) -> String {
        patched(&[(op, path, value)]).unwrap_err().message
    }

    #[test]
    fn the_key_source_is_replaced() {
        let api = patched(&[(Op::Replace, "/apiKeySource", "AUTHORIZER")]).unwrap();
        assert_eq!(api.api_key_source, ApiKeySource::Authorizer);
        assert_eq!(
            refusal(Op::Replace, "/apiKeySource", "authorizer"),
            "Invalid ApiKeySource specified. Valid options are HEADER,AUTHORIZER"
        );
    }

    #[test]
    fn media_types_are_escaped_in_paths() {
        let api =
            patched(&[(Op::Add, "/binaryMediaTypes/image~1gif", ""), (Op::Remove, "/binaryMediaTypes/image~1png", "")]);
        assert_eq!(api.unwrap().binary_media_types, ["image/gif"]);
        assert_eq!(refusal(Op::Add, "/binaryMediaTypes", "image/png"), "Invalid patch path /binaryMediaTypes");
        assert_eq!(refusal(Op::Remove, "/binaryMediaTypes/a~1b", ""), "Invalid parameter name specified");
    }

    #[test]
    fn a_scalar_can_only_be_replaced() {
        for (op, path, text) in [
            (Op::Add, "/name", "Invalid patch operation specified. Must be one of: [replace]"),
            (Op::Test, "/description", "Invalid patch operation specified. Must be 'add'|'remove'|'replace'"),
            (Op::Replace, "/version", "Invalid patch path /version"),
            (Op::Replace, "", "Invalid patch path "),
        ] {
            assert_eq!(refusal(op, path, "x"), text);
        }
    }

    #[test]
    fn endpoints_are_checked_when_all_is_patched() {
        let private = [
            (Op::Replace, "/endpointConfiguration/types/EDGE", "PRIVATE"),
            (Op::Replace, "/endpointConfiguration/ipAddressType", "dualstack"),
        ];
        assert_eq!(patched(&private).unwrap().endpoint_configuration.types, ["PRIVATE"]);
        assert_eq!(
            patched(&private[..1]).unwrap_err().message,
            "Only dualstack ipAddressType is supported for Private APIs."
        );
        assert_eq!(
            refusal(Op::Replace, "/endpointConfiguration/types/EDGE", "x"),
            "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"
        );
        assert_eq!(
            refusal(Op::Replace, "/endpointConfiguration/ipAddressType", "x"),
            "ipAddressType must be either ipv4 or dualstack."
        );
    }

    #[test]
    fn what_endpoints_of_aws_would_take_is_replaced() {
        let api =
            patched(&[(Op::Replace, "/securityPolicy", "TLS_1_2"), (Op::Replace, "/endpointAccessMode", "STRICT")]);
        let api = api.unwrap();
        assert_eq!(
            (api.security_policy.as_deref(), api.endpoint_access_mode.as_deref()),
            (Some("TLS_1_2"), Some("STRICT"))
        );
        assert_eq!(
            refusal(Op::Replace, "/endpointAccessMode", "x"),
            "Invalid endpoint access mode specified. Valid options are BASIC,STRICT"
        );
        assert_eq!(
            refusal(Op::Add, "/securityPolicy", "TLS_1_2"),
            "Invalid patch operation specified. Must be one of: [replace]"
        );
    }

    #[test]
    fn compression_is_set_and_switched_off() {
        let set = |value| patched(&[(Op::Replace, "/minimumCompressionSize", value)]);
        assert_eq!(set("10").unwrap().minimum_compression_size, Some(10));
        assert_eq!(set("").unwrap().minimum_compression_size, None);
        assert_eq!(set("x").unwrap_err().status, 400);
    }

    #[test]
    fn a_description_is_removed_but_never_empty() {
        assert_eq!(patched(&[(Op::Remove, "/description", "")]).unwrap().description, None);
        assert_eq!(refusal(Op::Replace, "/description", ""), "Description cannot be an empty string");
    }
}
