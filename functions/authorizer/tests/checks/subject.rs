//! Authorizers over tables that know a few tokens.

use std::sync::{Arc, OnceLock};

use aws_credential_types::Credentials;
use keyplan_authorizer::jwt::Issuer;
use keyplan_authorizer::{Authorizer, AuthorizerError, HttpApiResponse, read_issuers};
use keyplan_domain::key::{ApiKey, ApiKeyId, KeyValue};
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::{Scope, Token, TokenRecord};
use keyplan_store::clock::Clock;
use keyplan_store::connect::Connection;
use keyplan_store::{Store, Tables};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The one of the sample events, without scopes.
pub(crate) const DEMO_TOKEN: &str = "kp_DemoTokenForLocalUseOnly000000012PCLje";
pub(crate) const KEY_VALUE: &str = "the-value-of-the-key-of-all-tokens";
pub(crate) const SCOPES: [&str; 2] = ["GET/pets/*", "*/toys"];
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Authorizers of either setting, which trust the issuer of the sample events;
/// none of its subjects has a key.
pub(crate) struct Subject {
    runtime: Runtime,
    pub(crate) simple: Authorizer,
    pub(crate) iam: Authorizer,
    /// Tokens that are valid: the demo's, and one with [`SCOPES`].
    pub(crate) valid: [Token; 2],
    /// One whose time is over.
    pub(crate) expired: Token,
}

/// Nothing ends, neither caches nor what is valid.
#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

impl Subject {
    /// The one of this process.
    pub(crate) fn shared() -> &'static Self {
        static SUBJECT: OnceLock<Subject> = OnceLock::new();
        SUBJECT.get_or_init(|| {
            let runtime = Runtime::new().expect("a runtime");
            let store = runtime.block_on(tables());
            let valid = [Token::parse(DEMO_TOKEN).expect("a token"), Token::from_entropy([1; 32])];
            let expired = Token::from_entropy([2; 32]);
            runtime.block_on(async {
                issue(&store, &valid[0], &[], None).await;
                issue(&store, &valid[1], &SCOPES, None).await;
                issue(&store, &expired, &[], Some(NOW)).await;
            });
            let authorizer = |response| {
                let authorizer = Authorizer::new(store.clone(), Arc::new(StandingClock)).answering_http_apis(response);
                authorizer.trusting(issuers()).expect("issuers that make sense")
            };
            let (simple, iam) = (authorizer(HttpApiResponse::Simple), authorizer(HttpApiResponse::Iam));
            Self { runtime, simple, iam, valid, expired }
        })
    }

    pub(crate) fn ask(&self, authorizer: &Authorizer, event: &Value) -> Result<Value, AuthorizerError> {
        let answer = self.runtime.block_on(authorizer.handle(event.clone()))?;
        Ok(serde_json::to_value(answer).expect("an answer is JSON"))
    }
}

fn issuers() -> Vec<Issuer> {
    let environment: Value =
        serde_json::from_str(include_str!("../../../../events/authorizer/default.environment.json"))
            .expect("the environment of the sample events");
    read_issuers(environment["JWT_ISSUERS"].as_str().expect("issuers").as_bytes()).expect("issuers")
}

async fn tables() -> Store {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("the port's address"));
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().expect("a database")));
    let credentials = Credentials::new("local", "local", None, None, "test");
    let connection = Connection::new("us-east-1", Some(url), credentials);
    let store = Store::new(connection.dynamodb(), Tables::default());
    store.create_tables().await.expect("tables");
    let key = ApiKey {
        id: key_id(),
        name: None,
        description: None,
        customer_id: None,
        enabled: true,
        created_date: NOW,
        last_updated_date: NOW,
        tags: Default::default(),
    };
    store.create_api_key(&key, &KeyValue::known(KEY_VALUE.into())).await.expect("a key");
    store
}

async fn issue(store: &Store, token: &Token, scopes: &[&str], expires: Option<Timestamp>) {
    let record = TokenRecord {
        id: token.id(),
        key_id: key_id(),
        principal_id: "alice".into(),
        scopes: scopes.iter().map(|scope| Scope::parse(scope).expect("a scope")).collect(),
        created_date: NOW,
        expires,
    };
    store.create_token(&token.hash(), &record).await.expect("a token is issued");
}

fn key_id() -> ApiKeyId {
    ApiKeyId::new("x5k3eopvub")
}
