//! A control plane over tables of its own, called as a client calls it: with
//! signed requests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use keyplan_admin::{Admin, Settings};
use keyplan_domain::time::Timestamp;
use keyplan_gateway::{AddressRule, Inspector, lambda_client};
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_store::connect::Connection;
use keyplan_store::{Store, Tables};
use serde_json::Value;
use tower::ServiceExt;

/// 2026-11-23, noon: when everything in these tests happens.
const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);
const HOST: &str = "127.0.0.1:4500";

#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        NOON
    }
}

fn gateway_settings() -> keyplan_gateway::Settings {
    keyplan_gateway::Settings {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        cache_ttl: Duration::ZERO,
        lease_cap: std::num::NonZeroU32::MIN,
        on_failure: Default::default(),
        retry_after: true,
        rate_limit_headers: false,
        address_rule: AddressRule::Any,
        default_target: None,
    }
}

pub(crate) struct Control {
    router: Router,
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `x-amzn-ErrorType`; empty when there is none.
    pub(crate) kind: String,
    pub(crate) body: Value,
}

impl Control {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint_url = Some(format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
        let credentials = Credentials::new("local", "local", None, None, "test");
        let connection = Connection::new("us-east-1", endpoint_url, credentials);
        let store = Store::new(connection.dynamodb(), Tables::default());
        store.create_tables().await.unwrap();
        let settings = Settings { region: "us-east-1".into(), account_id: "000000000000".into() };
        let admin = Admin::new(settings, store.clone(), Arc::new(StandingClock), "local:local".parse().unwrap());
        let inspector = Inspector::new(
            gateway_settings(),
            store.clone(),
            lambda_client(&connection, Some("http://127.0.0.1:9")),
            Arc::new(StandingClock),
        );
        Self { router: keyplan_admin::router(&admin, &inspector) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, &body.to_string()).await
    }

    /// Operations as `(op, path, value)`.
    pub(crate) async fn patch(&self, path: &str, operations: &[(&str, &str, &str)]) -> Answer {
        let operations =
            operations.iter().map(|(op, path, value)| serde_json::json!({"op": op, "path": path, "value": value}));
        let body = serde_json::json!({"patchOperations": operations.collect::<Vec<_>>()});
        self.call("PATCH", path, &body.to_string()).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(signed(method, path, body)).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(parts.headers["x-amzn-requestid"].len(), 36);
        let kind = parts.headers.get("x-amzn-errortype").map(|kind| kind.to_str().unwrap().to_owned());
        if !body.is_empty() {
            assert_eq!(parts.headers["content-type"], "application/json");
        }
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Answer { status: parts.status.as_u16(), kind: kind.unwrap_or_default(), body }
    }
}

/// A request signed now by `local:local`.
pub(crate) fn signed(method: &str, path: &str, body: &str) -> Request<Body> {
    let now = Duration::from_secs(SystemClock.now().as_seconds().unsigned_abs());
    let identity = Credentials::new("local", "local", None, None, "test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("apigateway")
        .time(SystemTime::UNIX_EPOCH + now)
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let headers = [("host", HOST), ("accept", "application/json")];
    let signable =
        SignableRequest::new(method, path, headers.into_iter(), SignableBody::Bytes(body.as_bytes())).unwrap();
    let (instructions, _) = sign(signable, &params.into()).unwrap().into_parts();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers.into_iter().chain(instructions.headers()) {
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

impl Answer {
    /// The answer, if its status is `status`.
    pub(crate) fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status.as_u16(), "{self:?}");
        self.body
    }

    pub(crate) fn ok(self) -> Value {
        self.expect(StatusCode::OK)
    }

    pub(crate) fn created(self) -> Value {
        self.expect(StatusCode::CREATED)
    }

    /// The error that it is, as the AWS CLI shows it.
    pub(crate) fn error(&self) -> String {
        let message = self.body["message"].as_str().unwrap_or("no message");
        assert_eq!(self.body.as_object().map(serde_json::Map::len), Some(1), "{self:?}");
        format!("{} {}: {message}", self.status, self.kind)
    }
}

/// A member that is a string.
pub(crate) fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}")).to_owned()
}
