//! Mock integrations over HTTP (developer guide, "Mock integrations for REST
//! APIs"): a status chosen by the request template, and responses of plain
//! references.

use insta::assert_snapshot;
use keyplan_tests::{Call, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

fn requests(template: &str) -> Value {
    json!({"type": "MOCK", "requestTemplates": {"application/json": template}})
}

fn body(template: &str) -> Value {
    json!({"responseTemplates": {"application/json": template}})
}

#[test]
fn a_response_is_filled_from_context_stage_variables_and_parameters() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.method("POST", "/users/{id}", json!({"apiKeyRequired": true}), &requests("{\"statusCode\": 201}"));
    let template = concat!(
        "{\"id\": \"$input.params('id')\", \"q\": \"$input.params('q')\", \"said\": \"$input.params('X-Said')\",\n",
        " \"both\": \"$input.params('both')\", \"none\": \"$input.params('none')\",\n",
        " \"tier\": \"${stageVariables.tier}\", \"stage\": \"$context.stage\", \"verb\": \"$context.httpMethod\",\n",
        " \"path\": \"$context.path\", \"resource\": \"$context.resourcePath\", \"ip\": \"$context.identity.sourceIp\",\n",
        " \"agent\": \"$context.identity.userAgent\", \"protocol\": \"$context.protocol\",\n",
        " \"account\": \"$context.accountId\", \"nothing\": \"$context.nonsense\", \"costs\": \"$5\",\n",
        " \"sent\": $input.body, \"again\": $input.json('$')}",
    );
    let response = json!({
        "responseTemplates": {"application/json": template},
        "responseParameters": {
            "method.response.header.X-Literal": "'a literal'",
            "method.response.header.X-Tier": "stageVariables.tier",
            "method.response.header.X-Stage": "context.stage",
        },
    });
    api.response("POST", "/users/{id}", 201, &response);
    api.deploy("prod", &json!({"tier": "gold"}));
    let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({})).key("valid");
    let answer = Call::new("POST", api.url("prod", "/users/7?q=a%20b&both=query"))
        .header("x-api-key", &key.value)
        .header("x-said", "hi")
        .header("both", "header")
        .body("application/json", "[1]")
        .send();
    assert_snapshot!(answer, @r#"
    201
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-requestid: [uuid]
    x-literal: a literal
    x-stage: prod
    x-tier: gold

    {"id": "7", "q": "a b", "said": "hi",
     "both": "query", "none": "",
     "tier": "gold", "stage": "prod", "verb": "POST",
     "path": "/prod/users/7", "resource": "/users/{id}", "ip": "127.0.0.1",
     "agent": "keyplan-tests", "protocol": "HTTP/1.1",
     "account": "000000000000", "nothing": "", "costs": "$5",
     "sent": [1], "again": [1]}
    "#);
}

#[test]
fn the_status_of_the_request_template_chooses_the_response() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.method("GET", "/{status}", json!({}), &requests("{\"statusCode\": $input.params('status')}"));
    for (status, pattern) in [(200, Value::Null), (404, json!("404")), (500, json!("5\\d{2}"))] {
        let mut response = body(&format!("as {status}"));
        response["selectionPattern"] = pattern;
        api.response("GET", "/{status}", status, &response);
    }
    api.deploy("prod", &json!({}));
    for (asked, status, body) in [
        ("200", 200, "as 200"),
        ("201", 200, "as 200"),
        ("404", 404, "as 404"),
        ("500", 500, "as 500"),
        ("503", 500, "as 500"),
        // The pattern matches all of the status.
        ("5030", 200, "as 200"),
        ("nonsense", 500, r#"{"message":"Internal server error"}"#),
        ("%22200%22", 500, r#"{"message":"Internal server error"}"#),
    ] {
        let answer = api.get(&format!("/{asked}")).send();
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{asked}");
    }
}

#[test]
fn templates_are_chosen_by_media_type() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    let integration = json!({
        "type": "MOCK",
        "passthroughBehavior": "WHEN_NO_TEMPLATES",
        "requestTemplates": {"application/json": "{\"statusCode\": 200}", "text/csv": "{\"statusCode\": 202}"},
    });
    api.method("POST", "/hello", json!({}), &integration);
    let templates = json!({"application/json": "{}", "text/html": "<p>"});
    api.response("POST", "/hello", 200, &json!({"responseTemplates": templates}));
    api.response("POST", "/hello", 202, &json!({"selectionPattern": "202"}));
    api.deploy("prod", &json!({}));
    let send = |content_type: &str, accept: &str| {
        let answer =
            Call::new("POST", api.url("prod", "/hello")).header("accept", accept).body(content_type, "x").send();
        let kind = answer.headers["content-type"].clone();
        (answer.status, kind, answer.body)
    };
    let expect = |status: u16, kind: &str, body: &str| (status, kind.to_owned(), body.to_owned());
    assert_eq!(send("application/json", "*/*"), expect(200, "application/json", "{}"));
    assert_eq!(send("Application/JSON; charset=utf-8", "text/html"), expect(200, "text/html", "<p>"));
    assert_eq!(send("text/csv", "*/*"), expect(202, "application/json", ""));
    let unsupported = r#"{"message":"Unsupported Media Type"}"#;
    assert_eq!(send("text/plain", "*/*"), expect(415, "application/json", unsupported));
}

/// Velocity is refused when the template is put, so that nothing is half served.
#[test]
fn a_template_of_velocity_is_refused_when_it_is_put() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({}), "{}");
    let at = api.method_path("GET", "/hello");
    for template in ["#set($a = 1) $a", "$input.params().header", "$util.escapeJavaScript('x')", "$input.path('$.a')"] {
        let put = |below: &str, body: &Value| stack.control("PUT", &format!("{at}/integration{below}"), body);
        for refused in [put("", &requests(template)), put("/responses/200", &body(template))] {
            assert_eq!(refused.status, 400, "{template}: {refused}");
            assert_eq!(refused.headers["x-amzn-errortype"], "BadRequestException");
        }
    }
    api.deploy("prod", &json!({}));
    assert_eq!(api.get("/hello").send().status, 200, "what was there stays");
}
