//! Lambda's Invoke API: what the gateway, and `aws lambda invoke`, reach
//! functions through. It hosts `authorizer` and `echo`, under whatever account
//! and region their ARN names, and hands the others on.

mod forward;
mod hosted;
mod refusal;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use keyplan_domain::arn::{FunctionRef, PARTITION};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;

pub(crate) use self::forward::Forward;
pub(crate) use self::hosted::Hosted;
use self::hosted::Outcome;
use self::refusal::{InvokeType, Refusal};

/// Where Invoke is, and everything else of Lambda's.
pub(crate) const PATH_PREFIX: &str = "/2015-03-31/";

/// Bytes of an event whose answer is waited for (Lambda quotas, "Invocation payload").
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// Bytes of an event that nobody waits for.
const MAX_ASYNCHRONOUS_EVENT_BYTES: usize = 1024 * 1024;
/// Bytes of an answer.
const MAX_ANSWER_BYTES: usize = MAX_EVENT_BYTES;

/// What Invoke needs to know.
pub(crate) struct Lambda {
    pub(crate) hosted: Hosted,
    pub(crate) forward: Option<Forward>,
    pub(crate) region: String,
    pub(crate) account_id: String,
}

/// One call of Invoke, as far as it is understood.
struct Invocation {
    function: FunctionRef,
    /// Of the function's name or of the query.
    qualifier: Option<String>,
    invoke_type: InvokeType,
    /// Whether the end of the function's log is asked for.
    tail: bool,
    client_context: Option<String>,
    /// `X-Amzn-Trace-Id`
    tracing_header: Option<HeaderValue>,
    event: Bytes,
}

/// Routes of the Invoke API. Signatures are verified before.
pub(crate) fn router(lambda: Lambda) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{function}/invocations", post(invoke))
        .fallback(|| async { Refusal::UnknownOperation })
        .method_not_allowed_fallback(|| async { Refusal::UnknownOperation })
        .with_state(Arc::new(lambda))
}

async fn invoke(State(lambda): State<Arc<Lambda>>, Path(function): Path<String>, request: Request) -> Response {
    match Invocation::decode(&function, request).await {
        Ok(invocation) => lambda.answer(invocation).await.unwrap_or_else(IntoResponse::into_response),
        Err(refusal) => refusal.into_response(),
    }
}

impl Lambda {
    async fn answer(self: Arc<Self>, invocation: Invocation) -> Result<Response, Refusal> {
        let name = invocation.function.name();
        let is_here = Hosted::has(name) && invocation.qualifier.as_deref().is_none_or(|it| it == LATEST);
        if !is_here {
            return match &self.forward {
                Some(forward) => Ok(forward.invoke(invocation).await),
                None => Err(Refusal::FunctionNotFound { arn: self.arn(&invocation) }),
            };
        }
        // An invocation without a payload is one with an empty object.
        let event = if invocation.event.is_empty() { Bytes::from_static(b"{}") } else { invocation.event.clone() };
        serde_json::from_slice::<IgnoredAny>(&event)
            .map_err(|error| Refusal::MalformedEvent { line: error.line(), column: error.column() })?;
        match invocation.invoke_type {
            InvokeType::DryRun => Ok(executed(StatusCode::NO_CONTENT, Body::empty())),
            InvokeType::Event => {
                let name = name.to_owned();
                tokio::spawn(async move {
                    if let Outcome::Failed { kind, .. } = self.hosted.call(&name, event).await {
                        tracing::warn!(function = name, error_type = kind, "a function failed that nobody waits for");
                    }
                });
                Ok(executed(StatusCode::ACCEPTED, Body::empty()))
            }
            InvokeType::RequestResponse => {
                let outcome = self.hosted.call(name, event).await.within(MAX_ANSWER_BYTES);
                Ok(synchronous(outcome, invocation.tail))
            }
        }
    }

    /// The ARN of a function that is not here.
    fn arn(&self, invocation: &Invocation) -> String {
        let function = &invocation.function;
        let mut arn = if function.as_str().starts_with("arn:") {
            function.as_str().to_owned()
        } else {
            let (region, account) = (&self.region, &self.account_id);
            format!("arn:{PARTITION}:lambda:{region}:{account}:function:{}", function.name())
        };
        if let (Some(qualifier), true) = (&invocation.qualifier, arn.ends_with(function.name())) {
            arn.push(':');
            arn.push_str(qualifier);
        }
        arn
    }
}

const LATEST: &str = "$LATEST";
const TRACING_HEADER: &str = "x-amzn-trace-id";

impl Invocation {
    async fn decode(function: &str, request: Request) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let function = FunctionRef::parse(function).map_err(|_| Refusal::FunctionName)?;
        let asked = qualifier(parts.uri.query().unwrap_or_default());
        let qualifier = match (function.qualifier(), asked) {
            (Some(named), Some(asked)) if named != asked => return Err(Refusal::TwoQualifiers),
            (named, asked) => named.map(str::to_owned).or(asked),
        };
        let invoke_type = match text(&parts.headers, "x-amz-invocation-type") {
            None => InvokeType::RequestResponse,
            Some(name) => InvokeType::parse(name).ok_or_else(|| Refusal::InvocationType { value: name.to_owned() })?,
        };
        let tail = match text(&parts.headers, "x-amz-log-type") {
            None | Some("None") => false,
            Some("Tail") => true,
            Some(other) => return Err(Refusal::LogType { value: other.to_owned() }),
        };
        let event = body.collect().await.map_err(|_| Refusal::EventCutShort)?.to_bytes();
        let limit = match invoke_type {
            InvokeType::Event => MAX_ASYNCHRONOUS_EVENT_BYTES,
            InvokeType::RequestResponse | InvokeType::DryRun => MAX_EVENT_BYTES,
        };
        if event.len() > limit {
            return Err(Refusal::TooLarge { bytes: event.len(), limit, invoke_type });
        }
        let client_context = text(&parts.headers, "x-amz-client-context").map(str::to_owned);
        let tracing_header = parts.headers.get(TRACING_HEADER).cloned();
        Ok(Self { function, qualifier, invoke_type, tail, client_context, tracing_header, event })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

fn qualifier(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("Qualifier="))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn executed(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static(LATEST));
    response
}

fn synchronous(outcome: Outcome, tail: bool) -> Response {
    let failed = matches!(outcome, Outcome::Failed { .. });
    let mut response = executed(StatusCode::OK, Body::from(outcome.into_payload()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if failed {
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    if tail {
        // What functions log goes to this process's own stderr.
        headers.insert("x-amz-log-result", HeaderValue::from_static(""));
    }
    response
}

#[cfg(test)]
mod tests;
