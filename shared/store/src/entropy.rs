//! Random identifiers and secrets, from the operating system's generator.

use keyplan_domain::id::{ApiKeyId, PartId, RestApiId, UsagePlanId};
use keyplan_domain::key::KeyValue;

/// `N` random bytes, fit for secrets.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    // Filled at once: drawn one by one, each byte would use up four.
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

/// A new API key's id.
#[must_use]
pub fn api_key_id() -> ApiKeyId {
    ApiKeyId::generate(bytes())
}

/// A new usage plan's id.
#[must_use]
pub fn usage_plan_id() -> UsagePlanId {
    UsagePlanId::generate(bytes())
}

/// A new REST API's id; its root resource's is of the same form.
#[must_use]
pub fn rest_api_id() -> RestApiId {
    RestApiId::generate(bytes())
}

/// A new id for a part of a REST API.
#[must_use]
pub fn part_id() -> String {
    PartId::generate(bytes()).as_str().to_owned()
}

/// A new key's value.
#[must_use]
pub fn key_value() -> KeyValue {
    loop {
        if let Some(value) = KeyValue::generate(&bytes::<80>()) {
            return value;
        }
    }
}
