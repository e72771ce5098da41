//! What a Lambda authorizer is asked with, how long it may take, and where its
//! answer goes.

use insta::assert_json_snapshot;
use keyplan_tests::rest_api::integration;
use keyplan_tests::{Call, Lambda, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

#[test]
fn a_token_authorizer_gets_the_token_and_the_method_arn_and_nothing_else() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({}));
    let guard = api.authorizer("tokens", "allow", json!({"identitySource": "method.request.header.X-Token"}));
    api.function("ANY", "/users/{id}/{proxy+}", json!({"authorizerId": guard}), "good");
    api.deploy("prod", &json!({}));
    let arn = format!("arn:aws:execute-api:us-east-1:000000000000:{}/prod", api.id);
    for (method, path, token, method_arn) in [
        ("GET", "/users/7/a/b", "Bearer abc.def", format!("{arn}/GET/users/7/a/b")),
        // The request's own path and verb, not the resource's and not ANY.
        ("DELETE", "/users/%C3%A9/x%2Fy?q=1", "é", format!("{arn}/DELETE/users/%C3%A9/x%2Fy")),
        ("GET", "/users/7/a/", "trailing slash", format!("{arn}/GET/users/7/a")),
    ] {
        let answer = Call::new(method, api.url("prod", path)).header("x-token", token).send();
        assert_eq!(answer.status, 200, "{answer}");
        let event = json!({"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn});
        assert_eq!(lambda.last_event("allow"), event);
    }
}

#[test]
fn a_request_authorizer_gets_the_whole_request_but_its_body() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({}));
    let settings = json!({"type": "REQUEST", "identitySource": "method.request.header.Authorization"});
    let guard = api.authorizer("requests", "allow", settings);
    api.function("POST", "/users/{id}", json!({"authorizerId": guard, "apiKeyRequired": true}), "good");
    api.deploy("prod", &json!({"tier": "gold"}));
    let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({})).key("valid");
    let answer = Call::new("POST", api.url("prod", "/users/7?q=a&q=b%20c&flag"))
        .header("authorization", "Bearer abc")
        .header("x-api-key", &key.value)
        .header("x-many", "one")
        .header("x-many", "two")
        .body("text/plain", "not for the authorizer")
        .send();
    assert_eq!(answer.status, 200, "{answer}");
    let mut event = lambda.last_event("allow");
    let arn = format!("arn:aws:execute-api:us-east-1:000000000000:{}/prod/POST/users/7", api.id);
    assert_eq!(event["methodArn"], arn);
    let context = &event["requestContext"];
    assert_eq!(context["apiId"], api.id);
    assert_eq!(context["requestId"], answer.headers["x-amzn-requestid"], "the caller is told the same id");
    assert_eq!(context["extendedRequestId"], answer.headers["x-amz-apigw-id"]);
    assert_eq!(context["identity"]["apiKey"], key.value);
    assert_eq!(context["identity"]["apiKeyId"], key.id);
    redact(&mut event);
    assert_json_snapshot!(event, @r#"
    {
      "headers": {
        "Accept": "*/*",
        "Authorization": "Bearer abc",
        "Content-Type": "text/plain",
        "Host": "[host]",
        "User-Agent": "keyplan-tests",
        "X-Forwarded-For": "127.0.0.1",
        "x-api-key": "[key]",
        "x-many": "two"
      },
      "httpMethod": "POST",
      "methodArn": "[arn]",
      "multiValueHeaders": {
        "Accept": [
          "*/*"
        ],
        "Authorization": [
          "Bearer abc"
        ],
        "Content-Type": [
          "text/plain"
        ],
        "Host": [
          "[host]"
        ],
        "User-Agent": [
          "keyplan-tests"
        ],
        "X-Forwarded-For": [
          "127.0.0.1"
        ],
        "x-api-key": [
          "[key]"
        ],
        "x-many": [
          "one",
          "two"
        ]
      },
      "multiValueQueryStringParameters": {
        "flag": [
          ""
        ],
        "q": [
          "a",
          "b c"
        ]
      },
      "path": "/users/7",
      "pathParameters": {
        "id": "7"
      },
      "queryStringParameters": {
        "flag": "",
        "q": "b c"
      },
      "requestContext": {
        "accountId": "000000000000",
        "apiId": "[id]",
        "deploymentId": "[id]",
        "domainName": "127.0.0.1",
        "domainPrefix": "127",
        "extendedRequestId": "[id]",
        "httpMethod": "POST",
        "identity": {
          "accessKey": null,
          "accountId": null,
          "apiKey": "[key]",
          "apiKeyId": "[id]",
          "caller": null,
          "cognitoAuthenticationProvider": null,
          "cognitoAuthenticationType": null,
          "cognitoIdentityId": null,
          "cognitoIdentityPoolId": null,
          "principalOrgId": null,
          "sourceIp": "127.0.0.1",
          "user": null,
          "userAgent": "keyplan-tests",
          "userArn": null
        },
        "path": "/prod/users/7",
        "protocol": "HTTP/1.1",
        "requestId": "[uuid]",
        "requestTime": "[time]",
        "requestTimeEpoch": "[ms]",
        "resourceId": "[id]",
        "resourcePath": "/users/{id}",
        "stage": "prod"
      },
      "resource": "/users/{id}",
      "stageVariables": {
        "tier": "gold"
      },
      "type": "REQUEST"
    }
    "#);
}

/// What differs from one run to the next.
fn redact(event: &mut Value) {
    for (pointer, what) in [
        ("/methodArn", "[arn]"),
        ("/headers/Host", "[host]"),
        ("/headers/x-api-key", "[key]"),
        ("/multiValueHeaders/Host/0", "[host]"),
        ("/multiValueHeaders/x-api-key/0", "[key]"),
        ("/requestContext/apiId", "[id]"),
        ("/requestContext/deploymentId", "[id]"),
        ("/requestContext/extendedRequestId", "[id]"),
        ("/requestContext/requestId", "[uuid]"),
        ("/requestContext/requestTime", "[time]"),
        ("/requestContext/requestTimeEpoch", "[ms]"),
        ("/requestContext/resourceId", "[id]"),
        ("/requestContext/identity/apiKey", "[key]"),
        ("/requestContext/identity/apiKeyId", "[id]"),
    ] {
        *event.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = what.into();
    }
}

/// Under AUTHORIZER the header is no key, so that nobody is told of one; on a
/// method without a key there is none either.
#[test]
fn a_request_authorizer_is_shown_only_the_key_that_would_count() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    for (source, key_required, shown) in [("HEADER", true, true), ("HEADER", false, false), ("AUTHORIZER", true, false)]
    {
        let mut api = RestApi::create(&stack, json!({"apiKeySource": source}));
        let settings = json!({"type": "REQUEST", "identitySource": "method.request.header.Authorization"});
        let guard = api.authorizer("requests", "allow", settings);
        let settings = json!({"authorizerId": guard, "apiKeyRequired": key_required});
        api.function("GET", "/hello", settings, "good");
        api.deploy("prod", &json!({}));
        let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({})).key("valid");
        let answer = api.get("/hello").header("authorization", "token").header("x-api-key", &key.value).send();
        assert_eq!(answer.status, if source == "HEADER" { 200 } else { 403 }, "{answer}");
        let event = lambda.last_event("allow");
        let identity = &event["requestContext"]["identity"];
        let given = (identity["apiKey"] == key.value, identity["apiKeyId"] == key.id);
        assert_eq!(given, (shown, shown), "{source}, {key_required}: {identity}");
        assert_eq!(identity.get("apiKeyId").is_some(), shown, "{source}, {key_required}: {identity}");
    }
}

#[test]
fn what_the_authorizer_says_goes_to_templates_and_functions_as_strings() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({}));
    let guard = api.authorizer("context", "context-scalars", json!({}));
    let template = "$context.authorizer.principalId|$context.authorizer.text|$context.authorizer.count|\
                    $context.authorizer.ratio|$context.authorizer.trial|$context.authorizer.none|";
    api.mock("GET", "/mock", json!({"authorizerId": guard}), template);
    api.method("GET", "/function", json!({"authorizerId": guard}), &integration("good"));
    api.deploy("prod", &json!({}));
    let call = |path: &str| api.get(path).header("authorization", "token").send();
    assert_eq!(call("/mock").body, "alice|a \"b\" é|7|0.5|true||");
    assert_eq!(call("/function").status, 200);
    let event = lambda.last_event("good");
    assert_json_snapshot!(event["requestContext"]["authorizer"], {".integrationLatency" => "[ms]"}, @r#"
    {
      "count": "7",
      "integrationLatency": "[ms]",
      "principalId": "alice",
      "ratio": "0.5",
      "text": "a \"b\" é",
      "trial": "true"
    }
    "#);
    assert_eq!(lambda.invocations("context-scalars"), 1, "one answer is for both methods");
}

#[test]
fn stage_variables_name_the_authorizers_function() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({}));
    let guard = api.authorizer("chosen", "${stageVariables.guard}", json!({}));
    api.function("GET", "/hello", json!({"authorizerId": guard}), "good");
    api.deploy("open", &json!({"guard": "allow"}));
    api.deploy("shut", &json!({"guard": "deny"}));
    api.deploy("none", &json!({}));
    for (stage, status) in [("open", 200), ("shut", 403), ("none", 500)] {
        let answer = Call::get(api.url(stage, "/hello")).header("authorization", "token").send();
        assert_eq!(answer.status, status, "{stage}: {answer}");
    }
    assert_eq!((lambda.invocations("allow"), lambda.invocations("deny")), (1, 1));
}

/// The function would allow after 31 s. This is the one test that really waits.
#[test]
fn an_authorizer_that_takes_longer_than_29_s_has_failed() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({}));
    let guard = api.authorizer("slow", "slow", json!({}));
    api.function("GET", "/hello", json!({"authorizerId": guard}), "good");
    api.deploy("prod", &json!({}));
    let answer = api.get("/hello").header("authorization", "token").send();
    assert_eq!((answer.status, answer.body.as_str()), (500, r#"{"message":null}"#), "{answer}");
    assert_eq!(answer.headers["x-amzn-errortype"], "AuthorizerConfigurationException");
    assert_eq!((lambda.invocations("slow"), lambda.invocations("good")), (1, 0));
}
