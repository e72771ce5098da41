//! Proxy integrations of Lambda functions over HTTP: what a function is told,
//! and what becomes of its answer.

use insta::{assert_json_snapshot, assert_snapshot};
use keyplan_tests::lambda::authorizers;
use keyplan_tests::{Call, Lambda, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

/// An API that hands everything to `good`, on the stage `prod`.
fn proxy<'s>(stack: &'s Stack, settings: Value) -> RestApi<'s> {
    let mut api = RestApi::create(stack, settings);
    api.function("ANY", "/", json!({}), "good");
    api.function("ANY", "/{proxy+}", json!({}), "good");
    api.function("ANY", "/users/{id}", json!({}), "good");
    api.deploy("prod", &json!({}));
    api
}

#[test]
fn a_function_is_told_the_request_its_caller_and_its_key() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({"apiKeySource": "AUTHORIZER"}));
    let guard = api.authorizer("named", "named", json!({}));
    api.function("PUT", "/users/{id}", json!({"authorizerId": guard, "apiKeyRequired": true}), "good");
    api.deploy("prod", &json!({"tier": "gold"}));
    let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({})).key("valid");
    let named = json!({"usageIdentifierKey": key.value, "context": {"tenant": "acme", "count": 7}});
    lambda.host("named", move |_| authorizers::with(named.clone()));
    let answer = Call::new("PUT", api.url("prod", "/users/7?a=1"))
        .header("authorization", "token")
        .header("x-api-key", "not looked at, and passed on")
        .body("application/json", r#"{"name": "Zoë"}"#)
        .send();
    assert_eq!((answer.status, answer.body.as_str()), (200, "good"), "{answer}");
    let event = lambda.last_event("good");
    let context = &event["requestContext"];
    assert_eq!(context["identity"]["apiKey"], key.value);
    assert_eq!(context["identity"]["apiKeyId"], key.id);
    assert_eq!(context["requestId"], answer.headers["x-amzn-requestid"]);
    assert_eq!(context["extendedRequestId"], answer.headers["x-amz-apigw-id"]);
    assert_json_snapshot!(event, {
        ".headers.Host" => "[host]",
        ".multiValueHeaders.Host" => "[host]",
        ".requestContext.apiId" => "[id]",
        ".requestContext.authorizer.integrationLatency" => "[ms]",
        ".requestContext.deploymentId" => "[id]",
        ".requestContext.extendedRequestId" => "[id]",
        ".requestContext.identity.apiKey" => "[key]",
        ".requestContext.identity.apiKeyId" => "[id]",
        ".requestContext.requestId" => "[uuid]",
        ".requestContext.requestTime" => "[time]",
        ".requestContext.requestTimeEpoch" => "[ms]",
        ".requestContext.resourceId" => "[id]",
    }, @r#"
    {
      "body": "{\"name\": \"Zoë\"}",
      "headers": {
        "Accept": "*/*",
        "Authorization": "token",
        "Content-Type": "application/json",
        "Host": "[host]",
        "User-Agent": "keyplan-tests",
        "X-Forwarded-For": "127.0.0.1",
        "x-api-key": "not looked at, and passed on"
      },
      "httpMethod": "PUT",
      "isBase64Encoded": false,
      "multiValueHeaders": {
        "Accept": [
          "*/*"
        ],
        "Authorization": [
          "token"
        ],
        "Content-Type": [
          "application/json"
        ],
        "Host": "[host]",
        "User-Agent": [
          "keyplan-tests"
        ],
        "X-Forwarded-For": [
          "127.0.0.1"
        ],
        "x-api-key": [
          "not looked at, and passed on"
        ]
      },
      "multiValueQueryStringParameters": {
        "a": [
          "1"
        ]
      },
      "path": "/users/7",
      "pathParameters": {
        "id": "7"
      },
      "queryStringParameters": {
        "a": "1"
      },
      "requestContext": {
        "accountId": "000000000000",
        "apiId": "[id]",
        "authorizer": {
          "count": "7",
          "integrationLatency": "[ms]",
          "principalId": "alice",
          "tenant": "acme"
        },
        "deploymentId": "[id]",
        "domainName": "127.0.0.1",
        "domainPrefix": "127",
        "extendedRequestId": "[id]",
        "httpMethod": "PUT",
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
      }
    }
    "#);
}

#[test]
fn what_a_request_lacks_is_null() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let api = proxy(&stack, json!({}));
    assert_eq!(api.get("/").send().status, 200);
    let event = lambda.last_event("good");
    for member in
        ["queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body"]
    {
        assert_eq!(event.get(member), Some(&Value::Null), "{member}");
    }
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event["requestContext"].get("authorizer"), None);
    assert_eq!(event["requestContext"]["identity"].get("apiKey"), None);
}

/// Path parameters stay as they were sent, a query is decoded.
#[test]
fn paths_and_queries_are_handed_on() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let api = proxy(&stack, json!({}));
    for (sent, resource, path, parameters) in [
        ("", "/", "/", Value::Null),
        ("/", "/", "/", Value::Null),
        ("/users/7", "/users/{id}", "/users/7", json!({"id": "7"})),
        ("/users/7/", "/users/{id}", "/users/7/", json!({"id": "7"})),
        ("/users/a%20b%2Fc", "/users/{id}", "/users/a%20b%2Fc", json!({"id": "a%20b%2Fc"})),
        ("/users/7/pets", "/{proxy+}", "/users/7/pets", json!({"proxy": "users/7/pets"})),
        ("/a//b", "/{proxy+}", "/a//b", json!({"proxy": "a//b"})),
        ("/a/./b", "/{proxy+}", "/a/./b", json!({"proxy": "a/./b"})),
        ("/a;b=c,d@e!$'()*~", "/{proxy+}", "/a;b=c,d@e!$'()*~", json!({"proxy": "a;b=c,d@e!$'()*~"})),
    ] {
        let answer = api.get(sent).send();
        assert_eq!(answer.status, 200, "{sent}: {answer}");
        let event = lambda.last_event("good");
        assert_eq!(event["resource"], resource, "{sent}");
        assert_eq!(event["path"], path, "{sent}");
        assert_eq!(event["pathParameters"], parameters, "{sent}");
    }
    for (query, all) in [
        ("a=1", json!({"a": ["1"]})),
        ("a=1&a=2&b=", json!({"a": ["1", "2"], "b": [""]})),
        ("flag&=x", json!({"flag": [""], "": ["x"]})),
        ("a=b=c&&", json!({"a": ["b=c"]})),
        ("a%20b=c+d%2B", json!({"a b": ["c d+"]})),
        ("n=%C3%A9", json!({"n": ["é"]})),
        ("A=1&a=2", json!({"A": ["1"], "a": ["2"]})),
    ] {
        assert_eq!(api.get(&format!("/x?{query}")).send().status, 200, "{query}");
        assert_eq!(lambda.last_event("good")["multiValueQueryStringParameters"], all, "{query}");
    }
}

#[test]
fn a_body_is_text_or_base64_by_the_apis_binary_types() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let api = proxy(&stack, json!({"binaryMediaTypes": ["image/png", "audio/*"]}));
    for (content_type, sent, body, is_base64) in [
        ("text/plain", &b"hello"[..], json!("hello"), false),
        ("application/json", "\"é\"".as_bytes(), json!("\"é\""), false),
        ("image/png", b"\x89PNG", json!("iVBORw=="), true),
        ("IMAGE/PNG; q=1", b"\x89PNG", json!("iVBORw=="), true),
        ("audio/ogg", b"\0\xff", json!("AP8="), true),
        ("text/plain", b"a\xffb", json!("a\u{fffd}b"), false),
        ("image/png", b"", Value::Null, false),
    ] {
        let answer = Call::new("POST", api.url("prod", "/x")).body(content_type, sent).send();
        assert_eq!(answer.status, 200, "{content_type}");
        let event = lambda.last_event("good");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&body, &is_base64.into()), "{content_type}");
    }
}

#[test]
fn a_functions_answer_is_the_answer() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({"binaryMediaTypes": ["application/pdf"]}));
    for function in ["empty", "text-status", "many-headers", "bytes", "bad-bytes"] {
        api.function("GET", &format!("/{function}"), json!({}), function);
    }
    api.deploy("prod", &json!({}));
    assert_snapshot!(api.get("/empty").send(), @r#"
    200
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-requestid: [uuid]
    "#);
    assert_snapshot!(api.get("/text-status").send(), @r#"
    201
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-requestid: [uuid]

    made
    "#);
    assert_snapshot!(api.get("/many-headers").send(), @r#"
    200
    content-type: text/html; charset=utf-8
    set-cookie: c=1, d=2
    x-amz-apigw-id: [id]
    x-amzn-remapped-connection: close
    x-amzn-remapped-content-length: 1
    x-amzn-remapped-date: never
    x-amzn-remapped-server: mine
    x-amzn-remapped-www-authenticate: Basic
    x-amzn-remapped-x-amzn-requestid: forged
    x-amzn-requestid: [uuid]
    x-flag: false
    x-number: 7
    x-one: a, b

    <p>
    "#);
    // Bytes are for those who ask for them first of all.
    let of = |path: &str, accept: &str| api.get(path).header("accept", accept).send();
    assert_eq!(of("/bytes", "application/pdf, text/html").body, "hello");
    for accept in ["text/html, application/pdf", "*/*", "text/html"] {
        assert_eq!(of("/bytes", accept).body, "aGVsbG8=", "{accept}");
    }
    assert_eq!(of("/bad-bytes", "application/pdf").status, 502);
    assert_eq!(of("/bad-bytes", "text/html").body, "%%%");
}

#[test]
fn a_head_request_gets_the_headers_alone() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let api = proxy(&stack, json!({}));
    let answer = Call::new("HEAD", api.url("prod", "/x")).send();
    assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{answer}");
    assert_eq!(lambda.last_event("good")["httpMethod"], "HEAD");
}

#[test]
fn every_verb_reaches_the_function() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let api = proxy(&stack, json!({}));
    for verb in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer = Call::new(verb, api.url("prod", "/x")).send();
        assert_eq!((answer.status, &lambda.last_event("good")["httpMethod"]), (200, &verb.into()), "{answer}");
    }
}
