use http::Method as Verb;
use keyplan_domain::api::{GatewayResponse, GatewayResponseType, Integration, Model, RequestValidator};
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::refusal::Refusal;
use serde_json::json;

use super::*;
use crate::testing::{mock, open_method, strings};
use crate::{ExplainCall, Inspector, TestCall};

const INVALID: (u16, Option<&str>, &str) = (400, Some("BadRequestException"), "{\"message\":\"Invalid request body\"}");

fn model(name: &str, schema: &Value) -> Model {
    Model {
        id: "model1".into(),
        name: name.into(),
        description: None,
        schema: Some(schema.to_string()),
        content_type: "application/json".into(),
    }
}

/// Asks for everything that a validator looks at, and answers bodies of any type.
fn checked() -> Method {
    let integration =
        Integration { request_templates: strings(&[("$default", "{\"statusCode\": 200}")]), ..mock("ok") };
    let required =
        ["querystring.limit", "header.X-Tenant", "path.petId", "multivaluequerystring.tag", "multivalueheader.accept"];
    Method {
        request_validator_id: Some("valid1".into()),
        request_parameters: required
            .into_iter()
            .map(|name| (format!("method.request.{name}"), true))
            .chain([("method.request.header.x-optional".to_owned(), false)])
            .collect(),
        request_models: strings(&[("application/json", "Pet"), ("Text/X-Count", "Count")]),
        ..open_method(integration)
    }
}

/// `ANY /pets/{petId}` as `method`, with a validator of these two and models.
async fn bench(method: Method, parameters: bool, body: bool) -> Bench {
    Bench::with(ApiKeySource::Header, |definition| {
        definition.methods.insert("pet001".into(), [("ANY".to_owned(), method.clone())].into());
        let pet = json!({"required": ["name"], "properties": {"name": {"type": "string"}}});
        for (name, schema) in [("Pet", pet), ("Count", json!({"type": "integer"}))] {
            definition.models.insert(name.into(), model(name, &schema));
        }
        let validator = RequestValidator {
            id: "valid1".into(),
            name: None,
            validate_request_body: body,
            validate_request_parameters: parameters,
        };
        definition.request_validators.insert("valid1".into(), validator);
    })
    .await
}

fn post(query: &str, content_type: Option<&str>, body: &str) -> Request {
    let mut request = crate::testing::request("POST", &format!("/{API}/prod/pets/7{query}"));
    request.body = body.to_owned().into();
    content_type.into_iter().fold(request, |request, name| request.with("content-type", name))
}

fn missing(names: &str) -> String {
    format!("{{\"message\":\"Missing required request parameters: [{names}]\"}}")
}

#[tokio::test]
async fn required_parameters_are_told_by_name_when_they_are_missing_or_blank() {
    let bench = bench(checked(), true, false).await;
    let told = async |request: Request| gist(&bench.call(request).await).2.to_owned();
    let whole = || post("?limit=1&tag=a", None, "no JSON").with("x-tenant", "a").with("accept", "*/*");
    assert_eq!(told(whole()).await, "ok");
    assert_eq!(told(post("", None, "")).await, missing("X-Tenant, accept, limit, tag"));
    let blank = post("?limit=&tag=%20+", None, "").with("x-tenant", " ").with("accept", "*/*");
    assert_eq!(told(blank).await, missing("X-Tenant, limit, tag"));
    // Names of the query have a case, those of headers do not.
    let cased = post("?Limit=1&tag=a", None, "").with("X-TENANT", "a").with("Accept", "*/*");
    assert_eq!(told(cased).await, missing("limit"));
    let several = post("?limit=&limit=2&tag=&tag=b", None, "").with("x-tenant", "").with("x-tenant", "a");
    assert_eq!(told(several.with("accept", "*/*")).await, "ok");
    let mut blank_path = whole();
    blank_path.path = format!("/{API}/prod/pets/%20");
    assert_eq!(told(blank_path).await, missing("petId"));

    let refused = bench.call(post("", None, "")).await;
    assert_eq!(gist(&refused), (400, Some("BadRequestException"), missing("X-Tenant, accept, limit, tag").as_str()));
}

#[tokio::test]
async fn a_body_is_checked_by_the_model_of_its_media_type() {
    let bench = bench(checked(), false, true).await;
    let good = (200, None, "ok");
    for (content_type, body, answer) in [
        (None, r#"{"name": "Rex"}"#, good),
        (None, r#"{"name": 1}"#, INVALID),
        (None, "", INVALID),
        (Some("application/json"), "{}", INVALID),
        (Some("Application/JSON; charset=utf-8"), "{}", INVALID),
        (Some("text/x-count"), "1", good),
        (Some("text/x-count"), r#"{"name": "Rex"}"#, INVALID),
        // No model is of these types.
        (Some("text/plain"), "anything", good),
        (Some("application/json2"), "{}", good),
    ] {
        let response = bench.call(post("", content_type, body)).await;
        assert_eq!(gist(&response), answer, "{content_type:?} {body}");
    }
}

#[tokio::test]
async fn the_model_of_any_type_stands_in_where_a_type_has_none() {
    let method = Method { request_models: strings(&[("$default", "Pet"), ("text/plain", "Count")]), ..checked() };
    let bench = bench(method, false, true).await;
    assert_eq!(gist(&bench.call(post("", Some("text/html"), "{}")).await), INVALID);
    assert_eq!(gist(&bench.call(post("", None, "{}")).await), INVALID);
    assert_eq!(bench.call(post("", Some("text/plain"), "1")).await.status(), 200);
}

#[tokio::test]
async fn parameters_are_looked_at_before_the_body() {
    let bench = bench(checked(), true, true).await;
    bench.explain_refusals().await;
    let reason = async |request: Request| {
        let response = bench.call(request).await;
        response.headers().get("x-keyplan-reason").map(|reason| reason.to_str().unwrap().to_owned())
    };
    assert_eq!(reason(post("", None, "no JSON")).await.as_deref(), Some("ParametersMissing"));
    let whole = |body| post("?limit=1&tag=a", None, body).with("x-tenant", "a").with("accept", "*/*");
    assert_eq!(reason(whole("no JSON")).await.as_deref(), Some("BodyInvalid"));
    assert_eq!(reason(whole(r#"{"name": "Rex"}"#)).await, None);
}

#[tokio::test]
async fn a_validator_that_looks_at_nothing_lets_all_pass() {
    let bench = bench(checked(), false, false).await;
    assert_eq!(gist(&bench.call(post("", None, "no JSON")).await), (200, None, "ok"));
    let nothing = Method { request_parameters: BTreeMap::new(), request_models: BTreeMap::new(), ..checked() };
    let bench = self::bench(nothing, true, true).await;
    assert_eq!(gist(&bench.call(post("", None, "no JSON")).await), (200, None, "ok"));
}

#[tokio::test]
async fn what_a_validator_refuses_has_been_counted_and_what_limits_refuse_is_not_looked_at() {
    let bench = bench(Method { api_key_required: true, ..checked() }, false, true).await;
    let call = async |key| bench.call(post("", None, "no JSON").with("x-api-key", key)).await.status().as_u16();
    let quota = QuotaSettings { limit: 2, offset: 0, period: QuotaPeriod::Day };
    bench.key_in_plan(|plan| plan.quota = Some(quota)).await;
    assert_eq!(call("of-nobody-at-all-000").await, 403);
    assert_eq!(call(VALUE).await, 400);
    assert_eq!(call(VALUE).await, 400);
    assert_eq!(call(VALUE).await, 429);
}

#[tokio::test]
async fn both_refusals_are_customised_by_their_own_types() {
    let bench = bench(checked(), true, true).await;
    let response = |kind, text: &str| GatewayResponse {
        response_type: kind,
        status_code: Some("422".into()),
        response_parameters: BTreeMap::new(),
        response_templates: strings(&[("application/json", text)]),
    };
    let text = "{\"type\":\"$context.error.responseType\",\"message\":$context.error.messageString,\
                \"errors\":\"$context.error.validationErrorString\"}";
    bench
        .edit(|definition| {
            for kind in [GatewayResponseType::BadRequestParameters, GatewayResponseType::BadRequestBody] {
                definition.gateway_responses.insert(kind, response(kind, text));
            }
        })
        .await;
    bench.deploy().await;
    bench.gateway.drop_caches();
    let refused = bench.call(post("", None, "{}")).await;
    assert_eq!(refused.status(), 422);
    assert_eq!(
        json(&refused),
        json!({
            "type": "BAD_REQUEST_PARAMETERS",
            "message": "Missing required request parameters: [X-Tenant, accept, limit, tag]",
            "errors": "",
        })
    );
    let refused = bench.call(post("?limit=1&tag=a", None, "{}").with("x-tenant", "a").with("accept", "*/*")).await;
    assert_eq!(
        json(&refused),
        json!({
            "type": "BAD_REQUEST_BODY",
            "message": "Invalid request body",
            "errors": "[object has missing required properties ([\"name\"])]",
        })
    );
}

/// As deployments are that were made before models and validators were frozen.
#[tokio::test]
async fn what_the_deployment_does_not_hold_is_told_in_the_log_and_in_explanations() {
    for (validator, model, what) in [
        (false, true, "a request validator that the deployment does not hold: deploy the API again"),
        (true, false, "a model that the deployment does not hold: deploy the API again"),
    ] {
        let bench = bench(checked(), true, true).await;
        bench
            .edit(|definition| {
                if !validator {
                    definition.request_validators.clear();
                }
                if !model {
                    definition.models.clear();
                }
            })
            .await;
        bench.deploy().await;
        bench.gateway.drop_caches();
        let answer = bench.call(post("", None, "{}")).await;
        let internal = (500, Some("InternalServerErrorException"), "{\"message\":\"Internal server error\"}");
        assert_eq!(gist(&answer), internal);
        assert_eq!(bench.explained().await["refusal"]["detail"], what);
    }
}

#[tokio::test]
async fn a_schema_that_cannot_be_evaluated_keeps_only_bodies_of_its_type_from_being_served() {
    let bench = bench(checked(), false, true).await;
    bench
        .edit(|definition| {
            let gone = Model::reference(API, "Gone");
            definition.models.insert("Pet".into(), model("Pet", &json!({"$ref": gone})));
        })
        .await;
    bench.deploy().await;
    bench.gateway.drop_caches();
    assert_eq!(bench.call(post("", None, "{}")).await.status(), 500);
    assert_eq!(bench.call(post("", Some("text/x-count"), "1")).await.status(), 200);
    let explained = bench.explained().await;
    let what = "a model whose schema cannot be evaluated";
    assert_eq!((&explained["admitted"], &explained["refusal"]["detail"]), (&json!(false), &json!(what)));
}

#[tokio::test]
async fn a_test_of_a_method_is_checked_like_a_call_and_says_what_is_wrong() {
    let bench = bench(checked(), true, true).await;
    let tested = async |query: &str, body: &str| {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-tenant", "a".parse().unwrap());
        headers.insert("accept", "*/*".parse().unwrap());
        let call = TestCall {
            path_with_query_string: Some(format!("/pets/7{query}")),
            headers,
            body: body.to_owned().into(),
            ..TestCall::default()
        };
        let snapshot = bench.store.definition(&bench.api).await.unwrap().unwrap().snapshot();
        bench.inspector().test_method(snapshot, "pet001", "ANY", call).await.unwrap()
    };
    let refused = tested("?tag=a", "{}").await;
    assert_eq!((refused.status, refused.body.as_str()), (400, missing("limit").as_str()));
    assert!(refused.log.contains(" : Missing required request parameters: [limit]\n"), "{}", refused.log);
    let refused = tested("?tag=a&limit=1", "{}").await;
    assert_eq!((refused.status, refused.body.as_str()), (400, INVALID.2));
    let line = " : Request body does not match model schema for content type application/json: [object has missing \
                required properties ([\"name\"])]\n";
    assert!(refused.log.contains(line), "{}", refused.log);
    assert_eq!(tested("?tag=a&limit=1", r#"{"name": "Rex"}"#).await.status, 200);
}

#[test]
fn a_refusal_shows_nothing_of_the_caller_in_the_log() {
    let invalid = Refusal::BodyInvalid { errors: "[instance value (\"secret\") not found in enum]".into() };
    assert_eq!((invalid.name(), invalid.detail()), ("BodyInvalid", None));
}

impl Bench {
    fn inspector(&self) -> Inspector {
        Inspector::new(settings(), self.store.clone(), self.lambda_client.clone(), self.clock.clone())
    }

    async fn explained(&self) -> Value {
        let call = ExplainCall {
            rest_api_id: self.api.clone(),
            stage: "prod".into(),
            method: Verb::POST,
            path: "/pets/7".into(),
            key_id: None,
        };
        serde_json::to_value(self.inspector().explain(&call).await.unwrap()).unwrap()
    }
}
