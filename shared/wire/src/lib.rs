//! The JSON of `aws apigateway` and of Lambda authorizers, and the files of API
//! keys: what clients send, what they are answered, and how they are told that
//! something is wrong.
//!
//! Only spelling is decided here. What a value may be is the affair of
//! `keyplan-domain` and of the control plane; nothing here reads, writes or
//! waits. Methods, integrations and authorizers need no type of their own:
//! those of the domain are spelt as the wire has them.

#![warn(missing_docs)]

pub mod account;
pub mod api_key;
mod authorizer_answer;
pub mod error;
pub mod gateway_response;
pub mod input;
pub mod key_file;
pub mod omission;
pub mod page;
pub mod patch;
pub mod rest_api;
pub mod usage_plan;

pub use authorizer_answer::{AuthorizerAnswer, ContextValue, SimpleAuthorizerAnswer};
