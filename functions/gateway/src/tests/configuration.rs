use std::time::Duration;

use keyplan_domain::api::GatewayResponse;
use keyplan_domain::api::GatewayResponseType::MissingAuthenticationToken;

use super::*;
use crate::testing::{mock, open_method, request, strings};

async fn bench() -> Bench {
    Bench::of(ApiKeySource::Header, open_method(mock("one"))).await
}

fn missing_token() -> (u16, Option<&'static str>, &'static str) {
    (403, Some("MissingAuthenticationTokenException"), "{\"message\":\"Missing Authentication Token\"}")
}

#[tokio::test]
async fn an_unknown_api_or_stage_is_forbidden() {
    let bench = bench().await;
    for path in ["/", "/nothing", "/nothing/prod/pets/7", &format!("/{API}/test/pets/7"), &format!("/{API}")] {
        assert_eq!(gist(&bench.call(request("GET", path)).await), FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_route_is_told_of_a_missing_token() {
    let bench = bench().await;
    for (verb, path) in [("GET", "/pets"), ("GET", "/"), ("TRACE", "/pets/7"), ("GET", "/pets/7/toys")] {
        let response = bench.call(request(verb, &format!("/{API}/prod{path}"))).await;
        assert_eq!(gist(&response), missing_token(), "{verb} {path}");
    }
}

#[tokio::test]
async fn a_disabled_endpoint_is_forbidden() {
    let bench = Bench::with(ApiKeySource::Header, |definition| {
        definition.api.disable_execute_api_endpoint = true;
        let methods = BTreeMap::from([("GET".to_owned(), open_method(mock("")))]);
        definition.methods.insert("pet001".into(), methods);
    })
    .await;
    assert_eq!(gist(&bench.call(get_pet()).await), FORBIDDEN);
}

#[tokio::test]
async fn a_change_acts_after_the_next_deployment_and_the_caches_life() {
    let bench = bench().await;
    assert_eq!(gist(&bench.call(get_pet()).await).2, "one");
    let two = |definition: &mut RestApiDefinition| {
        let methods = BTreeMap::from([("ANY".to_owned(), open_method(mock("two")))]);
        definition.methods.insert("pet001".into(), methods);
    };
    bench.edit(two).await;
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(gist(&bench.call(get_pet()).await).2, "one");
    bench.deploy().await;
    assert_eq!(gist(&bench.call(get_pet()).await).2, "one");
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(gist(&bench.call(get_pet()).await).2, "two");
}

#[tokio::test]
async fn what_is_forgotten_is_read_again_by_the_next_request() {
    let bench = bench().await;
    let path = format!("/{API}/test/pets/7");
    assert_eq!(bench.call(request("GET", &path)).await.status(), 403);
    bench
        .edit(|definition| {
            let prod = definition.stages["prod"].clone();
            let test = keyplan_domain::api::Stage { stage_name: "test".into(), uid: "stage2".into(), ..prod };
            definition.stages.insert("test".into(), test);
        })
        .await;
    assert_eq!(bench.call(request("GET", &path)).await.status(), 403);
    bench.gateway.drop_caches();
    assert_eq!(bench.call(request("GET", &path)).await.status(), 200);
}

#[tokio::test]
async fn gateway_responses_are_those_of_the_deployment() {
    let bench = Bench::with(ApiKeySource::Header, |definition| {
        let methods = BTreeMap::from([("GET".to_owned(), open_method(mock("")))]);
        definition.methods.insert("pet001".into(), methods);
        let response = GatewayResponse {
            response_type: MissingAuthenticationToken,
            status_code: Some("404".into()),
            response_parameters: BTreeMap::new(),
            response_templates: strings(&[("application/json", "{\"path\":\"$context.path\"}")]),
        };
        definition.gateway_responses.insert(MissingAuthenticationToken, response);
    })
    .await;
    let response = bench.call(request("GET", &format!("/{API}/prod/cats"))).await;
    assert_eq!(gist(&response), (404, missing_token().1, "{\"path\":\"/prod/cats\"}"));
}

#[tokio::test]
async fn what_is_not_supported_is_refused_and_takes_no_other_method_with_it() {
    let mut validated = open_method(mock(""));
    validated.request_validator_id = Some("val001".into());
    let mut signed = open_method(mock(""));
    signed.authorization_type = "AWS_IAM".into();
    let mut velocity = mock("#set($x = 1)");
    velocity.passthrough_behavior = "NEVER".into();
    let bench = Bench::with(ApiKeySource::Header, |definition| {
        let methods = definition.methods.entry("pet001".into()).or_default();
        methods.insert("PUT".into(), validated.clone());
        methods.insert("POST".into(), signed.clone());
        methods.insert("PATCH".into(), open_method(velocity.clone()));
        methods.insert("GET".into(), open_method(mock("ok")));
    })
    .await;
    for verb in ["PUT", "POST", "PATCH"] {
        let response = bench.call(request(verb, &format!("/{API}/prod/pets/7"))).await;
        let internal = "{\"message\":\"Internal server error\"}";
        assert_eq!(gist(&response), (500, Some("InternalServerErrorException"), internal), "{verb}");
    }
    assert_eq!(bench.call(get_pet()).await.status(), 200);
}

#[tokio::test]
async fn a_resource_policy_is_not_passed_over() {
    let bench = Bench::with(ApiKeySource::Header, |definition| {
        definition.api.policy = Some("{}".into());
        let methods = BTreeMap::from([("GET".to_owned(), open_method(mock("")))]);
        definition.methods.insert("pet001".into(), methods);
    })
    .await;
    assert_eq!(bench.call(get_pet()).await.status(), 500);
}
