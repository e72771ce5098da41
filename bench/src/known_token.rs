//! A token that the authorizer knows.

use std::fmt;

use bytes::Bytes;
use dynoxide::Database;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::types::AttributeValue;
use keyplan_domain::token::{Token, TokenRecord};
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_store::keys::{self, Key};
use keyplan_store::{Store, Tables, entropy};
use serde_json::{Value, json};

use crate::api::{self, Error};
use crate::dynamodb::Served;

/// What is called with it.
const METHOD: &str = "arn:aws:execute-api:us-east-1:000000000000:abcdef1234/prod/GET/hello";

pub(crate) struct KnownToken {
    token: Token,
    /// The GetItem's answer by which it is found.
    pub(crate) found_by: Bytes,
}

/// How the authorizer is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Token,
    Request,
    /// Payload format 2.0.
    HttpApi,
}

impl KnownToken {
    /// Issues one in a database of its own. That it is used is written down, as
    /// it is at most once an hour, so that looking it up is all there is to do.
    pub(crate) async fn make() -> Result<Self, Error> {
        let database = Database::memory()?;
        let served = Served::start(database.clone()).await?;
        let token = issue(&served.store().await?).await?;
        let found_by = answer(&database, &keys::token(&token.hash()))?;
        served.stop().await;
        Ok(Self { token, found_by })
    }

    /// An event with it, with as many headers as a real one has.
    pub(crate) fn event(&self, form: Form) -> Value {
        let header = format!("Bearer {}", self.token.expose());
        let headers = json!({
            "accept": "*/*", "authorization": header, "content-length": "0",
            "host": "abcdef1234.execute-api.us-east-1.amazonaws.com", "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700", "x-forwarded-for": "192.0.2.17",
            "x-forwarded-port": "443", "x-forwarded-proto": "https",
        });
        match form {
            Form::Token => json!({"type": "TOKEN", "authorizationToken": header, "methodArn": METHOD}),
            Form::Request => json!({
                "type": "REQUEST", "methodArn": METHOD, "resource": "/hello", "path": "/hello", "httpMethod": "GET",
                "headers": headers, "queryStringParameters": {"lang": "en"}, "pathParameters": {},
                "stageVariables": {}, "requestContext": {"path": "/prod/hello", "stage": "prod", "httpMethod": "GET"},
            }),
            Form::HttpApi => json!({
                "version": "2.0", "type": "REQUEST", "routeArn": METHOD, "identitySource": [header],
                "routeKey": "GET /hello", "rawPath": "/hello", "rawQueryString": "lang=en", "headers": headers,
                "requestContext": {"stage": "prod", "http": {"method": "GET", "path": "/hello"}, "timeEpoch": 1},
            }),
        }
    }

    /// Fails if that is no answer for it.
    pub(crate) fn expect_in(&self, answer: &[u8]) -> Result<(), Error> {
        let answer: Value = serde_json::from_slice(answer)?;
        let told = &answer["context"]["tokenId"];
        if *told == self.token.id().as_str() { Ok(()) } else { Err("the token is not answered for".into()) }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "of three members",
            Self::Request => "of a REST API, with nine headers",
            Self::HttpApi => "of an HTTP API, with nine headers",
        })
    }
}

async fn issue(store: &Store) -> Result<Token, Error> {
    let now = SystemClock.now();
    let key = api::key(now, true);
    store.create_api_key(&key, &entropy::key_value()).await?;
    let token = Token::from_entropy(entropy::bytes());
    let record = TokenRecord {
        id: token.id(),
        key_id: key.id,
        principal_id: "bench".into(),
        scopes: Vec::new(),
        created_date: now,
        expires: None,
    };
    store.create_token(&token.hash(), &record).await?;
    store.note_token_used(&token.hash(), now).await?;
    Ok(token)
}

fn answer(database: &Database, Key { pk, sk }: &Key) -> Result<Bytes, Error> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let request = GetItemRequest {
        table_name: Tables::default().config,
        key: [("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))].into(),
        ..GetItemRequest::default()
    };
    let item = database.get_item(request)?.item.ok_or("the token has no item")?;
    Ok(serde_json::to_vec(&json!({ "Item": item }))?.into())
}
