//! What answers the calls of a method.

mod http_proxy;
mod lambda_proxy;
mod media_types;
mod mock;
mod proxy_answer;
mod remapped;
mod request_template;
mod response;

use aws_sdk_lambda::Client;
use keyplan_domain::api::{self, IntegrationType};
use keyplan_domain::refusal::Refusal;

use crate::Response;
use crate::exchange::Exchange;
use crate::http_client::HttpClient;
use http_proxy::HttpProxy;
use lambda_proxy::LambdaProxy;
pub(crate) use media_types::BinaryMediaTypes;
use mock::Mock;

/// What integrations are called through.
#[derive(Debug)]
pub(crate) struct Backends {
    pub(crate) lambda: Client,
    pub(crate) http: HttpClient,
}

/// An integration, ready to be called.
pub(crate) enum Integration {
    /// `MOCK`
    Mock(Mock),
    /// `AWS_PROXY`
    LambdaProxy(LambdaProxy),
    /// `HTTP_PROXY`
    HttpProxy(Box<HttpProxy>),
    /// One that cannot be called, and why.
    Unsupported(&'static str),
}

impl Integration {
    pub(crate) fn compile(integration: &api::Integration) -> Self {
        let compiled = match integration.integration_type {
            IntegrationType::Mock => Mock::compile(integration).map(Self::Mock),
            IntegrationType::AwsProxy => LambdaProxy::compile(integration).map(Self::LambdaProxy),
            IntegrationType::Aws => Err("an integration of type AWS"),
            IntegrationType::Http => Err("an integration of type HTTP"),
            IntegrationType::HttpProxy => HttpProxy::compile(integration).map(|proxy| Self::HttpProxy(Box::new(proxy))),
        };
        compiled.unwrap_or_else(Self::Unsupported)
    }

    /// What keeps it from being called, where something does.
    pub(crate) fn unsupported(&self) -> Option<&'static str> {
        match self {
            Self::Unsupported(what) => Some(what),
            _ => None,
        }
    }

    /// Answers a request that has passed everything before.
    pub(crate) async fn call(&self, exchange: &Exchange<'_>, backends: &Backends) -> Result<Response, Refusal> {
        match self {
            Self::Mock(mock) => mock.call(exchange),
            // Boxed, since every request would carry room for the larger ones.
            Self::LambdaProxy(proxy) => Box::pin(proxy.call(exchange, &backends.lambda)).await,
            Self::HttpProxy(proxy) => Box::pin(proxy.call(exchange, &backends.http)).await,
            Self::Unsupported(what) => Err(Refusal::Unsupported { what }),
        }
    }
}
