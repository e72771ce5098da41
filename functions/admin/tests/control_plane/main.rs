//! The control plane from the signed request to the answer, over the embedded
//! DynamoDB.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

mod account;
mod api_keys;
mod import;
mod models;
mod patches;
mod refusals;
mod rest_apis;
mod sizes;
mod support;
mod test_invoke;
mod usage_plans;
