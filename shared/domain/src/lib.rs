//! The rules of API keys, key sources, usage plans, throttling and quotas of
//! Amazon API Gateway REST APIs.
//!
//! Everything here is pure: no clock, no environment, no network, no AWS SDK.
//! Time and randomness are arguments, outcomes are values. The crates above
//! keep these types in DynamoDB (`keyplan-store`), spell them as the JSON of
//! `aws apigateway` (`keyplan-wire`) and serve requests by them.

#![warn(missing_docs)]

pub mod admission;
pub mod api;
pub mod arn;
pub mod id;
pub mod key;
pub mod lease;
pub mod left;
pub mod outage;
pub mod plan;
pub mod policy;
pub mod quota;
pub mod refusal;
pub mod route;
pub mod source;
pub mod subject;
pub mod template;
pub mod throttle;
pub mod time;
pub mod token;
