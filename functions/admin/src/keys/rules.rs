use std::time::Duration;

use keyplan_domain::key::{ApiKey, ApiKeyId, ImportedKey, KeyValue};
use keyplan_domain::subject::{Subject, SubjectRecord};
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::{Scope, Token, TokenId, TokenRecord};
use keyplan_store::Rotation;
use keyplan_wire::api_key::{CreateApiKeyInput, CreateSubjectInput, CreateTokenInput, RotateTokenInput};
use keyplan_wire::error::{ApiError, Violation, Violations};
use keyplan_wire::patch::{Op, PatchOperation};

use crate::tagging::new_tags;

const MAX_NAME: usize = 1_024;
const MAX_DESCRIPTION: usize = 125_000;
const MAX_PRINCIPAL: usize = 256;
/// Each is a statement of the authorizer's policy.
const MAX_SCOPES: usize = 50;
/// Seconds for which a token goes on beside the one that takes its place.
const DEFAULT_OVERLAP: u64 = 3_600;
const MAX_OVERLAP: u64 = 30 * 86_400;
/// As API Gateway lists them, without those of [`LEGACY_PATHS`].
const PATCH_PATHS: [&str; 4] = ["/description", "/enabled", "/name", "/customerId"];
/// Can be added to and removed from (patch operations, "ApiKey"), to no effect:
/// no key shows labels, and stages are a usage plan's.
const LEGACY_PATHS: [&str; 2] = ["/labels", "/stages"];

/// The key that a caller asks for, and its value if the caller chose one.
/// `stageKeys` is of the time before usage plans: it opens nothing, and every key
/// shows that it has none.
pub(super) fn new_key(
    input: CreateApiKeyInput,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<(ApiKey, Option<KeyValue>), ApiError> {
    let value = match input.value.filter(|value| !value.expose().is_empty()) {
        Some(value) => Some(KeyValue::parse(value.expose()).map_err(|error| ApiError::bad_request(error.to_string()))?),
        None => None,
    };
    let key = ApiKey {
        id,
        name: name(input.name)?,
        description: description(input.description)?,
        customer_id: input.customer_id.filter(|customer| !customer.is_empty()),
        enabled: input.enabled.unwrap_or(false),
        created_date: now,
        last_updated_date: now,
        tags: new_tags(input.tags)?,
    };
    Ok((key, value))
}

/// Carries out a patch. A key's value is not among what can be changed.
pub(super) fn patch(key: &mut ApiKey, operations: &[PatchOperation], now: Timestamp) -> Result<(), ApiError> {
    for operation in operations {
        let path = operation.path.as_deref().unwrap_or_default();
        let takes = match operation.op {
            _ if !PATCH_PATHS.contains(&path) && !LEGACY_PATHS.contains(&path) => {
                return Err(operation.unknown_path(&PATCH_PATHS));
            }
            Op::Replace => PATCH_PATHS.contains(&path),
            Op::Add | Op::Remove => LEGACY_PATHS.contains(&path),
            Op::Move | Op::Copy | Op::Test => false,
        };
        if !takes {
            return Err(operation.unsupported_op());
        }
        let text = operation.text().map(str::to_owned);
        match path {
            "/name" => key.name = name(text)?,
            "/description" => key.description = description(text)?,
            "/customerId" => key.customer_id = text,
            "/enabled" => key.enabled = operation.boolean(),
            _ => {}
        }
    }
    key.last_updated_date = now;
    Ok(())
}

/// The names and descriptions that an imported key may have are those of any other.
pub(super) fn check_imported(key: ImportedKey) -> Result<ImportedKey, ApiError> {
    Ok(ImportedKey { name: name(key.name)?, description: description(key.description)?, ..key })
}

fn name(name: Option<String>) -> Result<Option<String>, ApiError> {
    let text = format!("Invalid API Key name, can be at most {MAX_NAME} characters.");
    at_most(MAX_NAME, name, &text)
}

fn description(description: Option<String>) -> Result<Option<String>, ApiError> {
    at_most(MAX_DESCRIPTION, description, "Invalid API Key description specified.")
}

fn at_most(limit: usize, text: Option<String>, error: &str) -> Result<Option<String>, ApiError> {
    let text = text.filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > limit) {
        return Err(ApiError::bad_request(error));
    }
    Ok(text)
}

/// The token that a caller asks for.
pub(super) fn new_token(
    input: CreateTokenInput,
    id: TokenId,
    key_id: ApiKeyId,
    now: Timestamp,
) -> Result<TokenRecord, ApiError> {
    let principal_id =
        input.principal_id.ok_or_else(|| ApiError::validation(Violation::missing("createTokenInput.principalId")))?;
    if !(1..=MAX_PRINCIPAL).contains(&principal_id.chars().count()) || principal_id.chars().any(char::is_control) {
        return Err(ApiError::bad_request(format!(
            "Invalid principalId: it must have 1 to {MAX_PRINCIPAL} characters, none of them a control character"
        )));
    }
    let scopes = input.scopes.unwrap_or_default();
    if scopes.len() > MAX_SCOPES {
        return Err(ApiError::bad_request(format!("A token can have at most {MAX_SCOPES} scopes")));
    }
    let scopes = scopes.iter().map(|scope| Scope::parse(scope)).collect::<Result<_, _>>();
    let expires = in_future(input.expires_at.map(Timestamp::from_seconds), now)?;
    Ok(TokenRecord {
        id,
        key_id,
        principal_id,
        scopes: scopes.map_err(|error| ApiError::bad_request(format!("Invalid scope: {error}")))?,
        created_date: now,
        expires,
    })
}

fn in_future(expires: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    if expires.is_some_and(|expires| expires <= now) {
        return Err(ApiError::bad_request("Invalid expiresAt: it must be in the future, in seconds since the epoch"));
    }
    Ok(expires)
}

/// What takes the place of `old`: a token of the same holder and scopes. `old` is
/// refused after the overlap, or when it was to be anyway.
pub(super) fn rotated(
    input: &RotateTokenInput,
    old: &TokenRecord,
    token: &Token,
    now: Timestamp,
) -> Result<Rotation, ApiError> {
    if old.is_expired(now) {
        return Err(ApiError::bad_request("The token has expired"));
    }
    let overlap = input.overlap_seconds.map_or(Some(DEFAULT_OVERLAP), |seconds| u64::try_from(seconds).ok());
    let overlap = overlap.filter(|seconds| *seconds <= MAX_OVERLAP).ok_or_else(|| {
        ApiError::bad_request(format!("Invalid overlapSeconds: it must be between 0 and {MAX_OVERLAP}"))
    })?;
    let lifetime = old.expires.map(|expires| now.plus(expires.since(old.created_date)));
    let expires = in_future(input.expires_at.map(Timestamp::from_seconds).or(lifetime), now)?;
    let ends = now.plus(Duration::from_secs(overlap));
    Ok(Rotation {
        hash: token.hash(),
        record: TokenRecord { id: token.id(), created_date: now, expires, ..old.clone() },
        expires: old.expires.map_or(ends, |expires| expires.min(ends)),
    })
}

/// The subject that a caller wants a key to stand for.
pub(super) fn new_subject(
    input: CreateSubjectInput,
    key_id: ApiKeyId,
    now: Timestamp,
) -> Result<SubjectRecord, ApiError> {
    let mut missing = Violations::default();
    let mut required = |member: &str, value: Option<String>| {
        value.unwrap_or_else(|| {
            missing.push(Violation::missing(&format!("createSubjectInput.{member}")));
            String::new()
        })
    };
    let (issuer, subject) = (required("issuer", input.issuer), required("subject", input.subject));
    missing.check()?;
    let subject =
        Subject::new(&issuer, &subject).map_err(|error| ApiError::bad_request(format!("Invalid subject: {error}")))?;
    Ok(SubjectRecord::new(subject, key_id, now))
}

#[cfg(test)]
mod tests;
