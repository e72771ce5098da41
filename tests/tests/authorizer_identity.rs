//! Where an authorizer's caller is identified, and who is turned away with 401
//! before anybody is asked.

use keyplan_tests::{Answer, Call, Lambda, RestApi, Stack};
use serde_json::{Value, json};

/// An API whose `GET /hello` has an authorizer over `allow` with these settings.
fn guarded<'s>(stack: &'s Stack, settings: Value, variables: &Value) -> RestApi<'s> {
    let mut api = RestApi::create(stack, json!({}));
    let guard = api.authorizer("tested", "allow", settings);
    api.function("GET", "/hello", json!({"authorizerId": guard}), "good");
    api.deploy("prod", variables);
    api
}

fn unauthorized(answer: &Answer) -> bool {
    answer.status == 401
        && answer.body == r#"{"message":"Unauthorized"}"#
        && answer.headers["x-amzn-errortype"] == "UnauthorizedException"
}

#[test]
fn a_source_of_every_kind_must_be_there_and_not_empty() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let header = |call: Call, value: &str| call.header("x-user", value);
    // The sources, what identifies, and what does not.
    type Send = fn(&RestApi<'_>, &dyn Fn(Call, &str) -> Call) -> Answer;
    let rows: [(&str, Value, Send, &[Send]); 6] = [
        (
            "method.request.header.X-User",
            json!({}),
            |api, header| header(api.get("/hello"), "alice").send(),
            &[
                |api, _| api.get("/hello").send(),
                |api, header| header(api.get("/hello"), "").send(),
                |api, _| api.get("/hello").header("x-users", "alice").send(),
                |api, _| api.get("/hello?X-User=alice").send(),
            ],
        ),
        (
            "method.request.querystring.user",
            json!({}),
            |api, _| api.get("/hello?user=alice").send(),
            &[
                |api, _| api.get("/hello").send(),
                |api, _| api.get("/hello?user=").send(),
                |api, _| api.get("/hello?user").send(),
                // Names of the query are told apart by case, those of headers are not.
                |api, _| api.get("/hello?User=alice").send(),
                |api, _| api.get("/hello").header("user", "alice").send(),
            ],
        ),
        ("stageVariables.tier", json!({"tier": "gold"}), |api, _| api.get("/hello").send(), &[]),
        ("context.httpMethod", json!({}), |api, _| api.get("/hello").send(), &[]),
        ("context.identity.sourceIp", json!({}), |api, _| api.get("/hello").send(), &[]),
        (
            "method.request.header.X-User, method.request.querystring.user,stageVariables.tier , context.apiId",
            json!({"tier": "gold"}),
            |api, header| header(api.get("/hello?user=alice"), "alice").send(),
            &[
                |api, header| header(api.get("/hello"), "alice").send(),
                |api, _| api.get("/hello?user=alice").send(),
                |api, header| header(api.get("/hello?user="), "alice").send(),
            ],
        ),
    ];
    for (source, variables, good, bad) in rows {
        for ttl in [300, 0] {
            let settings = json!({"type": "REQUEST", "identitySource": source, "authorizerResultTtlInSeconds": ttl});
            let api = guarded(&stack, settings, &variables);
            let before = lambda.invocations("allow");
            for (place, bad) in bad.iter().enumerate() {
                let answer = bad(&api, &header);
                assert!(unauthorized(&answer), "{source}, bad one {place}: {answer}");
            }
            assert_eq!(lambda.invocations("allow"), before, "{source}");
            assert_eq!(good(&api, &header).status, 200, "{source}");
            assert_eq!(lambda.invocations("allow"), before + 1, "{source}");
        }
    }
}

#[test]
fn a_stage_variable_or_context_that_is_not_set_identifies_nobody() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    for source in
        ["stageVariables.tier", "context.authorizer.principalId", "context.identity.apiKey", "context.nonsense"]
    {
        let api = guarded(&stack, json!({"type": "REQUEST", "identitySource": source}), &json!({"other": "x"}));
        let answer = api.get("/hello").send();
        assert!(unauthorized(&answer), "{source}: {answer}");
    }
    assert_eq!(lambda.invocations("allow"), 0);
}

#[test]
fn without_a_cache_a_request_authorizer_needs_no_identity() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let settings = json!({"type": "REQUEST", "identitySource": null, "authorizerResultTtlInSeconds": 0});
    let api = guarded(&stack, settings, &json!({}));
    for count in 1..4 {
        assert_eq!(api.get("/hello").send().status, 200);
        assert_eq!(lambda.invocations("allow"), count, "nothing is kept");
    }
}

#[test]
fn a_token_must_match_all_of_the_expression() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let settings = json!({"identityValidationExpression": "Bearer [-0-9a-z]+(\\.[a-z]+)?"});
    let api = guarded(&stack, settings, &json!({}));
    let call = |token: &str| api.get("/hello").header("authorization", token).send();
    let bad = ["", "Bearer ", "bearer abc", "Bearer abc def", "x Bearer abc", "Bearer abc.", "Bearer ABC", "Bearer +"];
    for token in bad {
        assert!(unauthorized(&call(token)), "{token:?}");
    }
    assert!(unauthorized(&api.get("/hello").send()));
    assert_eq!(lambda.invocations("allow"), 0);
    for token in ["Bearer abc", "Bearer a-1.b"] {
        assert_eq!(call(token).status, 200, "{token:?}");
    }
    assert_eq!(lambda.invocations("allow"), 2);
}

/// Which of a header's values counts is API Gateway's first; a token that is
/// no text is none.
#[test]
fn a_repeated_or_odd_header_is_no_way_around() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let api = guarded(&stack, json!({"identityValidationExpression": "good"}), &json!({}));
    let call = |values: [&str; 2]| {
        values.into_iter().fold(api.get("/hello"), |call, value| call.header("authorization", value)).send().status
    };
    assert_eq!(call(["good", "bad"]), 200);
    assert_eq!(lambda.last_event("allow")["authorizationToken"], "good");
    assert_eq!(call(["bad", "good"]), 401);
    assert_eq!(call(["", "good"]), 401);
    assert_eq!(lambda.invocations("allow"), 1);
}
