//! The Lambda Invoke API of the local stack.

use keyplan_tests::{Call, Stack, aws_cli};
use serde_json::{Value, json};

#[test]
fn the_authorizer_is_invoked_through_the_lambda_api() {
    let stack = Stack::with(&["--demo"]);
    let method_arn = "arn:aws:execute-api:us-east-1:000000000000:demotokens/prod/GET/hello";
    let event = |token: &str| json!({"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn});

    let (told, answer) = aws_cli::lambda_invoke(
        &stack.control,
        "authorizer",
        &event("Bearer kp_DemoTokenForLocalUseOnly000000012PCLje"),
    );
    assert_eq!(told, Ok(json!({"StatusCode": 200, "ExecutedVersion": "$LATEST"})));
    assert_eq!(answer["principalId"], "demo-user");
    assert_eq!(answer["usageIdentifierKey"], "demo-key-value-for-local-use-only-0002");

    let arn = "arn:aws:lambda:us-east-1:000000000000:function:authorizer";
    let (told, answer) = aws_cli::lambda_invoke(&stack.control, arn, &event("nonsense"));
    assert_eq!(told, Ok(json!({"StatusCode": 200, "ExecutedVersion": "$LATEST", "FunctionError": "Unhandled"})));
    assert_eq!(answer, json!({"errorMessage": "Unauthorized", "errorType": "Unauthorized"}));
}

#[test]
fn echo_answers_with_the_event_it_got() {
    let stack = Stack::start();
    let event = json!({"some": ["event", 1]});
    let (told, answer) = aws_cli::lambda_invoke(&stack.control, "echo", &event);
    assert_eq!(told, Ok(json!({"StatusCode": 200, "ExecutedVersion": "$LATEST"})));
    assert_eq!(answer["statusCode"], 200);
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
    assert_eq!(body, event);
}

#[test]
fn a_function_that_is_not_there_is_not_found() {
    let stack = Stack::start();
    let (told, _) = aws_cli::lambda_invoke(&stack.control, "nothing", &json!({}));
    let error = told.unwrap_err();
    assert!(error.message.contains("(ResourceNotFoundException)"), "{error:?}");
}

#[test]
fn the_lambda_api_and_the_control_plane_take_signatures_for_themselves_alone() {
    let stack = Stack::start();
    let invoke =
        || Call::new("POST", format!("{}/2015-03-31/functions/echo/invocations", stack.control)).json(&json!({}));
    let keys = || Call::get(format!("{}/apikeys", stack.control));
    assert_eq!(invoke().signed_for("lambda").send().status, 200);
    assert_eq!(invoke().signed_for("apigateway").send().status, 403);
    assert_eq!(invoke().send().status, 403);
    assert_eq!(keys().signed_for("apigateway").send().status, 200);
    assert_eq!(keys().signed_for("lambda").send().status, 403);
}
