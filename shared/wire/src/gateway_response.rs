//! Gateway responses, with API Gateway's own where none is set.

use std::collections::BTreeMap;

use keyplan_domain::api::{GatewayResponse, GatewayResponseType};
use serde::Serialize;

/// `GatewayResponse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayResponseAnswer {
    response_type: GatewayResponseType,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<String>,
    response_parameters: BTreeMap<String, String>,
    response_templates: BTreeMap<String, String>,
    default_response: bool,
}

type Customised = BTreeMap<GatewayResponseType, GatewayResponse>;

impl GatewayResponseAnswer {
    /// The answer that shows `response_type` of an API that has `customised`
    /// some. A type that is not set shows what DEFAULT_4XX or DEFAULT_5XX, by
    /// its own status, was set to, and is a default nonetheless.
    #[must_use]
    pub fn new(response_type: GatewayResponseType, customised: &Customised) -> Self {
        if let Some(set) = customised.get(&response_type) {
            return Self {
                response_type,
                status_code: set.status_code.clone().or_else(|| default_status(response_type)),
                response_parameters: set.response_parameters.clone(),
                response_templates: set.response_templates.clone(),
                default_response: false,
            };
        }
        match fallback(response_type).and_then(|fallback| customised.get(&fallback)) {
            Some(set) => Self {
                response_type,
                status_code: set.status_code.clone().or_else(|| default_status(response_type)),
                response_parameters: set.response_parameters.clone(),
                response_templates: set.response_templates.clone(),
                default_response: true,
            },
            None => Self {
                response_type,
                status_code: default_status(response_type),
                response_parameters: BTreeMap::new(),
                response_templates: BTreeMap::from([(
                    "application/json".to_owned(),
                    r#"{"message":$context.error.messageString}"#.to_owned(),
                )]),
                default_response: true,
            },
        }
    }
}

fn default_status(response_type: GatewayResponseType) -> Option<String> {
    response_type.default_status().map(|status| status.to_string())
}

fn fallback(response_type: GatewayResponseType) -> Option<GatewayResponseType> {
    Some(match response_type.default_status()? {
        400..500 => GatewayResponseType::Default4xx,
        _ => GatewayResponseType::Default5xx,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(response_type: GatewayResponseType, customised: &Customised) -> serde_json::Value {
        serde_json::to_value(GatewayResponseAnswer::new(response_type, customised)).unwrap()
    }

    fn set(response_type: GatewayResponseType, status_code: Option<&str>) -> Customised {
        let response = GatewayResponse {
            response_type,
            status_code: status_code.map(str::to_owned),
            response_parameters: BTreeMap::new(),
            response_templates: BTreeMap::new(),
        };
        BTreeMap::from([(response_type, response)])
    }

    #[test]
    fn a_type_that_is_not_set_is_shown_as_recorded() {
        assert_eq!(
            shown(GatewayResponseType::AccessDenied, &Customised::new()),
            json!({
                "defaultResponse": true,
                "responseParameters": {},
                "responseTemplates": {"application/json": "{\"message\":$context.error.messageString}"},
                "responseType": "ACCESS_DENIED",
                "statusCode": "403",
            })
        );
        assert!(shown(GatewayResponseType::Default4xx, &Customised::new()).get("statusCode").is_none());
    }

    #[test]
    fn a_default_that_is_set_shows_through_the_types_that_are_not() {
        let customised = set(GatewayResponseType::Default4xx, Some("404"));
        let shown_through = shown(GatewayResponseType::AccessDenied, &customised);
        assert_eq!((&shown_through["statusCode"], &shown_through["defaultResponse"]), (&json!("404"), &json!(true)));
        assert_eq!(shown(GatewayResponseType::AuthorizerFailure, &customised)["statusCode"], "500");
        assert_eq!(shown(GatewayResponseType::Default4xx, &customised)["defaultResponse"], false);
    }

    #[test]
    fn a_type_set_without_a_status_keeps_its_own() {
        let customised = set(GatewayResponseType::Throttled, None);
        assert_eq!(
            shown(GatewayResponseType::Throttled, &customised),
            json!({
                "defaultResponse": false,
                "responseParameters": {},
                "responseTemplates": {},
                "responseType": "THROTTLED",
                "statusCode": "429",
            })
        );
    }
}
