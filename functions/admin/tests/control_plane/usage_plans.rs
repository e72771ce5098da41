use http::StatusCode;
use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{Control, text};

const UNKNOWN_PLAN: &str = "404 NotFoundException: Invalid Usage Plan ID specified";

async fn plan(control: &Control, body: serde_json::Value) -> String {
    text(&control.post("/usageplans", body).await.created(), "id")
}

async fn key(control: &Control) -> String {
    text(&control.post("/apikeys", json!({"name": "k", "value": "a-value-of-20-characters"})).await.created(), "id")
}

/// An API with a method and a stage `prod`.
async fn deployed_api(control: &Control) -> String {
    let api = control.post("/restapis", json!({"name": "a"})).await.created();
    let (id, root) = (text(&api, "id"), text(&api, "rootResourceId"));
    let method = format!("/restapis/{id}/resources/{root}/methods/GET");
    control.put(&method, json!({"authorizationType": "NONE"})).await.created();
    control.put(&format!("{method}/integration"), json!({"type": "MOCK"})).await.created();
    control.post(&format!("/restapis/{id}/deployments"), json!({"stageName": "prod"})).await.created();
    id
}

#[tokio::test]
async fn a_plan_is_made_shown_changed_and_deleted_as_recorded() {
    let control = Control::start().await;
    let made = control.post("/usageplans", json!({"name": "n"})).await.created();
    assert_json_snapshot!(made, {".id" => "[id]"}, @r#"
    {
      "apiStages": [],
      "id": "[id]",
      "name": "n"
    }
    "#);
    let path = format!("/usageplans/{}", text(&made, "id"));
    assert_eq!(control.get(&path).await.ok()["tags"], json!({}));
    let operations = [("replace", "/quota/limit", "10"), ("replace", "/quota/period", "DAY")];
    let changed = control.patch(&path, &operations).await.ok();
    assert_eq!(changed["quota"], json!({"limit": 10, "offset": 0, "period": "DAY"}));
    control.delete(&path).await.expect(StatusCode::ACCEPTED);
    for answer in [control.get(&path).await, control.patch(&path, &operations).await, control.delete(&path).await] {
        assert_eq!(answer.error(), UNKNOWN_PLAN);
    }
}

#[tokio::test]
async fn a_stage_that_does_not_exist_cannot_be_in_a_plan() {
    let control = Control::start().await;
    let body = json!({"name": "n", "apiStages": [{"apiId": "none", "stage": "prod"}]});
    let missing = "404 NotFoundException: API Stage not found: none:prod";
    assert_eq!(control.post("/usageplans", body).await.error(), missing);
    let plan = plan(&control, json!({"name": "n"})).await;
    let path = format!("/usageplans/{plan}");
    assert_eq!(control.patch(&path, &[("add", "/apiStages", "none:prod")]).await.error(), missing);
    assert_eq!(
        control.patch(&path, &[("remove", "/apiStages", "none:prod")]).await.error(),
        format!("404 NotFoundException: Invalid API Stage {{api: none, stage: prod}} specified for usageplan {plan}")
    );
}

#[tokio::test]
async fn a_plan_with_stages_stays_until_they_are_gone() {
    let control = Control::start().await;
    let api = deployed_api(&control).await;
    let stages = json!([{"apiId": api, "stage": "prod"}]);
    let path = format!("/usageplans/{}", plan(&control, json!({"name": "n", "apiStages": stages})).await);
    let refused = control.delete(&path).await.error();
    assert!(refused.starts_with("400 BadRequestException: Cannot delete Usage Plan "), "{refused}");
    assert!(refused.ends_with(&format!(" because there are API Stages associated with it, including {api}:prod")));
    control.delete(&format!("/restapis/{api}/stages/prod")).await.expect(StatusCode::ACCEPTED);
    assert_eq!(control.get(&path).await.ok()["apiStages"], json!([]));
    control.delete(&path).await.expect(StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_key_is_added_to_a_plan_shown_with_its_value_and_removed() {
    let control = Control::start().await;
    let (plan, key) = (plan(&control, json!({"name": "n"})).await, key(&control).await);
    let keys = format!("/usageplans/{plan}/keys");
    let shown = json!({"id": key, "name": "k", "type": "API_KEY", "value": "a-value-of-20-characters"});
    let body = json!({"keyId": key, "keyType": "API_KEY"});
    assert_eq!(control.post(&keys, body.clone()).await.created(), shown);
    assert_eq!(control.get(&keys).await.ok(), json!({"item": [shown]}));
    assert_eq!(control.get(&format!("{keys}?name=x")).await.ok(), json!({"item": []}));
    assert_eq!(control.get(&format!("{keys}/{key}")).await.ok(), shown);
    assert_eq!(control.get(&format!("/usageplans?keyId={key}")).await.ok()["item"][0]["id"], json!(plan));

    let again = control.post(&keys, body.clone()).await;
    assert_eq!(again.error(), format!("409 ConflictException: API Key {key} is already in Usage Plan {plan}"));
    assert_eq!(
        control.post(&keys, json!({"keyId": "none", "keyType": "API_KEY"})).await.error(),
        "404 NotFoundException: Invalid API Key identifier specified"
    );
    assert_eq!(control.post("/usageplans/none/keys", body).await.error(), UNKNOWN_PLAN);

    control.delete(&format!("{keys}/{key}")).await.expect(StatusCode::ACCEPTED);
    for answer in [control.get(&format!("{keys}/{key}")).await, control.delete(&format!("{keys}/{key}")).await] {
        assert_eq!(answer.error(), "404 NotFoundException: Invalid Usage Plan Key identifier specified");
    }
}

#[tokio::test]
async fn the_keys_of_an_unknown_plan_are_an_empty_list() {
    let control = Control::start().await;
    assert_eq!(control.get("/usageplans/none/keys").await.ok(), json!({"item": []}));
}

#[tokio::test]
async fn a_key_is_never_in_two_plans_of_a_stage() {
    let control = Control::start().await;
    let (api, key) = (deployed_api(&control).await, key(&control).await);
    let stages = json!([{"apiId": api, "stage": "prod"}]);
    let first = plan(&control, json!({"name": "first", "apiStages": stages})).await;
    let second = plan(&control, json!({"name": "second", "apiStages": stages})).await;
    let third = plan(&control, json!({"name": "third"})).await;
    let body = json!({"keyId": key, "keyType": "API_KEY"});
    control.post(&format!("/usageplans/{first}/keys"), body.clone()).await.created();
    let both = |plan: &str| {
        format!(
            "409 ConflictException: API Key {key} cannot be in Usage Plan {plan}: it is in Usage Plan {first}, which has \
             the API Stage {api}:prod too"
        )
    };
    assert_eq!(control.post(&format!("/usageplans/{second}/keys"), body.clone()).await.error(), both(&second));
    control.post(&format!("/usageplans/{third}/keys"), body).await.created();
    let stage = format!("{api}:prod");
    let refused = control.patch(&format!("/usageplans/{third}"), &[("add", "/apiStages", &stage)]).await;
    assert_eq!(refused.error(), both(&third));
}

#[tokio::test]
async fn usage_is_told_by_key_id_and_day_and_what_remains_can_be_set() {
    let control = Control::start().await;
    let quota = json!({"limit": 5000, "period": "DAY"});
    let (plan, key) = (plan(&control, json!({"name": "n", "quota": quota})).await, key(&control).await);
    let keys = format!("/usageplans/{plan}/keys");
    control.post(&keys, json!({"keyId": key, "keyType": "API_KEY"})).await.created();

    let remaining = format!("{keys}/{key}/usage");
    let set = control.patch(&remaining, &[("replace", "/remaining", "10")]).await.ok();
    let pair = json!({key.clone(): [[0, 10]]});
    assert_eq!(set, json!({"usagePlanId": plan, "startDate": "2026-11-23", "endDate": "2026-11-23", "values": pair}));
    let days = "startDate=2026-11-22&endDate=2026-11-23";
    let shown = json!({
        "usagePlanId": plan, "startDate": "2026-11-22", "endDate": "2026-11-23",
        "values": {key.clone(): [[0, 5000], [0, 10]]},
    });
    assert_eq!(control.get(&format!("/usageplans/{plan}/usage?{days}")).await.ok(), shown);
    assert_eq!(control.get(&format!("/usageplans/{plan}/usage?{days}&keyId={key}")).await.ok(), shown);

    let unknown_key = "404 NotFoundException: Invalid Key identifier specified";
    assert_eq!(control.get(&format!("/usageplans/{plan}/usage?{days}&keyId=none")).await.error(), unknown_key);
    assert_eq!(control.get(&format!("/usageplans/none/usage?{days}")).await.error(), UNKNOWN_PLAN);
    assert_eq!(control.patch(&format!("{keys}/none/usage"), &[]).await.error(), unknown_key);
    assert_eq!(
        control.patch(&remaining, &[("add", "/remaining", "1")]).await.error(),
        "400 BadRequestException: Invalid patch path  '/remaining' specified for op 'add'. Must be one of: [/remaining]"
    );
}

#[tokio::test]
async fn nothing_remains_of_no_quota() {
    let control = Control::start().await;
    let (plan, key) = (plan(&control, json!({"name": "n"})).await, key(&control).await);
    let keys = format!("/usageplans/{plan}/keys");
    control.post(&keys, json!({"keyId": key, "keyType": "API_KEY"})).await.created();
    let day = "startDate=2026-11-23&endDate=2026-11-23";
    let usage = control.get(&format!("/usageplans/{plan}/usage?{day}")).await.ok();
    assert_eq!(usage["values"], json!({key.clone(): [[0, -1]]}));
    let refused = control.patch(&format!("{keys}/{key}/usage"), &[("replace", "/remaining", "1")]).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn a_lease_cap_that_is_none_is_refused_as_a_tag_of_plans_and_of_nothing_else() {
    let control = Control::start().await;
    let cap = |cap: &str| json!({"name": "n", "tags": {"keyplan:leaseCap": cap}});
    let plan = text(&control.post("/usageplans", cap("10")).await.created(), "id");
    let key = text(&control.post("/apikeys", json!({})).await.created(), "id");
    let tags = |path: &str| format!("/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2F{path}");
    let message = "Invalid tag value: tag keyplan:leaseCap must be a whole number of at least 1";
    for wrong in ["0", "-1", "1.5", "ten", "", "4294967296"] {
        let made = control.post("/usageplans", cap(wrong)).await;
        assert_eq!((made.status, made.body["message"].as_str()), (400, Some(message)), "{wrong}");
        let tagged = control.put(&tags(&format!("usageplans%2F{plan}")), cap(wrong)).await;
        assert_eq!((tagged.status, tagged.body["message"].as_str()), (400, Some(message)), "{wrong}");
        let other = control.put(&tags(&format!("apikeys%2F{key}")), cap(wrong)).await;
        assert_eq!(other.status, 204, "{wrong}");
    }
    assert_eq!(control.get(&format!("/usageplans/{plan}")).await.ok()["tags"], json!({"keyplan:leaseCap": "10"}));
}

#[tokio::test]
async fn plans_of_a_key_go_on_where_they_were_though_the_last_one_shown_is_gone() {
    let control = Control::start().await;
    let key = key(&control).await;
    let mut plans = Vec::new();
    for name in ["a", "b", "c"] {
        let plan = plan(&control, json!({"name": name})).await;
        let plan_key = json!({"keyId": key, "keyType": "API_KEY"});
        control.post(&format!("/usageplans/{plan}/keys"), plan_key).await.created();
        plans.push(plan);
    }
    let page = async |position: &str| {
        let page = control.get(&format!("/usageplans?keyId={key}&limit=1{position}")).await.ok();
        (text(&page["item"][0], "name"), page["position"].as_str().map(|position| format!("&position={position}")))
    };
    let (first, after_first) = page("").await;
    let (second, after_second) = page(&after_first.unwrap()).await;
    let after_second = after_second.unwrap();
    assert_eq!(control.delete(&format!("/usageplans/{}", plans[1])).await.status, 202);
    let (third, end) = page(&after_second).await;
    assert_eq!((first.as_str(), second.as_str(), third.as_str(), end), ("a", "b", "c", None));
    for odd in ["x", "1", "x:y", "-1:y"] {
        let refused = control.get(&format!("/usageplans?keyId={key}&position={odd}")).await.error();
        assert_eq!(refused, "400 BadRequestException: Invalid position specified");
    }
}
