use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_wire::error::ApiError;

use super::authorization::Authorization;
use super::{AccessKeyId, SignedRequest, Verified, Verifier};
use crate::answer::{Failure, unknown_operation};

/// Bytes that the body of a request may have.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// What [`admit`] needs: whose signatures count.
#[derive(Clone, Debug)]
pub struct Gate {
    verifier: Verifier,
}

impl Gate {
    /// A gate for requests that `verifier` vouches for. It goes by the
    /// machine's own clock, whatever the rest of the process takes for now.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier }
    }
}

/// A path that a request may have been signed with. A front that was handed the
/// path decoded puts a list of them into the request's extensions; without it
/// the path is the request's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidatePath {
    /// What stands before the control plane's own path, such as the stage of
    /// the API in front of it; may be empty.
    pub prefix: String,
    /// The path to route by, percent-encoded.
    pub path: String,
}

/// A middleware for everything behind a signature: reads the whole body,
/// verifies, and passes the request on with one slash at the end of its path
/// removed and the caller's [`AccessKeyId`] in its extensions.
pub async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = loggable(request.uri().path());
    let mut caller = None;
    let mut response = match verified(&gate, request).await {
        Ok((id, request)) => {
            caller = Some(id);
            match request {
                Some(request) => next.run(request).await,
                None => unknown_operation().into_response(),
            }
        }
        Err(error) => Failure::from(error).into_response(),
    };
    let request_id = request_id();
    tracing::info!(
        x_amzn_request_id = request_id,
        caller = caller.as_ref().map(AccessKeyId::as_str),
        method = %method,
        path,
        status = response.status().as_u16(),
        "control plane"
    );
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", request_id);
    }
    response
}

/// The caller, and the request to route; none when its path names nothing.
async fn verified(gate: &Gate, request: Request) -> Result<(AccessKeyId, Option<Request>), ApiError> {
    let (mut parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    // Whoever has not signed at all is not read either.
    Authorization::of(&parts.headers, query)?;
    let body = whole(body).await?;
    let candidates = parts
        .extensions
        .remove::<Vec<CandidatePath>>()
        .unwrap_or_else(|| vec![CandidatePath { prefix: String::new(), path: parts.uri.path().to_owned() }]);
    let paths: Vec<String> =
        candidates.iter().map(|CandidatePath { prefix, path }| format!("{prefix}{path}")).collect();
    let signed =
        SignedRequest { method: parts.method.as_str(), paths: &paths, query, headers: &parts.headers, body: &body };
    let Verified { caller, path } = gate.verifier.verify(&signed, SystemClock.now())?;
    parts.extensions.insert(caller.clone());
    let path = candidates.into_iter().nth(path).map(|candidate| candidate.path);
    Ok((caller, path.and_then(|path| routable(parts, &path, body))))
}

/// Whoever announces a body must send it: a request that waits for one holds
/// memory, and nobody has verified its signature yet.
async fn whole(body: Body) -> Result<Bytes, ApiError> {
    let read = Limited::new(body, MAX_BODY_BYTES).collect();
    let Ok(read) = tokio::time::timeout(BODY_PATIENCE, read).await else {
        return Err(ApiError::bad_request("The request body did not arrive in time."));
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::new(
            413,
            "RequestEntityTooLargeException",
            format!("The request body has more than {MAX_BODY_BYTES} bytes."),
        )),
        Err(_) => Err(ApiError::bad_request("The request body ended early.")),
    }
}

/// The request under the path that it is routed by. Signatures are over paths
/// without empty and dot segments (RFC 3986, 5.2.4); so that no request goes
/// elsewhere than its signature says, such paths name nothing.
fn routable(mut parts: Parts, path: &str, body: Bytes) -> Option<Request> {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let segments = path.strip_prefix('/')?;
    if path != "/" && segments.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return None;
    }
    let path_and_query = match parts.uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    parts.uri = Uri::from(path_and_query.ok()?);
    Some(Request::from_parts(parts, Body::from(body)))
}

/// A path for the log, without segments that are as long as a key's value: one
/// may have been given for an id.
fn loggable(path: &str) -> String {
    const SHORTEST_VALUE: usize = 20;
    let shown = path.split('/').map(|segment| if segment.len() < SHORTEST_VALUE { segment } else { "***" });
    shown.collect::<Vec<_>>().join("/")
}

/// Of the form of AWS's: a random UUID.
fn request_id() -> String {
    let mut bits = u128::from_be_bytes(rand::random());
    bits = bits & !(0xf << 76) | (0x4 << 76);
    bits = bits & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut id = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(uri: &str) -> Option<String> {
        let (parts, ()) = http::Request::builder().uri(uri).body(()).unwrap().into_parts();
        let path = parts.uri.path().to_owned();
        routable(parts, &path, Bytes::new()).map(|request| request.uri().to_string())
    }

    #[test]
    fn one_slash_at_the_end_is_ignored_and_the_query_kept() {
        assert_eq!(routed("/restapis/abc/").as_deref(), Some("/restapis/abc"));
        assert_eq!(routed("/apikeys/?limit=2").as_deref(), Some("/apikeys?limit=2"));
        assert_eq!(routed("/").as_deref(), Some("/"));
        assert_eq!(routed("/tags/arn%3Aaws%2F..").as_deref(), Some("/tags/arn%3Aaws%2F.."));
    }

    #[test]
    fn a_path_that_its_signature_does_not_tell_from_another_names_nothing() {
        for uri in ["/restapis//", "//restapis", "/restapis/../apikeys", "/restapis/abc/./stages", "/.."] {
            assert_eq!(routed(uri), None, "{uri}");
        }
    }

    #[test]
    fn what_may_be_a_value_is_not_logged() {
        assert_eq!(loggable("/apikeys/a-value-of-20-characters/tokens"), "/apikeys/***/tokens");
        assert_eq!(loggable("/restapis/abcdefghij/authorizers/"), "/restapis/abcdefghij/authorizers/");
    }

    #[test]
    fn a_request_id_is_a_random_uuid() {
        let id = request_id();
        assert_eq!(id.len(), 36);
        assert_eq!((&id[14..15], &id[8..9]), ("4", "-"));
        assert_ne!(id, request_id());
    }
}
