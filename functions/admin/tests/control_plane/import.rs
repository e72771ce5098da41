//! ImportApiKeys.

use std::fmt::Write as _;

use http::StatusCode;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{Control, text};

const IMPORT: &str = "/apikeys?mode=import&format=csv";
const STRICT: &str = "/apikeys?mode=import&format=csv&failonwarnings=true";
const VALUE: &str = "apikey1234abcdefghij0123456789";

async fn plan(control: &Control, stages: Value) -> String {
    text(&control.post("/usageplans", json!({"name": "p", "apiStages": stages})).await.created(), "id")
}

async fn key(control: &Control, id: &Value) -> Value {
    control.get(&format!("/apikeys/{}?includeValue=true", id.as_str().unwrap())).await.ok()
}

async fn count(control: &Control) -> usize {
    control.get("/apikeys?limit=500").await.ok()["item"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_guides_file_makes_a_key_in_two_plans() {
    let control = Control::start().await;
    let (a, b) = (plan(&control, json!([])).await, plan(&control, json!([])).await);
    let file = format!("Enabled,Name,key,UsageplanIds,Other\r\ntrue,MyFirstApiKey,{VALUE},\"{a},{b}\",ignored\r\n");
    let imported = control.call("POST", IMPORT, &file).await.created();
    assert_json_snapshot!(imported, {".ids[]" => "[id]"}, @r#"
    {
      "ids": [
        "[id]"
      ],
      "warnings": []
    }
    "#);
    assert_json_snapshot!(key(&control, &imported["ids"][0]).await, {".id" => "[id]"}, @r#"
    {
      "createdDate": 1795435200,
      "enabled": true,
      "id": "[id]",
      "lastUpdatedDate": 1795435200,
      "name": "MyFirstApiKey",
      "stageKeys": [],
      "tags": {},
      "value": "apikey1234abcdefghij0123456789"
    }
    "#);
    for plan in [a, b] {
        let keys = control.get(&format!("/usageplans/{plan}/keys")).await.ok();
        assert_eq!((&keys["item"][0]["id"], &keys["item"][0]["value"]), (&imported["ids"][0], &json!(VALUE)));
    }
}

#[tokio::test]
async fn a_key_that_has_the_value_is_overwritten() {
    let control = Control::start().await;
    let body = json!({"name": "old", "description": "d", "value": VALUE, "customerId": "c", "tags": {"t": "v"}});
    let made = control.post("/apikeys", body).await.created();
    let file = format!("name,key,enabled\nnew,{VALUE},TRUE\n");
    let imported = control.call("POST", STRICT, &file).await.created();
    assert_eq!(imported, json!({"ids": [made["id"]], "warnings": []}));
    let expected = json!({
        "id": made["id"], "value": VALUE, "name": "new", "enabled": true, "customerId": "c", "tags": {"t": "v"},
        "createdDate": made["createdDate"], "lastUpdatedDate": made["lastUpdatedDate"], "stageKeys": [],
    });
    assert_eq!(key(&control, &made["id"]).await, expected);
    assert_eq!(count(&control).await, 1);
}

#[tokio::test]
async fn a_bad_row_is_a_warning_and_under_failonwarnings_the_end_of_all() {
    let control = Control::start().await;
    let plan = plan(&control, json!([])).await;
    let file = format!(
        "key,name,enabled,usagePlanIds\nfirst-{VALUE},a,,{plan}\ntoo-short,b,,\nthird-{VALUE},c,,secret-{VALUE}\n\
         fourth-{VALUE},\"d\nd\",maybe,\nfifth-{VALUE},e,,{plan},more\nlast-{VALUE},f,false,\n"
    );
    let refused = control.call("POST", STRICT, &file).await;
    assert_eq!(
        refused.error(),
        "400 BadRequestException: No API Key was imported: Line 3: API Key value should be at least 20 characters; \
         Line 5: Enabled must be TRUE or FALSE; Line 7: The row has more fields than the file has columns"
    );
    assert_eq!(count(&control).await, 0);

    let imported = control.call("POST", IMPORT, &file).await.created();
    assert_json_snapshot!(imported, {".ids[]" => "[id]"}, @r#"
    {
      "ids": [
        "[id]",
        "[id]"
      ],
      "warnings": [
        "Line 3: API Key value should be at least 20 characters",
        "Line 4: Invalid Usage Plan ID specified",
        "Line 5: Enabled must be TRUE or FALSE",
        "Line 7: The row has more fields than the file has columns"
      ]
    }
    "#);
    assert_eq!(key(&control, &imported["ids"][1]).await["name"], "f");
    assert_eq!(count(&control).await, 2);

    let only_the_plan = format!("key,name,usagePlanIds\nnew-{VALUE},a,{plan}\nthird-{VALUE},c,none\n");
    assert_eq!(
        control.call("POST", STRICT, &only_the_plan).await.error(),
        "400 BadRequestException: No API Key was imported: Line 3: Invalid Usage Plan ID specified"
    );
    assert_eq!(count(&control).await, 2);
}

#[tokio::test]
async fn an_import_brings_no_key_into_two_plans_of_a_stage() {
    let control = Control::start().await;
    let api = control.post("/restapis", json!({"name": "a"})).await.created();
    let (api, root) = (text(&api, "id"), text(&api, "rootResourceId"));
    let method = format!("/restapis/{api}/resources/{root}/methods/GET");
    control.put(&method, json!({"authorizationType": "NONE"})).await.created();
    control.put(&format!("{method}/integration"), json!({"type": "MOCK"})).await.created();
    control.post(&format!("/restapis/{api}/deployments"), json!({"stageName": "prod"})).await.created();
    let stages = json!([{"apiId": api, "stage": "prod"}]);
    let (a, b, free) =
        (plan(&control, stages.clone()).await, plan(&control, stages).await, plan(&control, json!([])).await);
    let both = |first: &str, second: &str| {
        format!("Line 2: The API Key cannot be in Usage Plans {second} and {first}: both have the API Stage {api}:prod")
    };

    let file = format!("name,key,usagePlanIds\nn,{VALUE},'{a},{b}'\n");
    let imported = control.call("POST", IMPORT, &file).await.created();
    assert_eq!(imported, json!({"ids": [], "warnings": [both(&a, &b)]}));
    assert_eq!(count(&control).await, 0);

    let with = |plan: &str| format!("name,key,usagePlanIds\nn,{VALUE},{plan}\n");
    control.call("POST", STRICT, &with(&a)).await.created();
    let refused = control.call("POST", STRICT, &with(&b)).await;
    assert_eq!(refused.error(), format!("400 BadRequestException: No API Key was imported: {}", both(&a, &b)));
    // From the other side.
    control.call("POST", STRICT, &with(&free)).await.created();
    let added = control.patch(&format!("/usageplans/{free}"), &[("add", "/apiStages", &format!("{api}:prod"))]).await;
    assert_eq!((added.status, added.kind.as_str()), (409, "ConflictException"));
}

#[tokio::test]
async fn what_is_no_file_of_keys_is_refused() {
    let control = Control::start().await;
    let row = format!("n,{VALUE}");
    for (path, file, expected) in [
        (IMPORT, String::new(), "BadRequestException: The API Key file is empty"),
        (IMPORT, format!("name,value\n{row}"), "BadRequestException: The API Key file has no column Key"),
        (IMPORT, format!("key\n{VALUE}"), "BadRequestException: The API Key file has no column Name"),
        (
            IMPORT,
            format!("name,key\n\"n,{VALUE}\n{row}"),
            "BadRequestException: A quote in the row of line 2 of the API Key file is not closed",
        ),
        (
            "/apikeys?mode=import",
            row.clone(),
            "ValidationException: 1 validation error detected: Value null at 'format' failed to satisfy constraint: \
             Member must not be null",
        ),
        (
            "/apikeys?mode=import&format=xml",
            row.clone(),
            "ValidationException: 1 validation error detected: Value 'xml' at 'format' failed to satisfy constraint: \
             Member must satisfy enum value set: [csv]",
        ),
    ] {
        assert_eq!(control.call("POST", path, &file).await.error(), format!("400 {expected}"), "{file}");
    }
    assert_eq!(control.call("POST", IMPORT, "name,key\n").await.created(), json!({"ids": [], "warnings": []}));
    let large = control.call("POST", IMPORT, &"x".repeat(10 * 1024 * 1024 + 1)).await;
    assert_eq!((large.status, large.kind.as_str()), (413, "RequestEntityTooLargeException"));
    assert_eq!(count(&control).await, 0);
}

#[tokio::test]
async fn a_file_of_many_rows_is_imported_whole_and_one_of_too_many_not_at_all() {
    let control = Control::start().await;
    let file = |rows: usize| {
        (0..rows).fold("name,key\n".to_owned(), |mut file, row| {
            let _ = writeln!(file, "k{row},a-value-of-20-characters-{row}");
            file
        })
    };
    let imported = control.call("POST", STRICT, &file(430)).await.created();
    assert_eq!(imported["ids"].as_array().unwrap().len(), 430);
    assert_eq!(count(&control).await, 430);
    let refused = control.call("POST", IMPORT, &file(10_001)).await;
    assert_eq!(refused.error(), "400 BadRequestException: The API Key file has more than 10000 rows");
    assert_eq!(refused.status, StatusCode::BAD_REQUEST.as_u16());
}
