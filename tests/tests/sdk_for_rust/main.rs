//! The control plane as AWS's SDK for Rust sees it: what it decodes is what was
//! set, each error is the variant that its model has for it, and its paginators
//! find everything once.

#![expect(clippy::unwrap_used, reason = "what fails, fails the test")]

/// What a call is told, which the SDK must have for just this variant.
macro_rules! told {
    ($call:expr, $variant:path) => {
        match $call.send().await.unwrap_err().into_service_error() {
            $variant(error) => error.message().unwrap_or_default().to_owned(),
            other => panic!("{}", aws_sdk_apigateway::error::DisplayErrorContext(other)),
        }
    };
}

mod errors;
mod life;
mod pages;

use aws_credential_types::Credentials;
use aws_sdk_apigateway::config::retry::RetryConfig;
use aws_sdk_apigateway::config::{BehaviorVersion, Region};
use aws_sdk_apigateway::types::{Op, PatchOperation};
use aws_sdk_apigateway::{Client, Config};
use aws_smithy_http_client::Builder;
use keyplan_tests::Stack;

/// A client of a stack's control plane, by these credentials. It tries nothing
/// twice, since each answer is to be seen.
fn client_as(stack: &Stack, id: &str, secret: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(id, secret, None, None, "test"))
        .endpoint_url(&stack.control)
        .retry_config(RetryConfig::disabled())
        .http_client(Builder::new().build_http());
    Client::from_conf(config.build())
}

fn client(stack: &Stack) -> Client {
    client_as(stack, "local", "local")
}

fn replace(path: &str, value: &str) -> PatchOperation {
    PatchOperation::builder().op(Op::Replace).path(path).value(value).build()
}
