//! TestInvokeMethod and TestInvokeAuthorizer through the AWS CLI.

use keyplan_tests::Stack;
use serde_json::{Value, json};

/// The demo's token.
const TOKEN: &str = "kp_DemoTokenForLocalUseOnly000000012PCLje";

#[test]
fn an_authorizer_is_tested_with_a_token_which_the_log_does_not_show() {
    let stack = Stack::with(&["--demo"]);
    let authorizers = stack.aws("apigateway get-authorizers --rest-api-id demotokens");
    let id = authorizers["items"][0]["id"].as_str().unwrap();
    let test = |header: &str| {
        stack.aws(&format!(
            "apigateway test-invoke-authorizer --rest-api-id demotokens --authorizer-id {id} --headers {header}"
        ))
    };
    let tested = test(&format!("Authorization={TOKEN}"));
    assert_eq!((&tested["clientStatus"], &tested["principalId"]), (&json!(0), &json!("demo-user")));
    let policy: Value = serde_json::from_str(tested["policy"].as_str().unwrap()).unwrap();
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Effect"], "Allow");
    assert!(statement["Resource"].to_string().contains("/ESTestInvoke-stage/"), "{policy}");
    let log = tested["log"].as_str().unwrap();
    for expected in ["Starting authorizer: ", "Incoming identity: ****", "Successfully completed authorizer execution"]
    {
        assert!(log.contains(expected), "{log}");
    }
    for secret in [TOKEN, "demo-key-value"] {
        assert!(!log.contains(secret), "{log}");
    }

    assert_eq!(test("Authorization=kp_wrong")["clientStatus"], 401);
    assert_eq!(test("X-Other=1")["clientStatus"], 401);
}

#[test]
fn a_method_is_tested_without_its_key_and_nothing_is_counted() {
    let stack = Stack::with(&["--demo"]);
    let resources = stack.aws("apigateway get-resources --rest-api-id demoheader");
    let hello = resources["items"].as_array().unwrap().iter().find(|resource| resource["path"] == "/hello").unwrap();
    let tested = stack.aws(&format!(
        "apigateway test-invoke-method --rest-api-id demoheader --resource-id {} --http-method GET \
         --path-with-query-string /hello?x=1",
        hello["id"].as_str().unwrap()
    ));
    assert_eq!(tested["status"], 200, "{tested}");
    let day = stack.advance_to_noon();
    let usage = stack.aws(&format!("apigateway get-usage --usage-plan-id demopl --start-date {day} --end-date {day}"));
    assert_eq!(usage["items"]["demokey001"], json!([[0, 1000]]), "{usage}");
}
