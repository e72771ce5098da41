//! JWTs at the authorizer: from a token to the key of its subject.

use keyplan_domain::id::UsagePlanId;
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::subject::{Subject, SubjectRecord};

use super::*;
use crate::jwt::tests::issuer;
use crate::jwt::{Issuer, JwtRejection};

const ISSUER: &str = "https://issuer.example";
const PLAN: &str = "plan000001";

impl Bench {
    /// A process that trusts one issuer, over the same tables.
    fn trusting(&self, members: Value) -> Authorizer {
        let rules = json!({"issuer": ISSUER, "audiences": [], "jwks": issuer::set(&["a"])});
        let rules: Issuer = serde_json::from_value(issuer::with(rules, &members)).unwrap();
        Authorizer::new(self.store.clone(), self.clock.clone()).trusting(vec![rules]).unwrap()
    }

    /// A token that lives for 1,000 seconds.
    fn token_of(&self, subject: &str, members: Value) -> String {
        let claims = json!({"iss": ISSUER, "sub": subject, "exp": self.clock.now().as_seconds() + 1_000});
        issuer::sign("a", &json!({"alg": "EdDSA", "kid": "a"}), &issuer::with(claims, &members))
    }

    /// Gives a subject the key of a token of that seed.
    async fn map(&self, seed: u8, subject: &str) -> SubjectRecord {
        let (_, token) = self.issue(seed, None).await;
        let subject = Subject::new(ISSUER, subject).unwrap();
        let record = SubjectRecord::new(subject, token.key_id, self.clock.now());
        self.store.create_subject(&record).await.unwrap();
        record
    }

    async fn create_plan(&self) {
        let plan = UsagePlan {
            id: UsagePlanId::new(PLAN),
            name: "default".into(),
            description: None,
            product_code: None,
            throttle: None,
            quota: None,
            api_stages: Vec::new(),
            tags: Default::default(),
            created_date: self.clock.now(),
            next_slot: Default::default(),
            version: Default::default(),
        };
        self.store.create_usage_plan(&plan).await.unwrap();
    }

    async fn keys_in_plan(&self) -> usize {
        let page = PageRequest { limit: 500, position: None };
        self.store.plan_keys(&UsagePlanId::new(PLAN), &page, None).await.unwrap().items.len()
    }
}

async fn ask(authorizer: &Authorizer, token: &str) -> Result<Value, AuthorizerError> {
    let credential = format!("Bearer {token}");
    handle(authorizer, json!({"type": "TOKEN", "authorizationToken": credential, "methodArn": METHOD})).await
}

fn rejected(answer: Result<Value, AuthorizerError>) -> Rejection {
    match answer {
        Err(AuthorizerError::Unauthorized(rejection)) => rejection,
        other => panic!("not refused as unauthorized: {other:?}"),
    }
}

#[tokio::test]
async fn a_jwt_is_answered_with_the_value_of_its_subjects_key() {
    let bench = Bench::with_tables().await;
    bench.map(1, "alice").await;
    let authorizer = bench.trusting(json!({"contextClaims": ["tenant"], "scopeClaim": "scope"}));
    let token = bench.token_of("alice", json!({"tenant": "t", "scope": "openid GET/pets"}));
    insta::assert_json_snapshot!(ask(&authorizer, &token).await.unwrap(), @r#"
    {
      "context": {
        "apiKeyId": "key0000001",
        "issuer": "https://issuer.example",
        "scopes": "GET/pets",
        "subject": "alice",
        "tenant": "t"
      },
      "policyDocument": {
        "Statement": [
          {
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets"
          }
        ],
        "Version": "2012-10-17"
      },
      "principalId": "alice",
      "usageIdentifierKey": "the-value-of-the-key-of-the-token-1"
    }
    "#);
}

#[tokio::test]
async fn opaque_tokens_go_on_beside_jwts() {
    let bench = Bench::with_tables().await;
    let (token, _) = bench.issue(1, None).await;
    let authorizer = bench.trusting(json!({}));
    assert_eq!(ask(&authorizer, token.expose()).await.unwrap()["usageIdentifierKey"], format!("{VALUE}-1"));
    assert!(matches!(rejected(ask(&authorizer, "a.b.c").await), Rejection::Jwt(JwtRejection::Form)));
    assert!(matches!(rejected(bench.ask("a.b.c").await), Rejection::Malformed(_)), "nobody is trusted there");
}

#[tokio::test]
async fn a_refused_jwt_is_refused_without_any_read() {
    let bench = Bench::without_tables();
    let authorizer = bench.trusting(json!({}));
    let token = bench.token_of("alice", json!({"exp": 1}));
    assert_eq!(rejected(ask(&authorizer, &token).await), JwtRejection::Expired.into());
    let good = bench.token_of("alice", json!({}));
    assert!(matches!(ask(&authorizer, &good).await, Err(AuthorizerError::Store(_))), "the tables fail");
}

#[tokio::test]
async fn a_subject_without_a_key_is_refused_until_it_has_one() {
    let bench = Bench::with_tables().await;
    let authorizer = bench.trusting(json!({}));
    let token = bench.token_of("alice", json!({}));
    assert_eq!(rejected(ask(&authorizer, &token).await), Rejection::NoKey);
    let record = bench.map(1, "alice").await;
    bench.clock.advance(4);
    assert_eq!(rejected(ask(&authorizer, &token).await), Rejection::NoKey, "the cache still holds");
    bench.clock.advance(1);
    assert!(ask(&authorizer, &token).await.is_ok());
    assert!(bench.store.delete_subject(&record.key_id, &record.id).await.unwrap());
    bench.clock.advance(4);
    assert!(ask(&authorizer, &token).await.is_ok(), "the cache still holds");
    bench.clock.advance(1);
    assert_eq!(rejected(ask(&authorizer, &token).await), Rejection::NoKey);
}

#[tokio::test]
async fn a_key_is_made_at_first_sight_once_however_many_see_it() {
    let bench = Bench::with_tables().await;
    bench.create_plan().await;
    let rules = json!({"createKeys": {"usagePlanId": PLAN}});
    // Eight processes, and eight requests at each.
    let fleet: Vec<_> = (0..8).map(|_| Arc::new(bench.trusting(rules.clone()))).collect();
    let token = bench.token_of("alice", json!({}));
    let asked: Vec<_> = (0..64)
        .map(|n| {
            let (authorizer, token) = (fleet[n % fleet.len()].clone(), token.clone());
            tokio::spawn(async move { ask(&authorizer, &token).await.unwrap()["usageIdentifierKey"].clone() })
        })
        .collect();
    let mut values = std::collections::BTreeSet::new();
    for asked in asked {
        values.insert(asked.await.unwrap().as_str().unwrap().to_owned());
    }
    assert_eq!(values.len(), 1);
    assert_eq!(bench.keys_in_plan().await, 1);
    let other = bench.token_of("bob", json!({}));
    let value = ask(&fleet[0], &other).await.unwrap()["usageIdentifierKey"].as_str().unwrap().to_owned();
    assert!(!values.contains(&value));
    assert_eq!(bench.keys_in_plan().await, 2);
}

#[tokio::test]
async fn keys_are_made_no_faster_than_configured_by_all_processes_together() {
    let bench = Bench::with_tables().await;
    bench.create_plan().await;
    let rules = json!({"createKeys": {"usagePlanId": PLAN, "perMinute": 3}});
    let fleet = [bench.trusting(rules.clone()), bench.trusting(rules)];
    let sees = async |n: usize| ask(&fleet[n % 2], &bench.token_of(&format!("subject-{n}"), json!({}))).await;
    for n in 0..3 {
        assert!(sees(n).await.is_ok());
    }
    for n in 3..6 {
        let error = sees(n).await.unwrap_err();
        assert!(matches!(error, AuthorizerError::TooManyNewKeys), "{error:?}");
    }
    assert!(sees(0).await.is_ok(), "who has a key is not held up");
    bench.clock.advance(20);
    assert!(sees(3).await.is_ok());
    assert!(matches!(sees(4).await, Err(AuthorizerError::TooManyNewKeys)));
    assert_eq!(bench.keys_in_plan().await, 4);
}

#[tokio::test]
async fn a_plan_that_is_not_there_is_no_fault_of_the_caller() {
    let bench = Bench::with_tables().await;
    let by_default = bench.trusting(json!({"createKeys": {"usagePlanId": "nowhere"}}));
    let token = bench.token_of("alice", json!({}));
    assert!(matches!(ask(&by_default, &token).await, Err(AuthorizerError::FirstSight(_))));
    let by_claim = bench.trusting(json!({"createKeys": {"planClaim": "plan", "plans": {"gold": PLAN}}}));
    for (members, expected) in [(json!({}), Rejection::NoKey), (json!({"plan": "silver"}), Rejection::NoKey)] {
        assert_eq!(rejected(ask(&by_claim, &bench.token_of("alice", members)).await), expected);
    }
    bench.create_plan().await;
    bench.clock.advance(5);
    assert!(ask(&by_claim, &bench.token_of("alice", json!({"plan": "gold"}))).await.is_ok());
    assert_eq!(bench.keys_in_plan().await, 1);
}
