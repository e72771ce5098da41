use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};

use super::date::SigningDate;
use super::{DATE, SignatureError};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// The parts of an `Authorization` header.
pub(super) struct Authorization<'a> {
    pub(super) id: &'a str,
    pub(super) signature: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    terminator: &'a str,
    signed_headers: &'a str,
}

impl<'a> Authorization<'a> {
    pub(super) fn of(headers: &'a HeaderMap, query: &str) -> Result<Self, SignatureError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().map_err(|_| incomplete("Authorization header is not of ASCII."))?,
            (Some(_), Some(_)) => return Err(incomplete("There is more than one Authorization header.")),
            (None, _) if is_presigned(query) => return Err(SignatureError::Presigned),
            (None, _) => return Err(SignatureError::Missing),
        };
        Self::parse(value.trim())
    }

    fn parse(value: &'a str) -> Result<Self, SignatureError> {
        let (algorithm, parameters) = value.split_once(' ').unwrap_or((value, ""));
        if algorithm != ALGORITHM && algorithm.starts_with("AWS") {
            return Err(incomplete("Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is supported."));
        }
        let parameter = |name: &str| {
            let mut found = parameters.split(',').filter_map(|pair| pair.trim().split_once('='));
            found.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let found = ["Credential", "Signature", "SignedHeaders"].map(parameter);
        let [Some(credential), Some(signature), Some(signed_headers)] = found else {
            let missing = ["Credential", "Signature", "SignedHeaders"].into_iter().zip(found);
            let missing = missing.filter(|(_, value)| value.is_none());
            let texts = missing.map(|(name, _)| format!("Authorization header requires '{name}' parameter."));
            return Err(SignatureError::Incomplete(texts.collect::<Vec<_>>().join(" ")));
        };
        let parts: Vec<&str> = credential.split('/').collect();
        let [id, date, region, service, terminator] = parts[..] else {
            return Err(incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term",
            ));
        };
        Ok(Self { id, signature, date, region, service, terminator, signed_headers })
    }

    /// Whether it was signed for this day, region and service.
    pub(super) fn check_scope(
        &self,
        date: &SigningDate<'_>,
        region: &str,
        service: &str,
    ) -> Result<(), SignatureError> {
        let error = if self.terminator != TERMINATOR {
            format!("Credential should be scoped with a valid terminator: '{TERMINATOR}'. ")
        } else if self.region != region {
            format!("Credential should be scoped to a valid region: '{region}'. ")
        } else if self.service != service {
            format!("Credential should be scoped to correct service: '{service}'. ")
        } else if self.date != date.day() {
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP".to_owned()
        } else {
            return Ok(());
        };
        Err(SignatureError::Scope(error))
    }

    /// The headers that were signed, each as often as it was sent.
    pub(super) fn signed_headers<'h>(&'h self, sent: &'h HeaderMap) -> Result<Vec<(&'h str, &'h str)>, SignatureError> {
        for required in [HOST.as_str(), DATE] {
            if !self.signed_headers.split(';').any(|name| name == required) {
                let text = format!("'{required}' must be a 'SignedHeader' in the AWS Authorization.");
                return Err(SignatureError::Scope(text));
            }
        }
        let mut signed = Vec::new();
        for name in self.signed_headers.split(';') {
            if !sent.contains_key(name) {
                return Err(SignatureError::Mismatch);
            }
            for value in sent.get_all(name) {
                let value = std::str::from_utf8(value.as_bytes()).map_err(|_| SignatureError::Mismatch)?;
                signed.push((name, value));
            }
        }
        Ok(signed)
    }
}

fn is_presigned(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("X-Amz-Signature="))
}

fn incomplete(text: &str) -> SignatureError {
    SignatureError::Incomplete(text.to_owned())
}
