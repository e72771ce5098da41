//! The rules that tokens are held against, and how keys come and go. Signatures
//! of every algorithm, by somebody else's library, are verified end to end.

pub(crate) mod issuer;

use std::time::Duration;

use keyplan_telemetry::Counter;
use serde_json::{Value, json};

use super::*;
use issuer::{Behaviour, TestIssuer, encode, with};

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

/// A verifier of one issuer whose key `a` is given.
fn verifier(members: Value) -> JwtVerifier {
    JwtVerifier::new(vec![rules(json!({"jwks": issuer::set(&["a"])}), members)]).unwrap()
}

/// What is needed, `more`, and then `members`.
fn rules(more: Value, members: Value) -> Issuer {
    let needed = json!({"issuer": "https://issuer.example", "audiences": ["api"], "leewaySeconds": 10});
    serde_json::from_value(with(with(needed, &more), &members)).unwrap()
}

fn claims(members: Value) -> Value {
    let all = json!({"iss": "https://issuer.example", "aud": "api", "sub": "alice", "exp": NOW + 100});
    let mut all = with(all, &members);
    all.as_object_mut().unwrap().retain(|_, value| *value != json!("absent"));
    all
}

fn token(members: Value) -> String {
    issuer::sign("a", &json!({"alg": "EdDSA", "kid": "a"}), &claims(members))
}

async fn verify(rules: Value, members: Value) -> Result<Arc<Identity>, JwtRejection> {
    verify_token(&verifier(rules), &token(members)).await
}

async fn verify_token(verifier: &JwtVerifier, token: &str) -> Result<Arc<Identity>, JwtRejection> {
    verifier.verify(token, now()).await.map_err(|error| match error {
        JwtError::Rejected(rejection) => rejection,
        JwtError::Keys(error) => panic!("no keys: {error}"),
    })
}

#[tokio::test]
async fn a_token_tells_whom_it_is_of() {
    let identity = verify(json!({}), json!({})).await.unwrap();
    assert_eq!(identity.subject, Subject::new("https://issuer.example", "alice").unwrap());
    assert_eq!(identity.principal_id, "alice");
    assert_eq!((&identity.scopes, &identity.plan), (&None, &None));
    assert!(identity.context.is_empty());
}

#[tokio::test]
async fn an_oversized_token_is_not_looked_at() {
    let verifier = verifier(json!({}));
    let rejection = async |bytes: usize| verify_token(&verifier, &"a".repeat(bytes)).await.unwrap_err();
    assert_eq!(rejection(compact::MAX_BYTES + 1).await, JwtRejection::TooLong);
    assert_eq!(rejection(compact::MAX_BYTES).await, JwtRejection::Form);
}

#[tokio::test]
async fn each_claim_is_held_against_its_rule() {
    use JwtRejection::*;
    for (rules, members, expected) in [
        (json!({}), json!({"iss": "absent"}), Some(Issuer)),
        (json!({}), json!({"iss": null}), Some(Issuer)),
        (json!({}), json!({"iss": ["https://issuer.example"]}), Some(Issuer)),
        (json!({}), json!({"iss": "https://issuer.example/"}), Some(Issuer)),
        (json!({}), json!({"aud": "absent"}), Some(Audience)),
        (json!({}), json!({"aud": null}), Some(Audience)),
        (json!({}), json!({"aud": "API"}), Some(Audience)),
        (json!({}), json!({"aud": {"api": 1}}), Some(Audience)),
        (json!({}), json!({"aud": []}), Some(Audience)),
        (json!({}), json!({"aud": ["other", 1, "api"]}), None),
        (json!({"audiences": ["other", "api"]}), json!({}), None),
        (json!({"audiences": []}), json!({"aud": "absent"}), None),
        (json!({}), json!({"exp": "absent"}), Some(Date)),
        (json!({}), json!({"exp": null}), Some(Date)),
        (json!({}), json!({"exp": "1800000100"}), Some(Date)),
        (json!({}), json!({"exp": NOW - 9}), None),
        (json!({}), json!({"exp": NOW - 10}), Some(Expired)),
        (json!({}), json!({"exp": -5}), Some(Expired)),
        (json!({}), json!({"exp": -1e300}), Some(Expired)),
        (json!({}), json!({"exp": 1e300}), None),
        (json!({}), json!({"exp": u64::MAX}), None),
        (json!({}), json!({"exp": NOW as f64 - 9.5}), None),
        (json!({}), json!({"exp": NOW as f64 - 10.5}), Some(Expired)),
        (json!({}), json!({"nbf": NOW + 10}), None),
        (json!({}), json!({"nbf": NOW + 11}), Some(NotYet)),
        (json!({}), json!({"nbf": "soon"}), Some(Date)),
        (json!({}), json!({"iat": "now"}), Some(Date)),
        (json!({}), json!({"iat": NOW + 1_000}), None),
        (json!({}), json!({"sub": "absent"}), Some(Subject)),
        (json!({}), json!({"sub": ""}), Some(Subject)),
        (json!({}), json!({"sub": 7}), Some(Subject)),
        (json!({}), json!({"sub": "a\nb"}), Some(Subject)),
        (json!({}), json!({"sub": "x".repeat(1_025)}), Some(Subject)),
        (json!({"subjectClaim": "tenant"}), json!({}), Some(Subject)),
        (json!({"subjectClaim": "tenant"}), json!({"tenant": "t"}), None),
        (json!({"requiredClaims": ["jti"]}), json!({}), Some(Claims)),
        (json!({"requiredClaims": ["jti"]}), json!({"jti": null}), Some(Claims)),
        (json!({"requiredClaims": ["jti"]}), json!({"jti": "1"}), None),
        (json!({"claimValues": {"token_use": ["access"]}}), json!({}), Some(Claims)),
        (json!({"claimValues": {"token_use": ["access"]}}), json!({"token_use": "id"}), Some(Claims)),
        (json!({"claimValues": {"token_use": ["access"]}}), json!({"token_use": "access"}), None),
        (json!({"claimValues": {"email_verified": [true]}}), json!({"email_verified": "true"}), Some(Claims)),
        (json!({"claimValues": {"/realm/roles": ["a", "b"]}}), json!({"realm": {"roles": ["c", "b"]}}), None),
        (json!({"claimValues": {"/realm/roles": ["a", "b"]}}), json!({"realm": {"roles": ["c"]}}), Some(Claims)),
    ] {
        let what = format!("{rules} {members}");
        assert_eq!(verify(rules, members).await.err(), expected, "{what}");
    }
}

#[tokio::test]
async fn a_type_is_absent_or_one_that_is_asked_for() {
    let one = |typ: Value| issuer::sign("a", &json!({"alg": "EdDSA", "kid": "a", "typ": typ}), &claims(json!({})));
    let default = verifier(json!({}));
    for typ in [json!(null), json!("JWT"), json!("jwt"), json!("at+jwt"), json!("application/at+JWT")] {
        assert!(verify_token(&default, &one(typ.clone())).await.is_ok(), "{typ}");
    }
    for typ in ["", "dpop+jwt", "logout+jwt", "JOSE", "id_token"] {
        assert_eq!(verify_token(&default, &one(json!(typ))).await.unwrap_err(), JwtRejection::Type, "{typ}");
    }
    let strict = verifier(json!({"types": ["at+jwt"]}));
    assert!(verify_token(&strict, &one(json!("AT+JWT"))).await.is_ok());
    for typ in [json!(null), json!("JWT")] {
        assert_eq!(verify_token(&strict, &one(typ)).await.unwrap_err(), JwtRejection::Type);
    }
}

#[tokio::test]
async fn only_the_issuers_own_keys_and_algorithms_count() {
    let verifier = verifier(json!({"algorithms": ["EdDSA", "ES256"]}));
    let sign = |key, header: Value| issuer::sign(key, &header, &claims(json!({})));
    for (token, expected) in [
        (sign("a", json!({"alg": "EdDSA", "kid": "a"})), None),
        (sign("a", json!({"alg": "Ed25519", "kid": "a"})), None),
        (sign("a", json!({"alg": "EdDSA"})), None),
        (sign("b", json!({"alg": "EdDSA", "kid": "a"})), Some(JwtRejection::Signature)),
        (sign("b", json!({"alg": "EdDSA"})), Some(JwtRejection::Signature)),
        (sign("b", json!({"alg": "EdDSA", "kid": "b"})), Some(JwtRejection::UnknownKey)),
        // The key is of another kind than its header says.
        (sign("a", json!({"alg": "ES256", "kid": "a"})), Some(JwtRejection::UnknownKey)),
        (sign("a", json!({"alg": "RS256", "kid": "a"})), Some(JwtRejection::Algorithm)),
        (sign("b", json!({"alg": "EdDSA", "jwk": issuer::jwk("b")})), Some(JwtRejection::Signature)),
    ] {
        assert_eq!(verify_token(&verifier, &token).await.err(), expected, "{token}");
    }
    let good = token(json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = token(json!({"sub": "bob"}));
    let (of_another, _) = other.rsplit_once('.').unwrap();
    for forged in [format!("{of_another}.{signature}"), format!("{signed}."), format!("{signed}.{}", encode(&[0; 64]))]
    {
        assert_eq!(verify_token(&verifier, &forged).await.unwrap_err(), JwtRejection::Signature, "{forged}");
    }
}

#[tokio::test]
async fn scopes_are_patterns_or_names_for_them() {
    let rules = json!({"scopeClaim": "scope", "scopes": {"pets:read": ["GET/pets", "GET/pets/*"], "none": []}});
    let scopes = async |claim: Value| {
        let identity = verify(rules.clone(), json!({"scope": claim})).await.unwrap();
        identity.scopes.as_ref().unwrap().iter().map(|scope| scope.as_str().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(scopes(json!("openid pets:read POST/toys GET/pets")).await, "GET/pets GET/pets/* POST/toys");
    assert_eq!(scopes(json!(["pets:read", 1, "*/a b"])).await, "GET/pets GET/pets/*");
    for nothing in [json!("absent"), json!(null), json!(7), json!(""), json!("openid none")] {
        assert_eq!(scopes(nothing).await, "");
    }
}

#[tokio::test]
async fn a_claim_names_the_plan_of_a_key_that_is_made() {
    let plan = async |create: Value, members: Value| {
        let identity = verify(json!({"createKeys": create}), members).await.unwrap();
        identity.plan.as_ref().map(|plan| plan.as_str().to_owned())
    };
    let by_name = json!({"usagePlanId": "free", "planClaim": "plan", "plans": {"gold": "goldplan01"}});
    assert_eq!(plan(json!({"usagePlanId": "free"}), json!({"plan": "gold"})).await.as_deref(), Some("free"));
    assert_eq!(plan(by_name.clone(), json!({})).await.as_deref(), Some("free"));
    assert_eq!(plan(by_name.clone(), json!({"plan": "gold"})).await.as_deref(), Some("goldplan01"));
    assert_eq!(plan(by_name.clone(), json!({"plan": "goldplan01"})).await, None);
    assert_eq!(plan(by_name, json!({"plan": 7})).await, None);
    assert_eq!(plan(json!({"planClaim": "plan"}), json!({"plan": "p1"})).await.as_deref(), Some("p1"));
    assert_eq!(plan(json!({"planClaim": "plan"}), json!({})).await, None);
}

#[tokio::test]
async fn the_backend_is_told_what_is_scalar() {
    let rules = json!({"contextClaims": ["s", "n", "f", "b", "list", "nothing", "missing"], "principalClaim": "s"});
    let members = json!({"s": "x", "n": 7, "f": 1.5, "b": true, "list": [], "nothing": null});
    let identity = verify(rules, members).await.unwrap();
    assert_eq!(serde_json::to_value(&identity.context).unwrap(), json!({"s": "x", "n": 7, "f": "1.5", "b": true}));
    assert_eq!(identity.principal_id, "x");
}

#[tokio::test]
async fn issuers_must_make_sense_together() {
    let error = |issuers: Vec<Issuer>| JwtVerifier::new(issuers).unwrap_err().to_string();
    let one = rules(json!({}), json!({}));
    assert_eq!(error(vec![one.clone(), one]), "https://issuer.example is there twice");
    let error = |members| error(vec![rules(json!({}), members)]);
    assert!(error(json!({"issuer": "http://issuer.example"})).starts_with("issuer, where jwksUri is not set, must be"));
    assert!(error(json!({"issuer": "me"})).contains("must be an https address"));
    assert!(error(json!({"jwksUri": "http://issuer.example"})).starts_with("jwksUri must be an https address"));
    assert!(error(json!({"jwks": {"keys": []}})).starts_with("jwks: the JWK Set has no key"));
    assert!(error(json!({"jwksFile": "/nowhere"})).starts_with("jwksFile: No such file"));
}

// How keys come and go.

async fn at(verifier: &JwtVerifier, seconds: i64, kid: &str) -> Result<(), String> {
    // Every time another token: one that is verified needs no keys.
    let claims = claims(json!({"exp": NOW + 1_000_000, "jti": seconds}));
    let token = issuer::sign(kid, &json!({"alg": "EdDSA", "kid": kid}), &claims);
    let verified = verifier.verify(&token, Timestamp::from_seconds(NOW + seconds)).await;
    verified.map(|_| ()).map_err(|error| error.to_string())
}

const UNKNOWN: &str = "the token is signed with an unknown key";
const FAILED: &str = "the last attempt to fetch the keys failed";

#[tokio::test]
async fn keys_are_fetched_once_and_again_when_they_have_aged() {
    let (server, verifier) = fetching(json!({})).await;
    let metrics = Metrics::default();
    let verifier = verifier.counting_in(&metrics);
    for (seconds, fetched) in [(0, 1), (1, 1), (599, 1), (600, 2), (1_199, 2), (1_200, 3)] {
        assert_eq!(at(&verifier, seconds, "a").await, Ok(()));
        assert_eq!(server.jwks_hits(), fetched, "after {seconds} s");
        assert_eq!(metrics.counted(Counter::JwksFetches), u64::try_from(fetched).unwrap());
    }
    assert_eq!(server.discovery_hits(), 1);
}

#[tokio::test]
async fn an_unknown_kid_has_them_fetched_no_more_often_than_configured() {
    let (server, verifier) = fetching(json!({"jwksCooldownSeconds": 30})).await;
    assert_eq!(at(&verifier, 0, "a").await, Ok(()));
    for seconds in 1..30 {
        assert_eq!(at(&verifier, seconds, "b").await, Err(UNKNOWN.into()));
    }
    assert_eq!(server.jwks_hits(), 1);
    assert_eq!(at(&verifier, 30, "b").await, Err(UNKNOWN.into()));
    assert_eq!(server.jwks_hits(), 2);
    server.rotate(&["a", "b"]);
    assert_eq!(at(&verifier, 59, "b").await, Err(UNKNOWN.into()));
    assert_eq!(at(&verifier, 60, "b").await, Ok(()));
    assert_eq!(at(&verifier, 61, "a").await, Ok(()));
    server.rotate(&["b"]);
    assert_eq!(at(&verifier, 660, "a").await, Err(UNKNOWN.into()), "a key that is withdrawn is believed no longer");
    assert_eq!(server.jwks_hits(), 4);
}

#[tokio::test]
async fn keys_are_kept_while_their_issuer_fails() {
    for behaviour in [Behaviour::Fail, Behaviour::Garbage, Behaviour::Empty, Behaviour::Endless, Behaviour::Redirect] {
        let (server, verifier) = fetching(json!({})).await;
        assert_eq!(at(&verifier, 0, "a").await, Ok(()));
        server.behave(behaviour);
        assert_eq!(at(&verifier, 1_000, "a").await, Ok(()));
        assert_eq!(at(&verifier, 1_001, "b").await, Err(FAILED.into()), "whether it is known cannot be told");
        assert_eq!(at(&verifier, 100_000, "a").await, Ok(()), "{behaviour:?}");
        server.behave(Behaviour::Serve);
        server.rotate(&["b"]);
        assert_eq!(at(&verifier, 100_010, "b").await, Ok(()), "{behaviour:?}");
        assert_eq!(at(&verifier, 100_011, "a").await, Err(UNKNOWN.into()));
    }
}

#[tokio::test]
async fn without_any_keys_nothing_can_be_told() {
    let (server, verifier) = fetching(json!({})).await;
    server.behave(Behaviour::Fail);
    assert_eq!(
        at(&verifier, 0, "a").await,
        Err("the discovery document could not be fetched: the answer was 503 Service Unavailable".into())
    );
    for seconds in 1..10 {
        assert_eq!(at(&verifier, seconds, "a").await, Err(FAILED.into()));
    }
    assert_eq!(server.discovery_hits(), 1);
    server.behave(Behaviour::Serve);
    assert_eq!(at(&verifier, 10, "a").await, Ok(()));
}

#[tokio::test]
async fn an_issuer_that_is_down_keeps_callers_waiting_ever_less_often() {
    let (server, verifier) = fetching(json!({})).await;
    assert_eq!(at(&verifier, 0, "a").await, Ok(()));
    server.behave(Behaviour::Fail);
    for seconds in 600..1_200 {
        assert_eq!(at(&verifier, seconds, "a").await, Ok(()));
    }
    // At 600, and 10, 20, 40, 80, 160 and 320 s after one another: the sixth
    // would be at 1,230.
    let attempts = server.jwks_hits() + server.discovery_hits() - 2;
    assert_eq!(attempts, 6);
}

#[tokio::test]
async fn who_has_keys_does_not_wait_for_somebody_elses_attempt() {
    let (server, verifier) = fetching(json!({})).await;
    let verifier = Arc::new(verifier);
    assert_eq!(at(&verifier, 0, "a").await, Ok(()));
    server.behave(Behaviour::Stall);
    let waiting = tokio::spawn({
        let verifier = verifier.clone();
        async move { at(&verifier, 1_000, "a").await }
    });
    server.until_asked(2).await;
    assert_eq!(at(&verifier, 1_001, "a").await, Ok(()));
    assert!(!waiting.is_finished());
    // It gives up by itself.
    assert_eq!(waiting.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn many_at_once_have_the_keys_fetched_once() {
    let (server, verifier) = fetching(json!({})).await;
    let verifier = Arc::new(verifier);
    let all = (0..64).map(|_| {
        let verifier = verifier.clone();
        tokio::spawn(async move { at(&verifier, 0, "a").await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), Ok(()));
    }
    assert_eq!((server.discovery_hits(), server.jwks_hits()), (1, 1));
}

#[tokio::test]
async fn a_discovery_document_must_be_the_issuers_own() {
    for behaviour in [Behaviour::AnotherIssuer, Behaviour::PlainJwksUri] {
        let (server, verifier) = fetching(json!({})).await;
        server.behave(behaviour);
        assert_eq!(at(&verifier, 0, "a").await, Err("the discovery document is none of this issuer".into()));
        assert_eq!(server.jwks_hits(), 0);
    }
}

#[tokio::test]
async fn keys_from_a_file_need_no_fetch_until_they_have_aged() {
    let file = std::env::temp_dir().join(format!("keyplan-jwks-{}.json", std::process::id()));
    std::fs::write(&file, issuer::set(&["a"]).to_string()).unwrap();
    let (server, verifier) = fetching(json!({"jwksFile": file})).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(at(&verifier, 0, "a").await, Ok(()));
    assert_eq!(at(&verifier, 599, "a").await, Ok(()));
    assert_eq!(server.jwks_hits(), 0);
    assert_eq!(at(&verifier, 600, "a").await, Ok(()));
    assert_eq!(server.jwks_hits(), 1);
}

#[tokio::test]
async fn a_verified_token_is_not_verified_again_until_it_ends_or_its_keys_age() {
    let (server, verifier) = fetching(json!({})).await;
    let sign = |exp| issuer::sign("a", &json!({"alg": "EdDSA", "kid": "a"}), &claims(json!({"exp": exp})));
    let (short, long) = (sign(NOW + 100), sign(NOW + 100_000));
    let verify = async |token: &str, seconds| verifier.verify(token, now().plus(Duration::from_secs(seconds))).await;
    let first = verify(&long, 0).await.unwrap();
    assert!(Arc::ptr_eq(&first, &verify(&long, 599).await.unwrap()));
    assert!(verify(&short, 109).await.is_ok());
    assert!(matches!(verify(&short, 110).await, Err(JwtError::Rejected(JwtRejection::Expired))));
    server.rotate(&["b"]);
    assert!(matches!(verify(&long, 600).await, Err(JwtError::Rejected(JwtRejection::UnknownKey))));
}

/// A verifier that fetches the keys of an issuer who is on this machine. Tokens
/// are signed in the name of `https://issuer.example`, wherever it is.
async fn fetching(members: Value) -> (TestIssuer, JwtVerifier) {
    let server = TestIssuer::start(&["a"]).await;
    let mut verifier = JwtVerifier::new(vec![rules(json!({"issuer": server.url()}), members)]).unwrap();
    verifier.issuers[0].0.issuer = "https://issuer.example".into();
    (server, verifier)
}
