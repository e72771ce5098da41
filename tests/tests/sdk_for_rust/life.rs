//! The life of an API with a key and a plan.

use std::collections::HashMap;

use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::operation::get_api_key::GetApiKeyError;
use aws_sdk_apigateway::operation::get_rest_api::GetRestApiError;
use aws_sdk_apigateway::operation::get_usage_plan::GetUsagePlanError;
use aws_sdk_apigateway::types::{
    ApiKeySourceType, ApiStage, IntegrationType, Op, PatchOperation, QuotaPeriodType, QuotaSettings, ThrottleSettings,
};
use keyplan_tests::{Call, Stack};

use crate::{client, replace};

#[tokio::test]
async fn a_whole_life_goes_through_it() {
    let stack = Stack::start();
    let today = stack.advance_to_noon();
    let client = client(&stack);
    let api = deployed(&client).await;
    let call = |key: Option<&str>| {
        let call = Call::get(stack.url(&api, "prod", "/pets"));
        let answer = key.map_or(call.clone(), |key| call.header("x-api-key", key)).send();
        (answer.status, answer.body)
    };
    assert_eq!(call(None), (403, r#"{"message":"Forbidden"}"#.to_owned()));

    let plan = plan(&client, &api).await;
    let made = client.create_api_key().name("key").enabled(true).send().await.unwrap();
    let (key, value) = (made.id().unwrap().to_owned(), made.value().unwrap().to_owned());
    assert_eq!((made.name(), made.enabled(), value.len()), (Some("key"), true, 40));
    assert!(made.created_date().is_some() && made.created_date() == made.last_updated_date());
    assert_eq!(call(Some(&value)).0, 403, "a key without a plan opens nothing");

    let put = client.create_usage_plan_key().usage_plan_id(&plan).key_id(&key).key_type("API_KEY");
    let put = put.send().await.unwrap();
    assert_eq!((put.id(), put.name(), put.value()), (Some(&*key), Some("key"), Some(&*value)));
    assert_eq!(call(Some(&value)), (200, "a cat".to_owned()));
    assert_eq!(call(Some(&value)).0, 200);

    let usage = client.get_usage().usage_plan_id(&plan).start_date(&today).end_date(&today).send().await.unwrap();
    let pair = |used, left| HashMap::from([(key.clone(), vec![vec![used, left]])]);
    assert_eq!((usage.start_date(), usage.end_date()), (Some(&*today), Some(&*today)));
    assert_eq!(usage.items(), Some(&pair(2, 8)));
    let updated = client.update_usage().usage_plan_id(&plan).key_id(&key);
    let updated = updated.patch_operations(replace("/remaining", "1")).send().await.unwrap();
    assert_eq!((updated.usage_plan_id(), updated.items()), (Some(&*plan), Some(&pair(2, 1))));
    assert_eq!(call(Some(&value)).0, 200);
    assert_eq!(call(Some(&value)), (429, r#"{"message":"Limit Exceeded"}"#.to_owned()));

    let disabled = client.update_api_key().api_key(&key).patch_operations(replace("/enabled", "false"));
    assert!(!disabled.send().await.unwrap().enabled());
    assert_eq!(call(Some(&value)).0, 403);

    client.delete_usage_plan_key().usage_plan_id(&plan).key_id(&key).send().await.unwrap();
    client.delete_api_key().api_key(&key).send().await.unwrap();
    told!(client.get_api_key().api_key(&key), GetApiKeyError::NotFoundException);
    let stage = PatchOperation::builder().op(Op::Remove).path("/apiStages").value(format!("{api}:prod")).build();
    client.update_usage_plan().usage_plan_id(&plan).patch_operations(stage).send().await.unwrap();
    client.delete_usage_plan().usage_plan_id(&plan).send().await.unwrap();
    told!(client.get_usage_plan().usage_plan_id(&plan), GetUsagePlanError::NotFoundException);
    client.delete_rest_api().rest_api_id(&api).send().await.unwrap();
    told!(client.get_rest_api().rest_api_id(&api), GetRestApiError::NotFoundException);
    assert_eq!(call(Some(&value)).0, 403);
}

/// An API whose `GET /pets` requires a key and is a mock, at the stage `prod`.
async fn deployed(client: &Client) -> String {
    let api = client.create_rest_api().name("shop").description("pets").tags("a", "b").send().await.unwrap();
    assert_eq!(
        (api.name(), api.description(), api.api_key_source()),
        (Some("shop"), Some("pets"), Some(&ApiKeySourceType::Header))
    );
    assert_eq!(api.tags(), Some(&HashMap::from([("a".to_owned(), "b".to_owned())])));
    let (id, root) = (api.id().unwrap(), api.root_resource_id().unwrap());

    let resource = client.create_resource().rest_api_id(id).parent_id(root).path_part("pets").send().await.unwrap();
    assert_eq!((resource.path(), resource.parent_id()), (Some("/pets"), Some(root)));
    let resource = resource.id().unwrap();
    let method = client.put_method().rest_api_id(id).resource_id(resource).http_method("GET");
    let method = method.authorization_type("NONE").api_key_required(true).send().await.unwrap();
    assert_eq!((method.http_method(), method.api_key_required()), (Some("GET"), Some(true)));
    let integration = client.put_integration().rest_api_id(id).resource_id(resource).http_method("GET");
    let integration = integration.r#type(IntegrationType::Mock);
    let integration = integration.request_templates("application/json", r#"{"statusCode": 200}"#).send().await.unwrap();
    assert_eq!((integration.r#type(), integration.timeout_in_millis()), (Some(&IntegrationType::Mock), 29_000));
    let response = client.put_method_response().rest_api_id(id).resource_id(resource).http_method("GET");
    response.status_code("200").send().await.unwrap();
    let response = client.put_integration_response().rest_api_id(id).resource_id(resource).http_method("GET");
    response.status_code("200").response_templates("application/json", "a cat").send().await.unwrap();
    let method = client.get_method().rest_api_id(id).resource_id(resource).http_method("GET").send().await.unwrap();
    let responses = method.method_integration().unwrap().integration_responses().unwrap();
    assert_eq!(responses["200"].response_templates().unwrap()["application/json"], "a cat");

    let deployment = client.create_deployment().rest_api_id(id).send().await.unwrap();
    let deployment = deployment.id().unwrap();
    let stage = client.create_stage().rest_api_id(id).stage_name("prod").deployment_id(deployment);
    let stage = stage.variables("kind", "cats").send().await.unwrap();
    assert_eq!((stage.stage_name(), stage.deployment_id()), (Some("prod"), Some(deployment)));
    let stage = client.update_stage().rest_api_id(id).stage_name("prod");
    let stage = stage.patch_operations(replace("/*/*/throttling/rateLimit", "100.5")).send().await.unwrap();
    let settings = &stage.method_settings().unwrap()["*/*"];
    assert_eq!((settings.throttling_rate_limit(), settings.throttling_burst_limit()), (100.5, 5_000));
    assert_eq!(stage.variables().unwrap()["kind"], "cats");
    id.to_owned()
}

async fn plan(client: &Client, api: &str) -> String {
    let method = ThrottleSettings::builder().rate_limit(50.0).burst_limit(50).build();
    let quota = QuotaSettings::builder().limit(10).period(QuotaPeriodType::Month).build();
    let made = client
        .create_usage_plan()
        .name("plan")
        .api_stages(ApiStage::builder().api_id(api).stage("prod").throttle("/pets/GET", method).build())
        .throttle(ThrottleSettings::builder().rate_limit(99.5).burst_limit(100).build())
        .quota(quota.clone())
        .send()
        .await
        .unwrap();
    let id = made.id().unwrap();
    let shown = client.get_usage_plan().usage_plan_id(id).send().await.unwrap();
    assert_eq!((shown.name(), shown.quota()), (Some("plan"), Some(&quota)));
    assert_eq!((shown.throttle(), shown.api_stages()), (made.throttle(), made.api_stages()));
    assert_eq!(shown.api_stages()[0].throttle().unwrap()["/pets/GET"].rate_limit(), 50.0);
    id.to_owned()
}
