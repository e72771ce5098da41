//! Any bytes as an event of the authorizer.
#![no_main]

#[path = "../../functions/authorizer/tests/checks/event.rs"]
mod event;
#[path = "../../functions/authorizer/tests/checks/subject.rs"]
mod subject;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| event::check(bytes));
