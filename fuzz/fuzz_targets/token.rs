//! Any text as an `Authorization` header.
#![no_main]

#[path = "../../functions/authorizer/tests/checks/token.rs"]
mod token;

libfuzzer_sys::fuzz_target!(|header: &str| token::check(header));
