use std::sync::Arc;

use axum::body::Bytes;
use keyplan_authorizer::Authorizer;
use serde_json::json;

/// The functions that are part of this process.
pub(crate) struct Hosted {
    pub(crate) authorizer: Arc<Authorizer>,
}

const AUTHORIZER: &str = "authorizer";
const ECHO: &str = "echo";

/// What came of a function.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its answer, as JSON.
    Answered(Vec<u8>),
    /// It failed by itself.
    Failed { kind: &'static str, message: String },
}

impl Hosted {
    pub(super) fn has(name: &str) -> bool {
        matches!(name, AUTHORIZER | ECHO)
    }

    /// Runs the function of that name on an event that is JSON.
    pub(super) async fn call(&self, name: &str, event: Bytes) -> Outcome {
        if name == ECHO { echo(&event) } else { self.authorize(&event).await }
    }

    async fn authorize(&self, event: &[u8]) -> Outcome {
        let event = match serde_json::from_slice(event) {
            Ok(event) => event,
            Err(_) => return Outcome::Failed { kind: "MalformedEvent", message: "the event is no JSON".to_owned() },
        };
        match self.authorizer.handle(event).await {
            Ok(answer) => match serde_json::to_vec(&answer) {
                Ok(answer) => Outcome::Answered(answer),
                Err(error) => Outcome::Failed { kind: "InternalFailure", message: error.to_string() },
            },
            Err(error) => Outcome::Failed { kind: error.kind(), message: error.to_string() },
        }
    }
}

/// Answers an API with the event that it was called with, as it came.
fn echo(event: &[u8]) -> Outcome {
    let answer = json!({ "statusCode": 200, "body": String::from_utf8_lossy(event) });
    Outcome::Answered(answer.to_string().into_bytes())
}

impl Outcome {
    /// A failure instead, if it is an answer of more than `limit` bytes.
    pub(super) fn within(self, limit: usize) -> Self {
        match self {
            Self::Answered(answer) if answer.len() > limit => Self::Failed {
                kind: "Function.ResponseSizeTooLarge",
                message: format!("Response payload size exceeded maximum allowed payload size ({limit} bytes)."),
            },
            outcome => outcome,
        }
    }

    pub(super) fn into_payload(self) -> Vec<u8> {
        match self {
            Self::Answered(answer) => answer,
            Self::Failed { kind, message } => {
                json!({ "errorMessage": message, "errorType": kind }).to_string().into_bytes()
            }
        }
    }
}
