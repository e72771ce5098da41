//! Metering over HTTP, by several processes at once on one DynamoDB that loses
//! answers and fails: what is promised holds exactly.

mod clocks;
mod counts;
mod failures;
mod quota;
mod throttle;
