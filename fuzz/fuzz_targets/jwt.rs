//! Any header, claims and signature as a JWT.
#![no_main]

#[path = "../../functions/authorizer/tests/checks/jwt.rs"]
mod jwt;
#[path = "../../functions/authorizer/tests/checks/subject.rs"]
mod subject;

libfuzzer_sys::fuzz_target!(|parts: (&[u8], &[u8], &[u8])| jwt::check(parts.0, parts.1, parts.2));
