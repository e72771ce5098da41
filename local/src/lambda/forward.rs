use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{DisplayErrorContext, SdkError};
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::refusal::Refusal;
use super::{Invocation, TRACING_HEADER};

/// Hands invocations on to another Lambda endpoint.
pub(crate) struct Forward {
    client: Client,
}

impl Forward {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The other endpoint's answer, its refusals included.
    pub(super) async fn invoke(&self, invocation: Invocation) -> Response {
        let name = invocation.function.name().to_owned();
        let qualifier = match invocation.function.qualifier() {
            Some(_) => None,
            None => invocation.qualifier,
        };
        let tracing_header = invocation.tracing_header;
        let answer = self
            .client
            .invoke()
            .function_name(invocation.function.as_str())
            .set_qualifier(qualifier)
            .invocation_type(InvocationType::from(invocation.invoke_type.name()))
            .set_log_type(invocation.tail.then_some(LogType::Tail))
            .set_client_context(invocation.client_context)
            .payload(Blob::new(Vec::from(invocation.event)))
            .customize()
            .mutate_request(move |request| {
                if let Some(header) = tracing_header.clone() {
                    // One that the SDK does not take is left out.
                    let _ = request.headers_mut().try_insert(TRACING_HEADER, header);
                }
            })
            .send()
            .await;
        match answer {
            Ok(answer) => relay(answer),
            Err(SdkError::ServiceError(refused)) => {
                let raw = refused.raw();
                let status = StatusCode::from_u16(raw.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
                let body = raw.body().bytes().unwrap_or_default().to_vec();
                let kind = raw.headers().get(ERROR_TYPE.as_str());
                respond(status, body, [(ERROR_TYPE, kind), (header::CONTENT_TYPE, Some("application/json"))])
            }
            Err(error) => {
                tracing::error!(function = name, error = %DisplayErrorContext(&error), "--lambda-endpoint failed");
                Refusal::Unreachable.into_response()
            }
        }
    }
}

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

fn relay(answer: InvokeOutput) -> Response {
    let status = u16::try_from(answer.status_code).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    let json = (!payload.is_empty()).then_some("application/json");
    respond(
        status.unwrap_or(StatusCode::OK),
        payload,
        [
            (header::CONTENT_TYPE, json),
            (HeaderName::from_static("x-amz-executed-version"), answer.executed_version.as_deref()),
            (HeaderName::from_static("x-amz-function-error"), answer.function_error.as_deref()),
            (HeaderName::from_static("x-amz-log-result"), answer.log_result.as_deref()),
        ],
    )
}

fn respond<const N: usize>(status: StatusCode, body: Vec<u8>, headers: [(HeaderName, Option<&str>); N]) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
