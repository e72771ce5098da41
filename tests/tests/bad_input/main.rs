//! Requests that nobody should send, most over a bare socket: each is refused with a
//! 4xx of API Gateway's, or the connection is closed. Never a 5xx, never a
//! panic, and the next is served.

mod body;
mod control;
mod headers;
mod mutated;
mod request_line;

use keyplan_tests::{Answer, Lambda, RestApi, Stack, UsagePlan, raw_http};
use serde_json::json;

/// A stack with an API that serves as much as one can, since what a route
/// refuses anyway shows nothing.
struct Target<'s> {
    stack: &'s Stack,
    lambda: &'s Lambda,
    /// `/{api}/prod`
    base: String,
    key: String,
}

impl<'s> Target<'s> {
    fn create(stack: &'s Stack, lambda: &'s Lambda) -> Self {
        let mut api = RestApi::create(stack, json!({}));
        api.function("ANY", "/{proxy+}", json!({}), "good");
        api.function("ANY", "/users/{id}", json!({}), "good");
        api.mock("ANY", "/mock/{id}", json!({}), "$input.params('id') $input.params('q')");
        api.mock("GET", "/keyed", json!({"apiKeyRequired": true}), "{}");
        let guard = api.authorizer(
            "requests",
            "allow",
            json!({
                "type": "REQUEST",
                "identitySource": "method.request.querystring.q",
                "authorizerResultTtlInSeconds": 0,
            }),
        );
        api.function("ANY", "/guarded/{id}", json!({"authorizerId": guard}), "good");
        api.deploy("prod", &json!({}));
        let key = UsagePlan::create(stack, "plan", &[(&api.id, "prod")], json!({})).key("valid").value;
        Self { stack, lambda, base: format!("/{}/prod", api.id), key }
    }

    /// What bytes are answered with.
    fn answers(&self, sent: &[u8]) -> Vec<Answer> {
        raw_http::answers(&self.stack.gateway, sent)
    }

    /// Holds the answers to `sent` against their statuses, none being a closed
    /// connection, and sees that the server goes on.
    fn check(&self, what: &str, sent: &[u8], statuses: &[u16]) {
        let answers = self.answers(sent);
        let given: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(given, statuses, "{what}: {answers:?}");
        for answer in answers.iter().filter(|answer| answer.status >= 400) {
            assert!(is_refusal(answer), "{what}: {answer}");
        }
        let next = self.answers(self.get("/mock/next", "").as_bytes());
        assert_eq!((next[0].status, next[0].body.as_str()), (200, "next "), "{what}: the next is served");
    }

    /// A GET of a path with more headers, each with its line's end.
    fn get(&self, path: &str, headers: &str) -> String {
        format!("GET {}{path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n", self.base)
    }

    fn post(&self, headers: &str, body: &str) -> String {
        format!("POST {}/x HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}", self.base)
    }
}

/// Whether it is in API Gateway's shape, or bare, as the HTTP server refuses
/// what it cannot even read.
fn is_refusal(answer: &Answer) -> bool {
    let is_bare = answer.body.is_empty() && !answer.headers.contains_key("content-type");
    let named = |name: &str| answer.headers.get(name).is_some_and(|value| !value.is_empty());
    let in_shape = || {
        answer.headers.get("content-type").is_some_and(|kind| kind == "application/json")
            && ["x-amzn-errortype", "x-amzn-requestid", "x-amz-apigw-id"].into_iter().all(named)
            && answer.json()["message"].is_string()
    };
    (400..500).contains(&answer.status) && (is_bare || in_shape())
}

/// Runs a table against a stack of its own, and sees that nothing of it shows
/// as a failure in the log.
fn run(check: impl FnOnce(&Target<'_>)) {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    check(&Target::create(&stack, &lambda));
    let logged = stack.logged();
    assert!(!logged.contains("panicked"), "{logged}");
    assert!(!logged.contains("ERROR"), "{logged}");
}
