//! The whole of Keyplan as it is deployed, without an account: each function of
//! `template.yaml` is a process of its own under a Runtime API, with the
//! environment that the template gives it and nothing else, and is invoked with
//! the events of the front doors that the template puts before it. What each asks
//! of DynamoDB and of Lambda is held against its role.

#![expect(clippy::expect_used, reason = "what a test cannot do without fails it")]

mod continuing;
mod front_door;
mod keyplan;
mod larger;
mod operations;
mod permissions;
mod serving;
