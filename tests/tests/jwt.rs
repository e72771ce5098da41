//! Tokens of an identity provider in place of keys: signed, published and rotated
//! by an issuer that knows nothing of Keyplan, and counted by usage plans.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

use keyplan_tests::{Answer, ApiKey, Issuer, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const KEY: (&str, &str) = ("first", "ES256");

/// A stack that trusts an issuer.
fn stack_trusting(issuer: &Issuer, rules: Value) -> Stack {
    let file = issuer.file(rules);
    let path = file.path().to_str().unwrap();
    Stack::with(&["--jwt-issuers", path])
}

/// An API whose `GET /pets` takes its keys from the authorizer, and asks it every time.
fn guarded(stack: &Stack) -> RestApi<'_> {
    let mut api = RestApi::create(stack, json!({"apiKeySource": "AUTHORIZER"}));
    let guard = api.authorizer("tokens", "authorizer", json!({"authorizerResultTtlInSeconds": 0}));
    let method = json!({"authorizerId": guard, "apiKeyRequired": true});
    api.mock("GET", "/pets", method, "$context.authorizer.principalId $context.authorizer.tenant");
    api.deploy("prod", &json!({}));
    api
}

fn call(api: &RestApi<'_>, token: &str) -> Answer {
    api.get("/pets").header("authorization", &format!("Bearer {token}")).send()
}

fn map(stack: &Stack, key: &ApiKey, issuer: &Issuer, subject: &str) -> String {
    let subject = json!({"issuer": issuer.url, "subject": subject});
    let made = stack.made("POST", &format!("/apikeys/{}/subjects", key.id), &subject);
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn tokens_of_every_algorithm_are_counted_by_the_plan_of_their_subjects_key() {
    let keys: Vec<_> = ALGORITHMS.iter().map(|algorithm| (*algorithm, *algorithm)).collect();
    let issuer = Issuer::start(&keys);
    let stack = stack_trusting(&issuer, json!({"contextClaims": ["tenant"]}));
    let today = stack.advance_to_noon();
    let now = stack.advance(0);
    let api = guarded(&stack);
    let plan =
        UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({"quota": {"limit": 12, "period": "DAY"}}));
    let key = plan.key("alice");
    map(&stack, &key, &issuer, "alice");
    for algorithm in ALGORITHMS {
        let token = issuer.token(now, (algorithm, algorithm), json!({}), json!({"tenant": algorithm}));
        let answer = call(&api, &token);
        assert_eq!((answer.status, answer.body.as_str()), (200, format!("alice {algorithm}").as_str()), "{answer}");
        // One character of its signature is another.
        let at = token.len() - 10;
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        let forged = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert_eq!(call(&api, &forged).status, 401, "{algorithm}");
    }
    // The name of RFC 9864 for the same.
    let token = issuer.token(now, ("EdDSA", "Ed25519"), json!({}), json!({}));
    assert_eq!(call(&api, &token).status, 200);
    assert_eq!(plan.used(&today)[&key.id], 11);
    assert_eq!(call(&api, &token).status, 200);
    assert_eq!(call(&api, &token).status, 429);
    assert_eq!(issuer.jwks_hits(), 1, "all of it with one look at the keys");
}

#[test]
fn no_other_token_gets_in() {
    let issuer = Issuer::start(&[KEY, ("rsa", "RS256")]);
    let stack = stack_trusting(&issuer, json!({"leewaySeconds": 5, "requiredClaims": ["jti"]}));
    let now = stack.advance(0);
    let api = guarded(&stack);
    let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({})).key("alice");
    map(&stack, &key, &issuer, "alice");
    let token = |asked: Value, mut claims: Value| {
        claims["jti"] = claims.get("jti").cloned().unwrap_or(json!("1"));
        issuer.token(now, KEY, asked, claims)
    };
    let good = token(json!({}), json!({}));
    assert_eq!(call(&api, &good).status, 200);
    let header = |members: Value| json!({"header": members});
    let unsigned = {
        let part = |json: &str| base64_url(json.as_bytes());
        let claims = good.split('.').nth(1).unwrap();
        format!("{}.{claims}.", part(r#"{"alg":"none","kid":"first"}"#))
    };
    for (what, token) in [
        ("unsigned", unsigned),
        (
            "a public key as a secret",
            token(json!({"secret_of": "rsa", "header": {"alg": "HS256", "kid": "rsa"}}), json!({})),
        ),
        ("unpublished key", token(json!({"kid": "unknown", "header": {"alg": "ES256", "kid": "unknown"}}), json!({}))),
        ("another's kid", token(json!({"kid": "forger", "header": {"alg": "ES256", "kid": "first"}}), json!({}))),
        (
            "another kind of key",
            token(json!({"kid": "forger2", "header": {"alg": "RS256", "kid": "first"}}), json!({})),
        ),
        ("another type", token(header(json!({"alg": "ES256", "kid": "first", "typ": "secevent+jwt"})), json!({}))),
        ("another issuer", token(json!({}), json!({"iss": "https://another.example"}))),
        ("another audience", token(json!({}), json!({"aud": ["toys"]}))),
        ("expired", token(json!({}), json!({"exp": now - 10}))),
        ("not yet valid", token(json!({}), json!({"nbf": now + 3_000}))),
        ("a claim missing", token(json!({}), json!({"jti": null}))),
        ("nobody's", token(json!({}), json!({"sub": "mallory"}))),
        ("oversized", token(json!({}), json!({"more": "x".repeat(6_200)}))),
        ("a part too many", format!("{good}.{good}")),
        ("a part too few", good.rsplit_once('.').unwrap().0.to_owned()),
        ("blanks within", good.replacen('.', ". ", 1)),
    ] {
        let answer = call(&api, &token);
        assert_eq!((answer.status, answer.body.as_str()), (401, r#"{"message":"Unauthorized"}"#), "{what}: {answer}");
        assert_eq!(answer.headers["x-amzn-errortype"], "UnauthorizedException", "{what}");
    }
    assert!(!stack.logged().contains(&good), "no token is in the log");
}

#[test]
fn keys_rotate_and_are_kept_while_their_issuer_is_down() {
    let issuer = Issuer::start(&[KEY]);
    issuer.behave("fail");
    let stack = stack_trusting(&issuer, json!({"jwksCooldownSeconds": 20, "leewaySeconds": 600}));
    let api = guarded(&stack);
    let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({})).key("alice");
    map(&stack, &key, &issuer, "alice");
    let now = stack.advance(0);
    // Each a token of its own: one that is verified needs no key.
    let mut n = 0;
    let mut status = |kid: &str| {
        n += 1;
        let claims = json!({"jti": n, "exp": now + 100_000});
        call(&api, &issuer.token(now, (kid, "ES256"), json!({}), claims)).status
    };
    assert_eq!(status("first"), 500, "not the caller's fault");
    issuer.behave("serve");
    stack.advance(20);
    assert_eq!(status("first"), 200);
    issuer.publish(&[("first", "ES256"), ("second", "ES256")]);
    assert_eq!(status("second"), 401, "it was looked for just now");
    stack.advance(20);
    assert_eq!((status("second"), status("first")), (200, 200));
    let hits = issuer.jwks_hits();
    assert_eq!((status("third"), status("fourth"), issuer.jwks_hits()), (401, 401, hits));
    issuer.behave("stall");
    stack.advance(3_600);
    assert_eq!(status("second"), 200, "what is known is kept");
    issuer.behave("serve");
    issuer.publish(&[("second", "ES256")]);
    stack.advance(3_600);
    assert_eq!((status("second"), status("first")), (200, 401), "a key that is withdrawn is no more");
}

#[test]
fn a_subject_is_refused_once_it_has_lost_its_key() {
    let issuer = Issuer::start(&[KEY]);
    let stack = stack_trusting(&issuer, json!({}));
    let api = guarded(&stack);
    let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({})).key("alice");
    let token = issuer.token(stack.advance(0), KEY, json!({}), json!({}));
    assert_eq!(call(&api, &token).status, 401);
    stack.advance(5);
    let subject = map(&stack, &key, &issuer, "alice");
    let status = || call(&api, &token).status;
    assert_eq!(status(), 200);
    stack.made("DELETE", &format!("/apikeys/{}/subjects/{subject}", key.id), &Value::Null);
    // What was looked up is believed for five seconds.
    stack.advance(5);
    assert_eq!(status(), 401);
    map(&stack, &key, &issuer, "alice");
    stack.advance(5);
    assert_eq!(status(), 200);
    stack.made("DELETE", &format!("/apikeys/{}", key.id), &Value::Null);
    stack.advance(5);
    assert_eq!(status(), 401);
}

#[test]
fn whoever_is_seen_first_gets_a_key_in_the_plan_that_the_token_names() {
    let issuer = Issuer::start(&[KEY]);
    // The plans must have ids before the stack that is told of them starts.
    let plans = Stack::start();
    let api = guarded(&plans);
    let free = UsagePlan::create(&plans, "free", &[(&api.id, "prod")], json!({"quota": {"limit": 1, "period": "DAY"}}));
    let gold = UsagePlan::create(&plans, "gold", &[(&api.id, "prod")], json!({"quota": {"limit": 9, "period": "DAY"}}));
    let create = json!({"usagePlanId": free.id, "planClaim": "plan", "plans": {"gold": gold.id}});
    let file = issuer.file(json!({"createKeys": create}));
    let stack = Stack::with(&["--jwt-issuers", file.path().to_str().unwrap(), "--dynamodb-endpoint", &plans.dynamodb]);
    let now = stack.advance(0);
    let status = |claims: Value| {
        let url = format!("{}/{}/prod/pets", stack.gateway, api.id);
        let token = issuer.token(now, KEY, json!({}), claims);
        keyplan_tests::Call::get(url).header("authorization", &token).send().status
    };
    assert_eq!(status(json!({"sub": "alice"})), 200);
    assert_eq!(status(json!({"sub": "alice"})), 429, "the free plan");
    for _ in 0..3 {
        assert_eq!(status(json!({"sub": "bob", "plan": "gold"})), 200);
    }
    assert_eq!(status(json!({"sub": "carol", "plan": "platinum"})), 401, "no plan, no key");
    for (plan, name) in [(&free, "alice"), (&gold, "bob")] {
        let keys = stack.aws(&format!("apigateway get-usage-plan-keys --usage-plan-id {}", plan.id));
        assert_eq!(keys["items"].as_array().map(Vec::len), Some(1), "{keys}");
        assert_eq!(keys["items"][0]["name"], name);
    }
}

#[test]
fn keys_come_only_from_who_can_prove_to_be_the_issuer() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [certificate, key] = [made.cert.pem(), made.signing_key.serialize_pem()].map(|pem| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        file
    });
    let issuer = Issuer::over_tls(certificate.path(), key.path(), &[KEY]);
    let file = issuer.file(json!({}));
    let roots = certificate.path().to_str().unwrap();
    for (variables, status) in [(&[("SSL_CERT_FILE", roots)][..], 200), (&[], 500)] {
        let stack = Stack::with_variables(variables, &["--jwt-issuers", file.path().to_str().unwrap()]);
        let api = guarded(&stack);
        let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], json!({})).key("alice");
        map(&stack, &key, &issuer, "alice");
        let token = issuer.token(stack.advance(0), KEY, json!({}), json!({}));
        assert_eq!(call(&api, &token).status, status);
    }
}

#[test]
fn issuers_that_make_no_sense_keep_the_stack_from_starting() {
    for (rules, because) in [
        (json!({"audience": ["pets"]}), "unknown field `audience`"),
        (json!({"issuer": "http://issuer.example"}), "must be an https address"),
        (json!({"algorithms": ["none"]}), "unknown variant `none`"),
    ] {
        let mut issuer = json!({"issuer": "https://issuer.example", "audiences": ["pets"]});
        for (name, value) in rules.as_object().into_iter().flatten() {
            issuer[name] = value.clone();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), json!([issuer]).to_string()).unwrap();
        let output = Stack::refused(&["--jwt-issuers", file.path().to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("--jwt-issuers") && said.contains(because), "{said}");
    }
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
