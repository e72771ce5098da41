//! How long an authorizer's answer counts, for whom, and how it is forgotten.

use std::time::Duration;

use keyplan_tests::lambda::authorizers;
use keyplan_tests::{Call, Dynamodb, Lambda, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

/// An API with an authorizer over a function, in front of `GET /hello` and
/// `GET /other`, on the stages `prod` and `test`.
fn guarded<'s>(stack: &'s Stack, function: &str, settings: Value) -> RestApi<'s> {
    let mut api = RestApi::create(stack, json!({}));
    let guard = api.authorizer("tested", function, settings);
    for path in ["/hello", "/other", "/users/{id}"] {
        api.mock("GET", path, json!({"authorizerId": guard}), "$context.authorizer.principalId");
    }
    for stage in ["prod", "test"] {
        api.deploy(stage, &json!({}));
    }
    api
}

fn status(api: &RestApi<'_>, path: &str, token: &str) -> u16 {
    api.get(path).header("authorization", token).send().status
}

#[test]
fn an_answer_counts_for_its_time_to_live_and_no_longer() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    for (ttl, seconds) in [(Value::Null, 300), (json!(300), 300), (json!(10), 10), (json!(3600), 3600)] {
        let api = guarded(&stack, "allow", json!({"authorizerResultTtlInSeconds": ttl}));
        let asked = || lambda.invocations("allow");
        let before = asked();
        assert_eq!((status(&api, "/hello", "a"), asked()), (200, before + 1), "{ttl}");
        assert_eq!((status(&api, "/hello", "a"), asked()), (200, before + 1), "{ttl}");
        // Not to the last second of it: the machine's own time goes on as well.
        stack.advance(seconds / 2);
        assert_eq!((status(&api, "/hello", "a"), asked()), (200, before + 1), "{ttl}: it still counts");
        stack.advance(seconds / 2);
        assert_eq!((status(&api, "/hello", "a"), asked()), (200, before + 2), "{ttl}: and no longer");
    }
    let api = guarded(&stack, "allow", json!({"authorizerResultTtlInSeconds": 0}));
    let before = lambda.invocations("allow");
    for count in 1..4 {
        assert_eq!((status(&api, "/hello", "a"), lambda.invocations("allow")), (200, before + count));
    }
}

#[test]
fn an_answer_counts_for_one_token_one_authorizer_and_one_stage() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = guarded(&stack, "allow", json!({}));
    // Another authorizer of the API, over the same function and source.
    let second = api.authorizer("second", "allow", json!({}));
    api.mock("GET", "/second", json!({"authorizerId": second}), "{}");
    for stage in ["prod", "test"] {
        api.deploy(stage, &json!({}));
    }
    let another = guarded(&stack, "allow", json!({}));
    let mut asked = 0;
    for (url, token, is_new) in [
        (api.url("prod", "/hello"), "a", true),
        (api.url("prod", "/hello"), "a", false),
        (api.url("prod", "/other"), "a", false),
        (api.url("prod", "/hello"), "b", true),
        (api.url("prod", "/hello"), "A", true),
        (api.url("prod", "/second"), "a", true),
        (api.url("test", "/hello"), "a", true),
        (another.url("prod", "/hello"), "a", true),
        (api.url("test", "/other"), "a", false),
        (another.url("prod", "/other"), "a", false),
        (api.url("prod", "/second"), "a", false),
    ] {
        let answer = Call::get(&url).header("authorization", token).send();
        asked += usize::from(is_new);
        assert_eq!((answer.status, lambda.invocations("allow")), (200, asked), "{url} {token}");
    }
}

#[test]
fn all_identity_sources_together_are_whom_an_answer_is_for() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let source = "method.request.header.X-A,method.request.querystring.b";
    let api = guarded(&stack, "allow", json!({"type": "REQUEST", "identitySource": source}));
    let mut asked = 0;
    for (a, b, is_new) in [
        ("x", "y", true),
        ("x", "y", false),
        ("y", "x", true),
        ("x", "z", true),
        // Values that run together the same way, whatever joins them.
        ("ab", "c", true),
        ("a", "bc", true),
        ("a,b", "c", true),
        ("a", "b,c", true),
        ("a/1:b", "c", true),
        ("a", "1:b/c", true),
        ("ab", "c", false),
        // What is no source does not count.
        ("x", "y&other=1", false),
    ] {
        let answer = api.get(&format!("/hello?b={b}")).header("x-a", a).send();
        asked += usize::from(is_new);
        assert_eq!((answer.status, lambda.invocations("allow")), (200, asked), "{a} {b}");
    }
}

#[test]
fn a_kept_policy_is_held_against_each_method_anew() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let first_only = guarded(&stack, "allow-this", json!({}));
    assert_eq!(status(&first_only, "/hello", "a"), 200);
    assert_eq!(status(&first_only, "/other", "a"), 403, "the policy names the first method alone");
    assert_eq!(status(&first_only, "/hello", "a"), 200);
    assert_eq!(lambda.invocations("allow-this"), 1);
    assert_eq!(status(&first_only, "/other", "b"), 200, "for another token it names another");

    let per_user = guarded(&stack, "allow-this", json!({}));
    assert_eq!(status(&per_user, "/users/1", "a"), 200);
    assert_eq!(status(&per_user, "/users/2", "a"), 403, "the path is the request's own, not the resource's");

    let whole_stage = guarded(&stack, "allow-stage", json!({}));
    for path in ["/hello", "/other", "/users/1"] {
        assert_eq!(status(&whole_stage, path, "a"), 200);
    }
    assert_eq!(lambda.invocations("allow-stage"), 1);

    let uncached = guarded(&stack, "allow-this", json!({"authorizerResultTtlInSeconds": 0}));
    for path in ["/hello", "/other"] {
        assert_eq!(status(&uncached, path, "a"), 200);
    }
}

#[test]
fn an_answer_that_denies_is_kept_and_a_failure_is_not() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    for (function, refused, is_kept) in [
        ("deny", 403, true),
        ("silent", 403, true),
        ("unauthorized", 401, false),
        ("throws", 500, false),
        ("null", 500, false),
        ("context-object", 500, false),
        ("throttled", 500, false),
        ("not-there-yet", 500, false),
    ] {
        let api = guarded(&stack, function, json!({}));
        for count in 1..3 {
            assert_eq!(status(&api, "/hello", "a"), refused, "{function}");
            assert_eq!(lambda.invocations(function), if is_kept { 1 } else { count }, "{function}");
        }
        lambda.host(function, |_| authorizers::with(json!({})));
        assert_eq!(status(&api, "/hello", "a"), if is_kept { refused } else { 200 }, "{function}, healed");
    }
}

#[test]
fn the_key_that_an_authorizer_names_is_kept_with_the_rest() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let day = stack.advance_to_noon();
    let mut api = RestApi::create(&stack, json!({"apiKeySource": "AUTHORIZER"}));
    let guard = api.authorizer("tested", "named", json!({}));
    api.mock("GET", "/hello", json!({"authorizerId": guard, "apiKeyRequired": true}), "{}");
    api.deploy("prod", &json!({}));
    let plan = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({}));
    let keys = ["first", "second"].map(|name| plan.key(name));
    for key in &keys {
        let value = key.value.clone();
        lambda.host("named", move |_| authorizers::with(json!({"usageIdentifierKey": value})));
        assert_eq!(status(&api, "/hello", "a"), 200);
    }
    assert_eq!(plan.used(&day), [(keys[0].id.clone(), 2)].into());
    stack.advance(300);
    assert_eq!(status(&api, "/hello", "a"), 200);
    assert_eq!(plan.used(&day), [(keys[0].id.clone(), 2), (keys[1].id.clone(), 1)].into());
    // What is kept is whose key it is, not that it opens anything.
    let off = json!({"patchOperations": [{"op": "replace", "path": "/enabled", "value": "false"}]});
    stack.made("PATCH", &format!("/apikeys/{}", keys[1].id), &off);
    assert_eq!(status(&api, "/hello", "a"), 403);
    assert_eq!(lambda.invocations("named"), 2);
}

#[test]
fn a_flush_forgets_the_answers_of_one_stage() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let api = guarded(&stack, "allow", json!({}));
    let call = |stage: &str| Call::get(api.url(stage, "/hello")).header("authorization", "a").send().status;
    assert_eq!([call("prod"), call("test"), call("prod"), call("test")], [200; 4]);
    assert_eq!(lambda.invocations("allow"), 2);
    let flush = |stage: &str| {
        let at = format!("/restapis/{}/stages/{stage}/cache/authorizers", api.id);
        let answer = stack.control("DELETE", &at, &Value::Null);
        (answer.status, answer.body)
    };
    assert_eq!(flush("prod"), (202, String::new()));
    assert_eq!([call("prod"), call("test"), call("prod"), call("test")], [200; 4]);
    assert_eq!(lambda.invocations("allow"), 3, "the other stage's answers stay");
    assert_eq!(flush("nowhere").0, 404);
    assert_eq!(call("prod"), 200);
    assert_eq!(lambda.invocations("allow"), 3);
}

/// The other process learns of it when it next reads the stage, which it keeps
/// for five seconds.
#[test]
fn a_flush_reaches_every_process() {
    let lambda = Lambda::start();
    let dynamodb = Dynamodb::start();
    let flags = ["--dynamodb-endpoint", &dynamodb.url, "--lambda-endpoint", &lambda.url];
    let (one, other) = (Stack::with(&flags), Stack::with(&flags));
    let api = guarded(&one, "allow", json!({}));
    let call = || {
        let answer = Call::get(other.url(&api.id, "prod", "/hello")).header("authorization", "a").send();
        assert_eq!(answer.status, 200, "{answer}");
        lambda.invocations("allow")
    };
    assert_eq!([call(), call()], [1, 1]);
    one.made("DELETE", &format!("/restapis/{}/stages/prod/cache/authorizers", api.id), &Value::Null);
    let is_forgotten = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        call() == 2
    });
    assert!(is_forgotten, "the other process goes on believing");
    assert_eq!([call(), call()], [2, 2], "what it was answered since is kept again");
}
