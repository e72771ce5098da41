//! `POST /_keyplan/clock`, by which a test moves time.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderValue, StatusCode, header};
use keyplan_store::clock::Clock;
use keyplan_store::{Store, Tables};
use keyplan_wire::error::ApiError;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::clock::LocalClock;
use crate::dynamodb::Embedded;

pub(super) const PATH: &str = "/_keyplan/clock";

/// What moves with the clock.
pub(crate) struct ClockControl {
    clock: Arc<LocalClock>,
    /// The DynamoDB of this process alone, which keeps how far the clock was
    /// moved and deletes what has expired meanwhile; none when it is shared.
    own: Option<(Embedded, Store, Tables)>,
    /// One move at a time.
    moving: Mutex<()>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Move {
    advance_seconds: u64,
}

pub(super) fn router(control: ClockControl) -> Router {
    Router::new()
        .route(PATH, post(advance))
        .method_not_allowed_fallback(|| async {
            answer(Err(ApiError::new(405, "MethodNotAllowedException", "The clock can be moved with POST only.")))
        })
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::new(control))
}

async fn advance(State(control): State<Arc<ClockControl>>, body: Bytes) -> Response {
    answer(control.advance(&body).await)
}

fn answer(result: Result<Value, ApiError>) -> Response {
    let (status, kind, body) = match result {
        Ok(body) => (StatusCode::OK, None, body.to_string()),
        Err(error) => (
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Some(error.kind),
            serde_json::to_string(&error.body()).unwrap_or_default(),
        ),
    };
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
    }
    response
}

impl ClockControl {
    pub(crate) fn new(clock: Arc<LocalClock>, own: Option<(Embedded, Store, Tables)>) -> Self {
        Self { clock, own, moving: Mutex::default() }
    }

    async fn advance(&self, body: &[u8]) -> Result<Value, ApiError> {
        // By way of an object: serde would take an array for a struct.
        let Move { advance_seconds } = serde_json::from_slice(body)
            .and_then(|members: Map<String, Value>| serde_json::from_value(Value::Object(members)))
            .map_err(|error| {
                ApiError::bad_request(format!(r#"expected {{"advanceSeconds": a whole number of seconds}}: {error}"#))
            })?;
        let _alone = self.moving.lock().await;
        let ahead =
            self.clock.ahead_after(advance_seconds).map_err(|error| ApiError::bad_request(error.to_string()))?;
        if let Some((_, store, _)) = &self.own {
            // Kept before it acts: a clock that was seen must not go back.
            store.set_local_clock_offset(ahead).await.map_err(|error| {
                tracing::error!(%error, "the clock was not moved");
                ApiError::new(503, "ServiceUnavailableException", "The clock was not moved.")
            })?;
        }
        self.clock.run_ahead(ahead);
        if let Some((dynamodb, _, tables)) = &self.own {
            dynamodb.sweep(tables, &*self.clock).await;
        }
        Ok(json!({ "now": self.clock.now().as_seconds() }))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use keyplan_store::clock::SystemClock;
    use tower::ServiceExt;

    use super::*;

    async fn post(clock: &Arc<LocalClock>, body: &'static str) -> (u16, Value) {
        let control = ClockControl::new(clock.clone(), None);
        let request = Request::post(PATH).body(Body::from(body)).unwrap();
        let response = router(control).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn time_moves_on_and_the_answer_says_when_it_is() {
        let clock = Arc::new(LocalClock::default());
        let before = SystemClock.now().as_seconds();
        let (status, body) = post(&clock, r#"{"advanceSeconds": 86400}"#).await;
        let now = body["now"].as_i64().unwrap();
        assert_eq!(status, 200);
        assert!((86_400..86_410).contains(&(now - before)), "{now}");
        let (_, body) = post(&clock, r#"{"advanceSeconds": 0}"#).await;
        assert!(body["now"].as_i64().unwrap() >= now);
    }

    #[tokio::test]
    async fn whatever_is_no_number_of_seconds_moves_nothing() {
        let clock = Arc::new(LocalClock::default());
        for wrong in [
            "",
            "{}",
            "86400",
            "[1]",
            r#"{"advanceSeconds": -1}"#,
            r#"{"advanceSeconds": "1"}"#,
            r#"{"advanceSeconds": 0.5}"#,
            r#"{"advanceSeconds": null}"#,
            r#"{"advanceSeconds": 1, "more": 2}"#,
            r#"{"advanceSeconds": 18446744073709551615}"#,
        ] {
            let (status, body) = post(&clock, wrong).await;
            assert_eq!(status, 400, "{wrong}");
            assert!(body["message"].is_string(), "{wrong}");
        }
        assert_eq!(clock.ahead_after(0), Ok(0));
    }
}
