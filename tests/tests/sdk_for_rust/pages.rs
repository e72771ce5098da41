//! The SDK's paginators: each finds everything once, in the order of the whole.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::types::{
    ApiKey, Deployment, IntegrationType, Model, Resource, RestApi, UsagePlan, UsagePlanKey,
};
use keyplan_tests::Stack;

use crate::client;

/// More than fit on two pages, and not by one page's measure.
const COUNT: usize = 5;

/// Goes through a list by pages of one, two and three, and holds what they show
/// against the whole.
macro_rules! check {
    ($list:expr, $of:ty, $name:ident) => {{
        let name = |item: &$of| item.$name().unwrap().to_owned();
        let whole = $list.limit(500).send().await.unwrap();
        assert_eq!(whole.position(), None);
        let whole: Vec<String> = whole.items().iter().map(name).collect();
        assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), whole.len(), "each is another");
        assert!(whole.len() >= COUNT, "{whole:?}");
        for size in [1, 2, 3] {
            let mut found: Vec<String> = Vec::new();
            let mut pages = 0;
            let mut paginator = $list.into_paginator().page_size(size).send();
            while let Some(page) = paginator.next().await {
                found.extend(page.unwrap().items().iter().map(name));
                pages += 1;
            }
            assert_eq!(found, whole, "{} by {size}", stringify!($list));
            assert_eq!(pages, whole.len().div_ceil(usize::try_from(size).unwrap()));
            let items = $list.into_paginator().page_size(size).items().send();
            let items = items.collect::<Result<Vec<_>, _>>().await.unwrap();
            assert_eq!(items.iter().map(name).collect::<Vec<_>>(), whole, "{} by {size}", stringify!($list));
        }
    }};
}

#[tokio::test]
async fn its_paginators_find_every_key_plan_and_usage_once() {
    let stack = Stack::start();
    let today = stack.advance_to_noon();
    let client = client(&stack);
    let mut plans = Vec::new();
    for number in 0..COUNT {
        let plan = client.create_usage_plan().name(format!("plan {number}")).send().await.unwrap();
        plans.push(plan.id().unwrap().to_owned());
    }
    for number in 0..COUNT + 2 {
        let key = client.create_api_key().name(format!("key {number}")).send().await.unwrap();
        let put = client.create_usage_plan_key().usage_plan_id(&plans[0]).key_id(key.id().unwrap());
        put.key_type("API_KEY").send().await.unwrap();
    }
    check!(client.get_api_keys(), ApiKey, id);
    check!(client.get_api_keys().include_values(true), ApiKey, value);
    check!(client.get_usage_plans(), UsagePlan, id);
    check!(client.get_usage_plan_keys().usage_plan_id(&plans[0]), UsagePlanKey, value);

    let usage = || client.get_usage().usage_plan_id(&plans[0]).start_date(&today).end_date(&today);
    let whole = usage().limit(500).send().await.unwrap().items().unwrap().clone();
    assert_eq!(whole.len(), COUNT + 2);
    for size in [1, 2, 3] {
        let mut found = BTreeMap::new();
        let mut paginator = usage().into_paginator().page_size(size).send();
        while let Some(page) = paginator.next().await {
            for (key, days) in page.unwrap().items().unwrap() {
                assert_eq!(found.insert(key.clone(), days.clone()), None, "{key} is shown twice");
            }
        }
        assert_eq!(found, whole.clone().into_iter().collect(), "by {size}");
    }
}

#[tokio::test]
async fn its_paginators_find_everything_of_an_api_once() {
    let stack = Stack::start();
    let client = client(&stack);
    for number in 1..COUNT {
        client.create_rest_api().name(format!("api {number}")).send().await.unwrap();
    }
    let api = api(&client).await;
    check!(client.get_rest_apis(), RestApi, id);
    check!(client.get_resources().rest_api_id(&api), Resource, path);
    check!(client.get_resources().rest_api_id(&api).embed("methods"), Resource, path);
    check!(client.get_deployments().rest_api_id(&api), Deployment, id);
    check!(client.get_models().rest_api_id(&api), Model, name);
}

/// One with as many of each as matter.
async fn api(client: &Client) -> String {
    let api = client.create_rest_api().name("api").send().await.unwrap();
    let (id, root) = (api.id().unwrap(), api.root_resource_id().unwrap());
    let method = client.put_method().rest_api_id(id).resource_id(root).http_method("GET");
    method.authorization_type("NONE").send().await.unwrap();
    let integration = client.put_integration().rest_api_id(id).resource_id(root).http_method("GET");
    integration.r#type(IntegrationType::Mock).send().await.unwrap();
    for number in 0..COUNT {
        let resource = client.create_resource().rest_api_id(id).parent_id(root).path_part(format!("r{number}"));
        resource.send().await.unwrap();
        let model = client.create_model().rest_api_id(id).name(format!("Model{number}"));
        model.content_type("application/json").schema("{}").send().await.unwrap();
        client.create_deployment().rest_api_id(id).send().await.unwrap();
    }
    id.to_owned()
}
