//! ImportApiKeys through the AWS CLI: from a file of keys to calls that they open.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

use std::fmt::Write as _;

use keyplan_tests::{AwsError, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

/// `aws apigateway import-api-keys` of a file of this content.
fn import(stack: &Stack, file: &str, flags: &str) -> Result<Value, AwsError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.csv");
    std::fs::write(&path, file).unwrap();
    stack.try_aws(&format!("apigateway import-api-keys --body fileb://{} --format csv {flags}", path.display()))
}

#[test]
fn imported_keys_open_the_stages_of_their_plans_at_once() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/pets", json!({"apiKeyRequired": true}), "{}");
    api.deploy("prod", &json!({}));
    let call = |value: &str| api.get("/pets").header("x-api-key", value).send().status;
    let plan = UsagePlan::create(&stack, "basic", &[(&api.id, "prod")], json!({}));
    let other = UsagePlan::create(&stack, "other", &[], json!({}));
    let (alice, bob) = ("alices-key-0123456789abcdefghij", "bobs-key-0123456789abcdefghijkl");
    assert_eq!((call(alice), call(bob)), (403, 403));

    let file = format!(
        "Name,KEY,description,Enabled,usageplanIds,team\n\
         alice,{alice},\"the first, of two\",TRUE,\"{0},{1}\",red\n\
         bob,{bob},,FALSE,{0},blue\n\
         carol,too-short,,,,\n",
        plan.id, other.id
    );
    let error = import(&stack, &file, "--fail-on-warnings").unwrap_err();
    assert_eq!(
        error.message,
        "An error occurred (BadRequestException) when calling the ImportApiKeys operation: No API Key was imported: \
         Line 4: API Key value should be at least 20 characters"
    );
    assert_eq!(stack.aws("apigateway get-api-keys")["items"], json!([]));

    let imported = import(&stack, &file, "").unwrap();
    assert_eq!(imported["warnings"], json!(["Line 4: API Key value should be at least 20 characters"]));
    let ids = imported["ids"].as_array().unwrap();
    assert_eq!((ids.len(), call(alice), call(bob)), (2, 200, 403));
    let shown = stack.aws(&format!("apigateway get-api-key --include-value --api-key {}", ids[0].as_str().unwrap()));
    assert_eq!(
        (&shown["name"], &shown["value"], &shown["description"]),
        (&json!("alice"), &json!(alice), &json!("the first, of two"))
    );
    for plan in [&plan, &other] {
        let keys = stack.aws(&format!("apigateway get-usage-plan-keys --usage-plan-id {}", plan.id));
        assert!(keys["items"].as_array().unwrap().iter().any(|key| key["id"] == ids[0]), "{keys}");
    }

    // The same keys the other way round.
    let file = format!("key,name,enabled\n{alice},alice,false\n{bob},robert,true\n");
    let again = import(&stack, &file, "--fail-on-warnings").unwrap();
    assert_eq!(again, json!({"ids": ids, "warnings": []}));
    assert_eq!((call(alice), call(bob)), (403, 200));
}

#[test]
fn a_file_that_is_none_is_refused_as_a_whole() {
    let stack = Stack::start();
    let refused = |file: &str| import(&stack, file, "").unwrap_err().message;
    let error = "An error occurred (BadRequestException) when calling the ImportApiKeys operation: The API Key file";
    assert_eq!(refused(""), format!("{error} is empty"));
    assert_eq!(refused("name,value\nn,v\n"), format!("{error} has no column Key"));
    let xml = stack.try_aws("apigateway import-api-keys --body name,key --format xml").unwrap_err().message;
    assert!(xml.contains("(ValidationException)") && xml.ends_with("enum value set: [csv]"), "{xml}");
}

#[test]
fn a_file_of_two_thousand_keys_is_imported_while_the_client_waits() {
    let stack = Stack::start();
    let plan = UsagePlan::create(&stack, "basic", &[], json!({}));
    let file = (0..2_000).fold("name,key,usagePlanIds\n".to_owned(), |mut file, row| {
        let _ = writeln!(file, "k{row},a-value-of-20-characters-{row},{}", plan.id);
        file
    });
    let imported = import(&stack, &file, "--fail-on-warnings").unwrap();
    assert_eq!(imported["ids"].as_array().unwrap().len(), 2_000);
    let last = imported["ids"][1_999].as_str().unwrap();
    let key = stack.aws(&format!("apigateway get-usage-plan-key --usage-plan-id {} --key-id {last}", plan.id));
    assert_eq!(key["name"], "k1999");
}
