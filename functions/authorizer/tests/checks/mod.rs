//! What holds of whatever the authorizer is sent: a check a file, which panics
//! where it does not hold. `../properties.rs` runs them on generated input, and
//! the targets of `fuzz/` on input that a fuzzer finds.

pub(crate) mod event;
pub(crate) mod jwt;
pub(crate) mod subject;
pub(crate) mod token;
