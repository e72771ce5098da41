use std::time::Duration;

use aws_sdk_lambda::Client;
use keyplan_domain::api;
use keyplan_domain::refusal::Refusal;

use super::proxy_answer;
use crate::Response;
use crate::exchange::Exchange;
use crate::function::{self, Function, InvokeError, Outcome};
use crate::{proxy_event, tracing_header};

/// A Lambda function that gets the whole request and gives the whole answer.
pub(crate) struct LambdaProxy {
    function: Function,
    time_out: Duration,
}

impl LambdaProxy {
    pub(super) fn compile(integration: &api::Integration) -> Result<Self, &'static str> {
        // API Gateway calls a function by POST whatever the method's verb is,
        // and answers 500 where the integration says otherwise.
        if integration.http_method.as_deref() != Some("POST") {
            return Err("an AWS_PROXY integration whose own method is not POST");
        }
        let uri = integration.uri.as_deref().unwrap_or_default();
        Ok(Self {
            function: Function::compile(uri)
                .map_err(|_| "an AWS_PROXY integration of something other than a function")?,
            time_out: Duration::from_millis(integration.timeout_in_millis.into()),
        })
    }

    pub(super) async fn call(&self, exchange: &Exchange<'_>, lambda: &Client) -> Result<Response, Refusal> {
        let function =
            self.function.at(&exchange.stage.stage.variables).map_err(|_| Refusal::IntegrationNotInvoked {
                reason: "the integration's URI names no Lambda function with these stage variables",
            })?;
        let event = proxy_event::for_integration(exchange)
            .map_err(|_| Refusal::Internal { reason: "the function's event cannot be written" })?;
        let tracing_header = tracing_header::of_call(exchange.request);
        let outcome = function::invoke(lambda, &function, event, tracing_header, self.time_out).await;
        let outcome = outcome.map_err(|error| match error {
            InvokeError::TimedOut => Refusal::IntegrationTimedOut,
            InvokeError::TooLarge => Refusal::RequestTooLarge,
            InvokeError::Unreachable => {
                Refusal::IntegrationNotInvoked { reason: "Lambda cannot be reached for the integration" }
            }
            InvokeError::Refused => {
                Refusal::IntegrationNotInvoked { reason: "Lambda refused to invoke the integration's function" }
            }
        })?;
        match outcome {
            Outcome::Answered(answer) => {
                let accepts_bytes = exchange.stage.deployment.binary.holds(exchange.request.first_accepted());
                proxy_answer::parse(&answer, accepts_bytes).map_err(|reason| Refusal::IntegrationFailed { reason })
            }
            Outcome::Failed { .. } => Err(Refusal::IntegrationFailed { reason: "the function failed" }),
        }
    }
}
