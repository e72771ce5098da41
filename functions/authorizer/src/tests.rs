mod identities;

use std::sync::atomic::{AtomicI64, Ordering};

use aws_credential_types::Credentials;
use keyplan_domain::key::{ApiKey, ApiKeyId, KeyValue};
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::{Token, TokenRecord};
use keyplan_store::connect::Connection;
use keyplan_store::{PageRequest, Rotation, Tables};
use serde_json::json;

use super::*;

const METHOD: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request";
const VALUE: &str = "the-value-of-the-key-of-the-token";

/// A clock that stands still until it is moved.
#[derive(Debug)]
struct HandClock(AtomicI64);

impl HandClock {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }
}

struct Bench {
    authorizer: Authorizer,
    store: Store,
    clock: Arc<HandClock>,
}

impl Bench {
    async fn with_tables() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
        let bench = Self::at(url);
        bench.store.create_tables().await.unwrap();
        bench
    }

    /// Nobody listens there.
    fn without_tables() -> Self {
        Self::at("http://127.0.0.1:1".into())
    }

    fn at(url: String) -> Self {
        let credentials = Credentials::new("local", "local", None, None, "test");
        let connection = Connection::new("us-east-1", Some(url), credentials);
        let store = Store::new(connection.dynamodb(), Tables::default());
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000)));
        Self { authorizer: Authorizer::new(store.clone(), clock.clone()), store, clock }
    }

    /// Issues a token, the same for the same `seed`, that lives for `lifetime` seconds.
    async fn issue(&self, seed: u8, lifetime: Option<u64>) -> (Token, TokenRecord) {
        let now = self.clock.now();
        let key = ApiKey {
            id: ApiKeyId::new(format!("key{seed:07}")),
            name: None,
            description: None,
            customer_id: None,
            enabled: true,
            created_date: now,
            last_updated_date: now,
            tags: Default::default(),
        };
        self.store.create_api_key(&key, &KeyValue::known(format!("{VALUE}-{seed}"))).await.unwrap();
        let token = Token::from_entropy([seed; 32]);
        let record = TokenRecord {
            id: token.id(),
            key_id: key.id,
            principal_id: "alice".into(),
            scopes: Vec::new(),
            created_date: now,
            expires: lifetime.map(|seconds| now.plus(Duration::from_secs(seconds))),
        };
        self.store.create_token(&token.hash(), &record).await.unwrap();
        (token, record)
    }

    async fn ask(&self, credential: &str) -> Result<Value, AuthorizerError> {
        let event = json!({"type": "TOKEN", "authorizationToken": credential, "methodArn": METHOD});
        handle(&self.authorizer, event).await
    }

    async fn last_used(&self, key: &ApiKeyId) -> Option<i64> {
        let page = self.store.tokens(key, &PageRequest { limit: 25, position: None }).await.unwrap();
        page.items[0].1.map(Timestamp::as_seconds)
    }

    async fn rejection(&self, credential: &str) -> Rejection {
        match self.ask(credential).await {
            Err(AuthorizerError::Unauthorized(rejection)) => rejection,
            other => panic!("not refused as unauthorized: {other:?}"),
        }
    }
}

/// The answer, as whoever asks gets it.
async fn handle(authorizer: &Authorizer, event: Value) -> Result<Value, AuthorizerError> {
    authorizer.handle(event).await.map(|answer| serde_json::to_value(answer).unwrap())
}

#[tokio::test]
async fn a_token_is_answered_with_the_value_of_its_key() {
    let bench = Bench::with_tables().await;
    let (token, _) = bench.issue(1, None).await;
    for credential in [token.expose().to_owned(), format!("bearer {}", token.expose())] {
        let answer = bench.ask(&credential).await.unwrap();
        assert_eq!(answer["usageIdentifierKey"], format!("{VALUE}-1"));
        assert_eq!(answer["principalId"], "alice");
        assert_eq!(answer["context"]["apiKeyId"], "key0000001");
    }
}

/// An event of each form, of one method.
fn every_form(credential: &str) -> [Value; 4] {
    let headers = json!({"authorization": credential});
    let (v1, v2) = (json!({"httpMethod": "GET", "identity": {}}), json!({"http": {"method": "GET"}, "timeEpoch": 1}));
    [
        json!({"type": "TOKEN", "authorizationToken": credential, "methodArn": METHOD}),
        json!({"type": "REQUEST", "methodArn": METHOD, "headers": headers, "requestContext": {}}),
        json!({
            "version": "1.0", "type": "REQUEST", "methodArn": METHOD, "httpMethod": "GET", "headers": headers,
            "requestContext": v1,
        }),
        json!({
            "version": "2.0", "type": "REQUEST", "routeArn": METHOD, "identitySource": [credential],
            "requestContext": v2,
        }),
    ]
}

#[tokio::test]
async fn the_value_of_the_key_is_for_rest_apis_alone() {
    let bench = Bench::with_tables().await;
    let (token, _) = bench.issue(1, None).await;
    let mut answers = Vec::new();
    for event in every_form(token.expose()) {
        answers.push(handle(&bench.authorizer, event).await.unwrap());
    }
    let with_key: Vec<bool> = answers.iter().map(|answer| answer.to_string().contains(VALUE)).collect();
    assert_eq!(with_key, [true, true, false, false]);
    assert_eq!(answers[2]["principalId"], "alice");
    assert_eq!(answers[3]["isAuthorized"], true);
}

#[tokio::test]
async fn a_wrong_token_is_unauthorized_and_a_failure_is_an_error_in_every_form() {
    let bench = Bench::without_tables();
    for event in every_form("Bearer nonsense").into_iter().chain(every_form("")) {
        assert_eq!(handle(&bench.authorizer, event.clone()).await.unwrap_err().to_string(), "Unauthorized", "{event}");
    }
    for event in every_form(Token::from_entropy([1; 32]).expose()) {
        let error = handle(&bench.authorizer, event.clone()).await.unwrap_err();
        assert!(matches!(error, AuthorizerError::Store(_)), "{event}: {error:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused_without_any_read() {
    let bench = Bench::without_tables();
    assert_eq!(bench.rejection("").await, Rejection::Missing);
    assert_eq!(bench.rejection("Bearer ").await, Rejection::Missing);
    let mut mistyped = Token::from_entropy([1; 32]).expose().to_owned();
    mistyped.replace_range(10..11, if &mistyped[10..11] == "a" { "b" } else { "a" });
    for wrong in ["kp_", "Basic abc", &mistyped, "a".repeat(100_000).as_str(), "kp_\u{e9}"] {
        assert!(matches!(bench.rejection(wrong).await, Rejection::Malformed(_)), "{wrong}");
    }
}

#[tokio::test]
async fn tables_that_fail_are_never_the_callers_fault() {
    let bench = Bench::without_tables();
    let token = Token::from_entropy([1; 32]);
    let error = bench.ask(token.expose()).await.unwrap_err();
    assert!(matches!(error, AuthorizerError::Store(_)), "{error:?}");
    let diagnostic = lambda_runtime::Diagnostic::from(error);
    assert_eq!(diagnostic.error_message, "the token could not be looked up");
}

#[tokio::test]
async fn unauthorized_is_the_whole_message() {
    let bench = Bench::with_tables().await;
    let error = bench.ask(Token::from_entropy([9; 32]).expose()).await.unwrap_err();
    let diagnostic = lambda_runtime::Diagnostic::from(error);
    assert_eq!((diagnostic.error_message.as_str(), diagnostic.error_type.as_str()), ("Unauthorized", "Unauthorized"));
}

#[tokio::test]
async fn a_token_is_refused_from_the_moment_it_expires_even_if_cached() {
    let bench = Bench::with_tables().await;
    let (token, record) = bench.issue(1, Some(3)).await;
    bench.clock.advance(2);
    assert!(bench.ask(token.expose()).await.is_ok());
    bench.clock.advance(1);
    assert_eq!(bench.rejection(token.expose()).await, Rejection::Expired { token_id: record.id });
}

#[tokio::test]
async fn a_revoked_token_is_refused_once_the_cache_has_ended() {
    let bench = Bench::with_tables().await;
    let (token, record) = bench.issue(1, None).await;
    assert!(bench.ask(token.expose()).await.is_ok());
    assert!(bench.store.delete_token(&record.key_id, record.id.as_str()).await.unwrap());
    bench.clock.advance(4);
    assert!(bench.ask(token.expose()).await.is_ok(), "the cache still holds");
    bench.clock.advance(1);
    assert_eq!(bench.rejection(token.expose()).await, Rejection::Unknown);
}

#[tokio::test]
async fn an_unknown_token_is_remembered_as_unknown_until_the_caches_are_dropped() {
    let bench = Bench::with_tables().await;
    assert_eq!(bench.rejection(Token::from_entropy([1; 32]).expose()).await, Rejection::Unknown);
    let (token, _) = bench.issue(1, None).await;
    assert_eq!(bench.rejection(token.expose()).await, Rejection::Unknown);
    bench.authorizer.drop_caches();
    assert!(bench.ask(token.expose()).await.is_ok());
}

#[tokio::test]
async fn a_token_that_was_rotated_goes_on_beside_the_new_one_for_a_while() {
    let bench = Bench::with_tables().await;
    let (old, record) = bench.issue(1, None).await;
    let new = Token::from_entropy([2; 32]);
    let now = bench.clock.now();
    let rotate = |old: &TokenRecord| -> Result<Rotation, ()> {
        Ok(Rotation {
            hash: new.hash(),
            record: TokenRecord { id: new.id(), ..old.clone() },
            expires: now.plus(Duration::from_secs(60)),
        })
    };
    bench.store.rotate_token(&record.key_id, record.id.as_str(), rotate).await.unwrap();
    bench.clock.advance(59);
    for token in [&old, &new] {
        assert_eq!(bench.ask(token.expose()).await.unwrap()["usageIdentifierKey"], format!("{VALUE}-1"));
    }
    bench.clock.advance(1);
    assert_eq!(bench.rejection(old.expose()).await, Rejection::Expired { token_id: record.id });
    assert!(bench.ask(new.expose()).await.is_ok());
}

#[tokio::test]
async fn the_last_use_of_a_token_is_written_down_once_an_hour() {
    let bench = Bench::with_tables().await;
    let (token, record) = bench.issue(1, None).await;
    assert_eq!(bench.last_used(&record.key_id).await, None);
    let start = bench.clock.now().as_seconds();
    // In seconds from the start: a use, and the use that is on record then.
    for (at, noted) in [(0, 0), (10, 0), (3_590, 0), (3_600, 3_600), (3_700, 3_600), (9_000, 9_000)] {
        bench.clock.advance(start + at - bench.clock.now().as_seconds());
        assert!(bench.ask(token.expose()).await.is_ok());
        assert_eq!(bench.last_used(&record.key_id).await, Some(start + noted), "after {at} s");
    }
    assert!(bench.store.delete_token(&record.key_id, record.id.as_str()).await.unwrap());
    bench.store.note_token_used(&token.hash(), bench.clock.now()).await.unwrap();
    assert!(bench.store.token(&token.hash()).await.unwrap().is_none(), "what is revoked is not written anew");
}

#[tokio::test]
async fn a_refused_token_is_not_used() {
    let bench = Bench::with_tables().await;
    let (token, record) = bench.issue(1, Some(3)).await;
    bench.clock.advance(3);
    bench.rejection(token.expose()).await;
    assert_eq!(bench.last_used(&record.key_id).await, None);
}
