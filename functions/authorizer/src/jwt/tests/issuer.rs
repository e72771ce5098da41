//! An issuer on this machine, whose keys are made of their names and who can be
//! told to misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behaviour {
    Serve,
    Fail,
    /// No JSON.
    Garbage,
    /// A set without keys.
    Empty,
    /// More than anyone needs.
    Endless,
    Redirect,
    /// No answer at all.
    Stall,
    /// The discovery document is somebody else's.
    AnotherIssuer,
    /// It names keys on another machine, without TLS.
    PlainJwksUri,
}

struct Shared {
    url: String,
    keys: Mutex<Value>,
    behaviour: Mutex<Behaviour>,
    discovery: AtomicUsize,
    jwks: AtomicUsize,
}

pub(crate) struct TestIssuer(Arc<Shared>);

impl TestIssuer {
    pub(crate) async fn start(keys: &[&str]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            url: format!("http://{}", listener.local_addr().unwrap()),
            keys: Mutex::new(set(keys)),
            behaviour: Mutex::new(Behaviour::Serve),
            discovery: AtomicUsize::new(0),
            jwks: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self(shared)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    pub(crate) fn rotate(&self, keys: &[&str]) {
        *self.0.keys.lock().unwrap() = set(keys);
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.0.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn discovery_hits(&self) -> usize {
        self.0.discovery.load(Ordering::SeqCst)
    }

    pub(crate) fn jwks_hits(&self) -> usize {
        self.0.jwks.load(Ordering::SeqCst)
    }

    /// Waits until its keys have been asked for so often.
    pub(crate) async fn until_asked(&self, times: usize) {
        while self.jwks_hits() < times {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    shared.discovery.fetch_add(1, Ordering::SeqCst);
    let (issuer, jwks) = match *shared.behaviour.lock().unwrap() {
        Behaviour::AnotherIssuer => ("https://another.example".to_owned(), format!("{}/jwks", shared.url)),
        Behaviour::PlainJwksUri => (shared.url.clone(), "http://issuer.example/jwks".to_owned()),
        _ => (shared.url.clone(), format!("{}/jwks", shared.url)),
    };
    answer(&shared, &json!({"issuer": issuer, "jwks_uri": jwks, "more": []})).await
}

async fn jwks(State(shared): State<Arc<Shared>>) -> Response {
    shared.jwks.fetch_add(1, Ordering::SeqCst);
    let keys = shared.keys.lock().unwrap().clone();
    answer(&shared, &keys).await
}

async fn answer(shared: &Shared, document: &Value) -> Response {
    let behaviour = *shared.behaviour.lock().unwrap();
    match behaviour {
        Behaviour::Fail => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Behaviour::Garbage => "<html>".into_response(),
        Behaviour::Empty => json!({"keys": []}).to_string().into_response(),
        Behaviour::Endless => json!({"keys": [], "more": "x".repeat(1_000_000)}).to_string().into_response(),
        Behaviour::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/jwks")]).into_response(),
        Behaviour::Stall => std::future::pending().await,
        Behaviour::Serve | Behaviour::AnotherIssuer | Behaviour::PlainJwksUri => document.to_string().into_response(),
    }
}

/// The key of that name.
fn key(name: &str) -> Ed25519KeyPair {
    let mut seed = [0; 32];
    for (place, byte) in seed.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

pub(crate) fn jwk(name: &str) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": encode(key(name).public_key().as_ref())})
}

pub(crate) fn set(names: &[&str]) -> Value {
    json!({"keys": names.iter().map(|name| jwk(name)).collect::<Vec<_>>()})
}

/// A token, whatever its header says of who signed it.
pub(crate) fn sign(name: &str, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = encode(key(name).sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

/// `all` with `members` besides, or in the place of its own.
pub(crate) fn with(mut all: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
