use keyplan_domain::api::{GatewayResponse, GatewayResponseType, Snapshot};

use super::*;
use crate::testing::{NOON, Placed, mock, open_method, request, settings, snapshot, strings};

fn shown(response: &Response) -> String {
    let headers: Vec<_> =
        response.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    format!(
        "{}\n{}\n{}",
        response.status().as_u16(),
        headers.join("\n"),
        String::from_utf8_lossy(response.body().bytes())
    )
}

fn plain() -> Snapshot {
    snapshot(open_method(mock("{}")), Vec::new())
}

fn customised(kind: GatewayResponseType, status: Option<&str>, body: &str) -> GatewayResponse {
    GatewayResponse {
        response_type: kind,
        status_code: status.map(str::to_owned),
        response_parameters: strings(&[
            ("gatewayresponse.header.Access-Control-Allow-Origin", "'*'"),
            ("gatewayresponse.header.x-asked", "method.request.header.x-tenant"),
        ]),
        response_templates: strings(&[("application/json", body)]),
    }
}

fn refused(refusal: &Refusal, snapshot: Snapshot, variables: &[(&str, &str)]) -> Response {
    let placed = Placed::new(request("GET", "/pets/7").with("x-tenant", "acme"), snapshot, variables);
    refuse(refusal, &placed.exchange(), NOON)
}

#[test]
fn every_refusal_has_api_gateways_status_type_and_body() {
    let forbidden = (403, "ForbiddenException", "{\"message\":\"Forbidden\"}");
    let unauthorized = (401, "UnauthorizedException", "{\"message\":\"Unauthorized\"}");
    let internal = "{\"message\":\"Internal server error\"}";
    for (refusal, (status, error_type, body)) in [
        (Refusal::StageUnknown, forbidden),
        (Refusal::EndpointDisabled, forbidden),
        (
            Refusal::RouteUnknown,
            (403, "MissingAuthenticationTokenException", "{\"message\":\"Missing Authentication Token\"}"),
        ),
        (Refusal::IdentityMissing, unauthorized),
        (Refusal::Unauthorized, unauthorized),
        (
            Refusal::ExplicitDeny,
            (
                403,
                "AccessDeniedException",
                "{\"Message\":\"User is not authorized to access this resource with an explicit deny in an identity-based policy\"}",
            ),
        ),
        (
            Refusal::ImplicitDeny,
            (
                403,
                "AccessDeniedException",
                "{\"Message\":\"User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action\"}",
            ),
        ),
        (Refusal::AuthorizerFailed { reason: "x" }, (500, "AuthorizerConfigurationException", "{\"message\":null}")),
        (Refusal::KeyMissing, forbidden),
        (Refusal::KeyUnknown { looks_like_id: true }, forbidden),
        (Refusal::KeyDisabled, forbidden),
        (Refusal::NoPlanForStage, forbidden),
        (Refusal::Throttled { wait: None }, (429, "TooManyRequestsException", "{\"message\":\"Too Many Requests\"}")),
        (
            Refusal::StageThrottled { wait: None },
            (429, "TooManyRequestsException", "{\"message\":\"Too Many Requests\"}"),
        ),
        (
            Refusal::AccountThrottled { wait: None },
            (429, "TooManyRequestsException", "{\"message\":\"Too Many Requests\"}"),
        ),
        (Refusal::MeterThrottled, (429, "TooManyRequestsException", "{\"message\":\"Too Many Requests\"}")),
        (Refusal::QuotaSpent { resets: NOON }, (429, "LimitExceededException", "{\"message\":\"Limit Exceeded\"}")),
        (Refusal::RequestTooLarge, (413, "RequestEntityTooLargeException", "{\"message\":\"Request Too Long\"}")),
        (Refusal::UriTooLong, (414, "RequestUriTooLongException", "{\"message\":\"Request URI too long\"}")),
        (
            Refusal::UnsupportedMediaType,
            (415, "UnsupportedMediaTypeException", "{\"message\":\"Unsupported Media Type\"}"),
        ),
        (
            Refusal::ParametersMissing { names: vec!["a".into(), "\"".into()] },
            (400, "BadRequestException", "{\"message\":\"Missing required request parameters: [a, \\\"]\"}"),
        ),
        (
            Refusal::BodyInvalid { errors: "x".into() },
            (400, "BadRequestException", "{\"message\":\"Invalid request body\"}"),
        ),
        (Refusal::Unsupported { what: "x" }, (500, "InternalServerErrorException", internal)),
        (Refusal::IntegrationNotInvoked { reason: "x" }, (500, "InternalServerErrorException", internal)),
        (Refusal::IntegrationFailed { reason: "x" }, (502, "InternalServerErrorException", internal)),
        (
            Refusal::IntegrationTimedOut,
            (504, "InternalServerErrorException", "{\"message\":\"Endpoint request timed out\"}"),
        ),
        (Refusal::Internal { reason: "x" }, (500, "InternalServerErrorException", internal)),
    ] {
        let response = refused(&refusal, plain(), &[]);
        assert_eq!(response.status(), status, "{refusal:?}");
        assert_eq!(response.headers()[ERROR_TYPE], error_type, "{refusal:?}");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json", "{refusal:?}");
        assert_eq!(response.body().bytes().as_ref(), body.as_bytes(), "{refusal:?}");
    }
}

#[test]
fn an_answer_carries_the_ids_of_its_request() {
    let request = request("GET", "/");
    let ids = RequestIds::of(&request);
    let response = identified(refuse_unplaced(&Refusal::StageUnknown, &request, &ids, NOON, &settings()), ids.clone());
    assert_eq!(response.headers()[REQUEST_ID], "c6af9ac6-7b61-11e6-9a41-93e8deadbeef");
    assert_eq!(response.headers()[EXTENDED_REQUEST_ID], ids.extended);
    insta::assert_snapshot!(shown(&response).replace(&ids.extended, "[extended]"), @r#"
    403
    content-type: application/json
    x-amzn-errortype: ForbiddenException
    x-amzn-requestid: c6af9ac6-7b61-11e6-9a41-93e8deadbeef
    x-amz-apigw-id: [extended]
    {"message":"Forbidden"}
    "#);
}

#[test]
fn a_429_says_how_long_to_wait_where_waiting_helps() {
    let second = Duration::from_secs(1);
    let throttled = |wait| Refusal::Throttled { wait };
    for (refusal, seconds) in [
        (throttled(Some(Duration::from_millis(1))), Some("1")),
        (throttled(Some(second)), Some("1")),
        (throttled(Some(second * 3 + Duration::from_nanos(1))), Some("4")),
        (throttled(None), None),
        (Refusal::StageThrottled { wait: Some(second * 2) }, Some("2")),
        (Refusal::AccountThrottled { wait: Some(second * 3) }, Some("3")),
        (Refusal::MeterThrottled, Some("1")),
        (Refusal::QuotaSpent { resets: NOON.plus(second * 3600) }, Some("3600")),
        (Refusal::QuotaSpent { resets: NOON }, Some("1")),
        (Refusal::KeyMissing, None),
    ] {
        let response = refused(&refusal, plain(), &[]);
        let given = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap());
        assert_eq!(given, seconds, "{refusal:?}");
    }
}

#[test]
fn how_long_to_wait_is_left_out_where_that_is_set_off() {
    let request = request("GET", "/");
    let off = Settings { retry_after: false, ..settings() };
    let refusal = Refusal::Throttled { wait: Some(Duration::from_secs(1)) };
    let response = refuse_unplaced(&refusal, &request, &RequestIds::of(&request), NOON, &off);
    assert!(!response.headers().contains_key(RETRY_AFTER));
}

#[test]
fn the_reason_is_told_only_where_the_stage_asks_for_it() {
    let refusal = Refusal::NoPlanForStage;
    for (variables, told) in [
        (&[("keyplanExplain", "true")][..], Some("NoPlanForStage")),
        (&[("keyplanExplain", "yes")][..], None),
        (&[][..], None),
    ] {
        let response = refused(&refusal, plain(), variables);
        assert_eq!(response.headers().get(REASON).map(|value| value.to_str().unwrap()), told);
    }
}

#[test]
fn a_customised_response_is_filled_from_the_request() {
    let body = "{\"m\":$context.error.messageString,\"e\":\"$context.error.message\",\
                \"t\":\"$context.error.responseType\",\"s\":\"$stageVariables.tier\",\"r\":\"$context.resourcePath\"}";
    let responses = vec![customised(GatewayResponseType::InvalidApiKey, Some("401"), body)];
    let snapshot = snapshot(open_method(mock("{}")), responses);
    let response = refused(&Refusal::KeyMissing, snapshot, &[("tier", "gold")]);
    insta::assert_snapshot!(shown(&response), @r#"
    401
    content-type: application/json
    x-amzn-errortype: ForbiddenException
    access-control-allow-origin: *
    x-asked: acme
    {"m":"Forbidden","e":"Forbidden","t":"INVALID_API_KEY","s":"gold","r":"/pets/{petId}"}
    "#);
}

/// In quotes in a template both make JSON, as in real answers.
#[test]
fn what_comes_of_the_caller_is_escaped() {
    let body = "{\"m\":$context.error.messageString,\"v\":\"$context.error.validationErrorString\"}";
    let responses = || {
        let types = [GatewayResponseType::BadRequestBody, GatewayResponseType::BadRequestParameters];
        types.map(|kind| customised(kind, None, body)).to_vec()
    };
    let answer = |refusal| {
        let response = refused(&refusal, snapshot(open_method(mock("{}")), responses()), &[]);
        serde_json::from_slice::<serde_json::Value>(response.body().bytes()).unwrap()
    };
    let errors = "[instance value (\"\\n\") not found in enum (possible values: [\"a\"])]";
    assert_eq!(
        answer(Refusal::BodyInvalid { errors: errors.into() }),
        serde_json::json!({"m": "Invalid request body", "v": errors})
    );
    let names = vec!["a\"b".to_owned()];
    assert_eq!(
        answer(Refusal::ParametersMissing { names }),
        serde_json::json!({"m": "Missing required request parameters: [a\"b]", "v": ""})
    );
}

#[test]
fn the_type_itself_wins_over_the_default_of_its_class() {
    let responses = || {
        vec![
            customised(GatewayResponseType::Default4xx, Some("400"), "default"),
            customised(GatewayResponseType::Throttled, None, "throttled"),
        ]
    };
    let answer = |refusal| {
        let response = refused(&refusal, snapshot(open_method(mock("{}")), responses()), &[]);
        (response.status().as_u16(), String::from_utf8(response.body().bytes().to_vec()).unwrap())
    };
    assert_eq!(answer(Refusal::Throttled { wait: None }), (429, "throttled".into()));
    assert_eq!(answer(Refusal::RouteUnknown), (400, "default".into()));
    assert_eq!(answer(Refusal::IntegrationTimedOut), (504, "{\"message\":\"Endpoint request timed out\"}".into()));
    assert_eq!(answer(Refusal::RequestTooLarge), (413, "{\"message\":\"Request Too Long\"}".into()));
}

#[test]
fn a_response_without_a_template_says_the_message() {
    let mut response = customised(GatewayResponseType::Default5xx, None, "");
    response.response_templates.clear();
    let snapshot = snapshot(open_method(mock("{}")), vec![response]);
    let response = refused(&Refusal::AuthorizerFailed { reason: "x" }, snapshot, &[]);
    assert_eq!((response.status().as_u16(), response.body().bytes().as_ref()), (500, &b"{\"message\":null}"[..]));
}
