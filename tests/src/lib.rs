//! What the end-to-end tests stand on: the built binaries as child processes,
//! the stock AWS CLI, a plain HTTP client, a Runtime API that runs a function's
//! binary as Lambda would, a Lambda of functions that do as a test wants, and a
//! DynamoDB behind a proxy that counts, and fails when told to.
//!
//! Tests share nothing: each starts what it needs on free ports.

#![expect(clippy::expect_used, reason = "a test whose surroundings fail can only fail itself")]

pub mod aws_cli;
pub mod binaries;
pub mod dice;
pub mod dynamodb;
pub mod dynamodb_proxy;
pub mod fleet;
pub mod http_client;
pub mod iam_policy;
pub mod issuer;
pub mod lambda;
pub mod raw_http;
pub mod rest_api;
pub mod runtime_api;
pub mod samples;
pub mod signing;
pub mod stack;
pub mod template;
pub mod usage_plan;

pub use aws_cli::AwsError;
pub use dice::Dice;
pub use dynamodb::Dynamodb;
pub use dynamodb_proxy::DynamodbProxy;
pub use fleet::Fleet;
pub use http_client::{Answer, Call, Client};
pub use issuer::Issuer;
pub use lambda::Lambda;
pub use rest_api::RestApi;
pub use runtime_api::Function;
pub use stack::Stack;
pub use template::DeployedStack;
pub use usage_plan::{ApiKey, UsagePlan};
