use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyplan_authorizer::{AuthorizerError, Rejection};
use serde_json::json;

use super::subject::Subject;

/// Any header, claims and signature as a JWT: nobody gets in who does not hold
/// the issuer's keys, and the refusal is `Unauthorized` and nothing else.
pub(crate) fn check(header: &[u8], claims: &[u8], signature: &[u8]) {
    let [header, claims, signature] = [header, claims, signature].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let token = format!("{header}.{claims}.{signature}");
    let event = json!({
        "type": "TOKEN", "authorizationToken": format!("Bearer {token}"),
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abc/prod/GET/pets/1",
    });
    let subject = Subject::shared();
    match subject.ask(&subject.simple, &event) {
        Err(refusal @ AuthorizerError::Unauthorized(Rejection::Jwt(_))) => {
            assert_eq!(refusal.to_string(), "Unauthorized");
        }
        other => panic!("not refused as a JWT: {other:?}"),
    }
}
