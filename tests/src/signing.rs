//! SigV4, as clients that are not the AWS CLI do it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_request};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use keyplan_store::clock::{Clock, SystemClock};

/// The headers that sign a request now, `x-amz-date` and `authorization`. All
/// of `headers` are signed, `host` should be among them.
///
/// # Panics
/// When the request is malformed.
#[must_use]
pub fn sign(
    service: &str,
    (id, secret): (&str, &str),
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Vec<(String, String)> {
    let identity: Identity = Credentials::new(id, secret, None, None, "test").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(now())
        .settings(SigningSettings::default())
        .build()
        .expect("all parameters are set");
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request = SignableRequest::new(method, url, headers, SignableBody::Bytes(body)).expect("a request");
    let (instructions, _) = sign_request(request, &parameters.into()).expect("a signature").into_parts();
    instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What the machine's clock says.
#[must_use]
pub fn now() -> SystemTime {
    let nanos = u64::try_from(SystemClock.now().as_nanos()).expect("it is later than 1970");
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}
