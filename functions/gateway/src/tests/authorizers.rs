use std::time::Duration;

use keyplan_domain::api::{Authorizer, AuthorizerType};
use serde_json::json;

use super::lambda::Reply;
use super::*;
use crate::testing::{function, open_method, request, strings};

const ALL: &str = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/prod/*/*";
const UNAUTHORIZED: (u16, Option<&str>, &str) = (401, Some("UnauthorizedException"), "{\"message\":\"Unauthorized\"}");
const FAILED: (u16, Option<&str>, &str) = (500, Some("AuthorizerConfigurationException"), "{\"message\":null}");

fn answer(effect: &str, resource: &str) -> Value {
    json!({
        "principalId": "alice",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}],
        },
        "context": {"tenant": "acme", "level": 3, "trial": true},
    })
}

fn allow() -> Reply {
    Reply::Answer(answer("Allow", ALL))
}

fn guarded() -> Method {
    Method {
        authorization_type: "CUSTOM".into(),
        authorizer_id: Some("auth01".into()),
        ..open_method(function("backend"))
    }
}

/// An API whose method has the authorizer, which `change` may change.
async fn bench_with(source: ApiKeySource, method: Method, change: impl Fn(&mut Authorizer)) -> Bench {
    let bench = Bench::with(source, |definition| {
        change(definition.authorizers.get_mut("auth01").unwrap());
        let methods = BTreeMap::from([("ANY".to_owned(), method.clone())]);
        definition.methods.insert("pet001".into(), methods);
    })
    .await;
    bench.lambda.set("backend", Reply::Echo);
    bench.lambda.set("authorizer", allow());
    bench
}

async fn bench() -> Bench {
    bench_with(ApiKeySource::Header, guarded(), |_| ()).await
}

fn with_token(token: &str) -> Request {
    get_pet().with("authorization", token)
}

#[tokio::test]
async fn a_token_authorizer_is_asked_with_token_and_method_arn() {
    let bench = bench().await;
    let response = bench.call(with_token("Bearer abc")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        bench.lambda.events("authorizer"),
        [json!({
            "type": "TOKEN",
            "authorizationToken": "Bearer abc",
            "methodArn": "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/prod/GET/pets/7",
        })]
    );
    assert_eq!(
        json(&response)["requestContext"]["authorizer"],
        json!({"principalId": "alice", "tenant": "acme", "level": "3", "trial": "true", "integrationLatency": 0})
    );
}

#[tokio::test]
async fn without_an_identity_nobody_is_asked() {
    let expression = |authorizer: &mut Authorizer| {
        authorizer.identity_validation_expression = Some("Bearer [a-z]+".into());
    };
    let bench = bench_with(ApiKeySource::Header, guarded(), expression).await;
    for request in [get_pet(), with_token(""), with_token("Bearer 1"), with_token("Bearer abc ")] {
        assert_eq!(gist(&bench.call(request).await), UNAUTHORIZED);
    }
    assert!(bench.lambda.events("authorizer").is_empty());
    assert_eq!(bench.call(with_token("Bearer abc")).await.status(), 200);
}

#[tokio::test]
async fn a_policy_decides_and_a_deny_wins() {
    let bench = bench().await;
    let pet = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/prod/GET/pets/7";
    for (token, answer, status, text) in [
        ("a", answer("Allow", pet), 200, ""),
        ("b", answer("Deny", "*"), 403, "with an explicit deny in an identity-based policy"),
        ("c", answer("Allow", &pet.replace("pets/7", "pets/8")), 403, "because no identity-based policy allows"),
    ] {
        bench.lambda.set("authorizer", Reply::Answer(answer));
        let response = bench.call(with_token(token)).await;
        assert_eq!(response.status(), status, "{token}");
        if status == 403 {
            assert_eq!(response.headers()["x-amzn-errortype"], "AccessDeniedException");
            assert!(json(&response)["Message"].as_str().unwrap().contains(text), "{token}");
        }
    }
}

#[tokio::test]
async fn only_the_error_unauthorized_is_a_401() {
    for (reply, expected) in [
        (Reply::Fail("Unauthorized"), UNAUTHORIZED),
        (Reply::Fail("Unauthorized!"), FAILED),
        (Reply::Fail("boom"), FAILED),
        (Reply::Answer(json!({"principalId": "alice"})), FAILED),
        (Reply::Answer(json!("Unauthorized")), FAILED),
    ] {
        let bench = bench().await;
        bench.lambda.set("authorizer", reply);
        for _ in 0..2 {
            assert_eq!(gist(&bench.call(with_token("abc")).await), expected);
        }
        assert_eq!(bench.lambda.events("authorizer").len(), 2, "a failure is kept");
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_and_its_policy_held_against_every_method() {
    let bench = bench().await;
    let only_this = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/prod/GET/pets/7";
    bench.lambda.set("authorizer", Reply::Answer(answer("Allow", only_this)));
    assert_eq!(bench.call(with_token("abc")).await.status(), 200);
    let other = request("GET", &format!("/{API}/prod/pets/8")).with("authorization", "abc");
    assert_eq!(bench.call(other).await.status(), 403);
    bench.clock.advance(Duration::from_secs(299));
    assert_eq!(bench.call(with_token("abc")).await.status(), 200);
    assert_eq!(bench.lambda.events("authorizer").len(), 1);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.call(with_token("abc")).await.status(), 200);
    assert_eq!(bench.call(with_token("abd")).await.status(), 200);
    assert_eq!(bench.lambda.events("authorizer").len(), 3);
}

#[tokio::test]
async fn a_raised_epoch_of_the_stage_flushes_what_is_kept() {
    let bench = bench().await;
    bench.call(with_token("abc")).await;
    bench.gateway.drop_caches();
    bench.call(with_token("abc")).await;
    assert_eq!(bench.lambda.events("authorizer").len(), 1);
    bench.edit(|definition| definition.stages.get_mut("prod").unwrap().authorizer_epoch += 1).await;
    bench.gateway.drop_caches();
    bench.call(with_token("abc")).await;
    assert_eq!(bench.lambda.events("authorizer").len(), 2);
}

#[tokio::test]
async fn with_a_time_to_live_of_zero_every_request_asks() {
    let off = |authorizer: &mut Authorizer| authorizer.authorizer_result_ttl_in_seconds = Some(0);
    let bench = bench_with(ApiKeySource::Header, guarded(), off).await;
    for _ in 0..2 {
        assert_eq!(bench.call(with_token("abc")).await.status(), 200);
    }
    assert_eq!(bench.lambda.events("authorizer").len(), 2);
}

#[tokio::test]
async fn a_method_arn_too_long_for_a_policy_is_refused() {
    let bench = bench().await;
    let path = format!("/{API}/prod/pets/{}", "x".repeat(1_600));
    let response = bench.call(request("GET", &path).with("authorization", "abc")).await;
    assert_eq!(response.status(), 414);
    assert!(bench.lambda.events("authorizer").is_empty());
}

#[tokio::test]
async fn an_authorizer_that_cannot_be_asked_is_a_failure() {
    for change in [
        |authorizer: &mut Authorizer| authorizer.authorizer_uri = None,
        |authorizer: &mut Authorizer| authorizer.authorizer_uri = Some(crate::testing::function_uri("nobody")),
        |authorizer: &mut Authorizer| authorizer.identity_source = None,
        |authorizer: &mut Authorizer| authorizer.identity_validation_expression = Some("(?=a)".into()),
    ] {
        let bench = bench_with(ApiKeySource::Header, guarded(), change).await;
        assert_eq!(gist(&bench.call(with_token("abc")).await), FAILED);
    }
}

#[tokio::test]
async fn a_request_authorizer_is_asked_with_the_request() {
    let by_request = |authorizer: &mut Authorizer| {
        authorizer.authorizer_type = AuthorizerType::Request;
        authorizer.identity_source =
            Some("method.request.header.X-Tenant, method.request.querystring.q, stageVariables.tier".into());
    };
    let bench = bench_with(ApiKeySource::Header, guarded(), by_request).await;
    bench.edit(|definition| definition.stages.get_mut("prod").unwrap().variables = strings(&[("tier", "gold")])).await;
    let call = |query: &str| request("GET", &format!("/{API}/prod/pets/7?{query}")).with("x-tenant", "acme");
    assert_eq!(gist(&bench.call(call("")).await), UNAUTHORIZED);
    assert_eq!(bench.call(call("q=1")).await.status(), 200);
    assert_eq!(bench.call(call("q=1&other=2")).await.status(), 200);
    assert_eq!(bench.call(call("q=2")).await.status(), 200);
    let events = bench.lambda.events("authorizer");
    assert_eq!(events.len(), 2);
    let event = &events[0];
    assert_eq!(event["type"], "REQUEST");
    assert_eq!(event["methodArn"], "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/prod/GET/pets/7");
    assert_eq!((&event["resource"], &event["path"]), (&json!("/pets/{petId}"), &json!("/pets/7")));
    assert_eq!(event["pathParameters"], json!({"petId": "7"}));
    assert_eq!(event["multiValueQueryStringParameters"], json!({"q": ["1"]}));
    assert_eq!(event["stageVariables"], json!({"tier": "gold"}));
    assert_eq!(event["requestContext"]["path"], "/prod/pets/7");
    assert!(event.get("body").is_none());
}

fn guarded_with_key() -> Method {
    Method { api_key_required: true, ..guarded() }
}

fn with_usage_identifier_key(value: Value) -> Reply {
    let mut answer = answer("Allow", ALL);
    answer["usageIdentifierKey"] = value;
    Reply::Answer(answer)
}

#[tokio::test]
async fn a_key_from_the_authorizer_opens_the_method_and_the_header_does_not() {
    let bench = bench_with(ApiKeySource::Authorizer, guarded_with_key(), |_| ()).await;
    let (key, _) = bench.key_in_plan(|_| ()).await;
    for (token, reply) in [
        ("none", allow()),
        ("null", with_usage_identifier_key(Value::Null)),
        ("empty", with_usage_identifier_key(json!(""))),
        ("id", with_usage_identifier_key(json!(key.as_str()))),
        ("unknown", with_usage_identifier_key(json!("of-nobody-at-all-000"))),
    ] {
        bench.lambda.set("authorizer", reply);
        let response = bench.call(with_token(token).with("x-api-key", VALUE)).await;
        assert_eq!(gist(&response), FORBIDDEN, "{token}");
    }
    bench.lambda.set("authorizer", with_usage_identifier_key(json!(VALUE)));
    let response = bench.call(with_token("known").with("x-api-key", "ignored")).await;
    assert_eq!(response.status(), 200);
    let identity = &json(&response)["requestContext"]["identity"];
    assert_eq!((&identity["apiKey"], &identity["apiKeyId"]), (&json!(VALUE), &json!(key.as_str())));
}

#[tokio::test]
async fn a_request_authorizer_sees_the_key_of_the_header_and_whose_it_is() {
    let by_request = |authorizer: &mut Authorizer| authorizer.authorizer_type = AuthorizerType::Request;
    let bench = bench_with(ApiKeySource::Header, guarded_with_key(), by_request).await;
    let (key_id, _) = bench.key_in_plan(|_| ()).await;
    bench.lambda.set("authorizer", Reply::Fail("Unauthorized"));
    for presented in ["as presented", VALUE] {
        let response = bench.call(with_token("abc").with("x-api-key", presented)).await;
        assert_eq!(response.status(), 401, "the key is looked up before the authorizer, and enforced behind it");
    }
    let events = bench.lambda.events("authorizer");
    let shown = |index: usize| {
        let identity = &events[index]["requestContext"]["identity"];
        (identity["apiKey"].as_str(), identity["apiKeyId"].as_str())
    };
    assert_eq!(shown(0), (Some("as presented"), None));
    assert_eq!(shown(1), (Some(VALUE), Some(key_id.as_str())));
    assert!(events[0]["requestContext"].get("authorizer").is_none());
}

#[tokio::test]
async fn a_key_from_the_authorizer_is_ignored_where_the_header_is_the_source() {
    let bench = bench_with(ApiKeySource::Header, guarded_with_key(), |_| ()).await;
    bench.key_in_plan(|_| ()).await;
    bench.lambda.set("authorizer", with_usage_identifier_key(json!(VALUE)));
    assert_eq!(gist(&bench.call(with_token("abc")).await), FORBIDDEN);
    assert_eq!(bench.call(with_token("abc").with("x-api-key", VALUE)).await.status(), 200);
}

#[tokio::test]
async fn without_an_authorizer_no_key_can_come_from_one() {
    let method = Method { api_key_required: true, ..open_method(function("backend")) };
    let bench = bench_with(ApiKeySource::Authorizer, method, |_| ()).await;
    bench.key_in_plan(|_| ()).await;
    assert_eq!(gist(&bench.call(get_pet().with("x-api-key", VALUE)).await), FORBIDDEN);
}
