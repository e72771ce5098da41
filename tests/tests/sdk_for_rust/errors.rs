//! Errors as the variants that the SDK has for them, with what they say.

use aws_sdk_apigateway::error::ProvideErrorMetadata;
use aws_sdk_apigateway::operation::create_api_key::CreateApiKeyError;
use aws_sdk_apigateway::operation::create_deployment::CreateDeploymentError;
use aws_sdk_apigateway::operation::create_rest_api::CreateRestApiError;
use aws_sdk_apigateway::operation::create_usage_plan::CreateUsagePlanError;
use aws_sdk_apigateway::operation::create_usage_plan_key::CreateUsagePlanKeyError;
use aws_sdk_apigateway::operation::delete_gateway_response::DeleteGatewayResponseError;
use aws_sdk_apigateway::operation::get_api_key::GetApiKeyError;
use aws_sdk_apigateway::operation::get_usage::GetUsageError;
use aws_sdk_apigateway::operation::update_stage::UpdateStageError;
use aws_sdk_apigateway::types::{ApiKeySourceType, ApiStage, GatewayResponseType, QuotaSettings};
use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::{Dynamodb, DynamodbProxy, Stack};
use tokio::runtime::Runtime;

use crate::{client, client_as, replace};

/// The code of an error that the SDK's model has no variant for, and its text.
macro_rules! unmodelled {
    ($call:expr) => {{
        let error = $call.send().await.unwrap_err().into_service_error();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        (text(error.code()), text(error.message()))
    }};
}

#[tokio::test]
async fn each_error_is_the_variant_of_its_name() {
    let stack = Stack::start();
    let client = client(&stack);
    assert_eq!(
        told!(client.get_api_key().api_key("nothing"), GetApiKeyError::NotFoundException),
        "Invalid API Key identifier specified"
    );
    assert_eq!(
        told!(
            client.get_usage().usage_plan_id("nothing").start_date("2026-11-23").end_date("2026-11-23"),
            GetUsageError::NotFoundException
        ),
        "Invalid Usage Plan ID specified"
    );
    let same = || client.create_api_key().value("twenty-characters-at-least");
    same().send().await.unwrap();
    assert_eq!(told!(same(), CreateApiKeyError::ConflictException), "API Key already exists");
    assert_eq!(
        told!(client.create_api_key().value("short"), CreateApiKeyError::BadRequestException),
        "API Key value should be at least 20 characters"
    );
    let nothing = QuotaSettings::builder().limit(0).build();
    assert_eq!(
        told!(client.create_usage_plan().name("p").quota(nothing), CreateUsagePlanError::BadRequestException),
        "Usage Plan quota limit must be a non-negative numeric"
    );
    let missing = ApiStage::builder().api_id("nothing").stage("prod").build();
    assert_eq!(
        told!(client.create_usage_plan().name("p").api_stages(missing), CreateUsagePlanError::NotFoundException),
        "API Stage not found: nothing:prod"
    );
    let api = client.create_rest_api().name("api").send().await.unwrap();
    assert_eq!(
        told!(
            client
                .update_stage()
                .rest_api_id(api.id().unwrap())
                .stage_name("nothing")
                .patch_operations(replace("/description", "d")),
            UpdateStageError::NotFoundException
        ),
        "Invalid stage identifier specified"
    );
    let response = client.delete_gateway_response().rest_api_id(api.id().unwrap());
    assert_eq!(
        told!(response.response_type(GatewayResponseType::Throttled), DeleteGatewayResponseError::NotFoundException),
        "Gateway response type not defined on api"
    );
    assert_eq!(
        told!(client.create_deployment().rest_api_id(api.id().unwrap()), CreateDeploymentError::BadRequestException),
        "The REST API doesn't contain any methods"
    );
    assert_eq!(
        told!(client.create_rest_api().name("api").description(""), CreateRestApiError::BadRequestException),
        "Description cannot be an empty string"
    );
}

#[tokio::test]
async fn a_keys_eleventh_plan_is_beyond_a_limit() {
    let stack = Stack::start();
    let client = client(&stack);
    let key = client.create_api_key().name("key").send().await.unwrap();
    let key = key.id().unwrap();
    for number in 0..=10 {
        let plan = client.create_usage_plan().name("plan").send().await.unwrap();
        let put = client.create_usage_plan_key().usage_plan_id(plan.id().unwrap()).key_id(key).key_type("API_KEY");
        if number < 10 {
            put.send().await.unwrap();
            continue;
        }
        let text = told!(put, CreateUsagePlanKeyError::LimitExceededException);
        assert_eq!(text, format!("API Key {key} is in 10 Usage Plans, the most that it can be in"));
    }
}

#[tokio::test]
async fn what_the_model_has_no_variant_for_is_told_by_its_code() {
    let stack = Stack::start();
    assert_eq!(
        unmodelled!(client(&stack).create_rest_api().name("api").api_key_source(ApiKeySourceType::from("COOKIE"))),
        (
            "ValidationException".to_owned(),
            "1 validation error detected: Value 'COOKIE' at 'createRestApiInput.apiKeySource' failed to satisfy \
             constraint: Member must satisfy enum value set: [HEADER, AUTHORIZER]"
                .to_owned()
        )
    );
    let (code, _) = unmodelled!(client_as(&stack, "local", "another").get_api_keys());
    assert_eq!(code, "InvalidSignatureException");
    let (code, _) = unmodelled!(client_as(&stack, "nobody", "local").get_api_keys());
    assert_eq!(code, "UnrecognizedClientException");
}

/// Not by an attribute, since a DynamoDB has a runtime of its own, which may not
/// end within another.
#[test]
fn while_dynamodb_is_out_the_service_is_unavailable() {
    let dynamodb = Dynamodb::start();
    let proxy = DynamodbProxy::before(&dynamodb.url);
    let stack = Stack::with(&["--dynamodb-endpoint", &proxy.url]);
    proxy.inject(0, vec![Rule::new(Fault::InternalServerError)]);
    Runtime::new().unwrap().block_on(async {
        let deployment = client(&stack).create_deployment().rest_api_id("abcdefghij");
        assert_eq!(told!(deployment, CreateDeploymentError::ServiceUnavailableException), "Service Unavailable");
    });
}
