//! When values are the same: numbers by what they amount to, members in any order.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use serde_json::Value;

use super::number::Decimal;
use super::work::{TooLong, Work};

pub(super) fn are_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        // Those that are held in the same way are equal if their decimals are.
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.is_f64() != other.is_f64() && Decimal::of(one) == Decimal::of(other))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| are_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| are_equal(one, other)))
        }
        (one, other) => one == other,
    }
}

/// Whether no two values are equal, found out in about one comparison of each: those
/// with the same hash are compared, and no sender knows what it is keyed by.
pub(super) fn are_unique(values: &[Value], work: &mut Work) -> Result<bool, TooLong> {
    let keys = RandomState::new();
    let mut by_hash: HashMap<u64, Vec<&Value>> = HashMap::with_capacity(values.len().min(1024));
    for value in values {
        let mut hasher = keys.build_hasher();
        work.spend(hash(value, &mut hasher))?;
        let same_hash = by_hash.entry(hasher.finish()).or_default();
        if same_hash.iter().any(|other| are_equal(value, other)) {
            return Ok(false);
        }
        same_hash.push(value);
    }
    Ok(true)
}

/// Hashes a value; of how many it consists.
fn hash(value: &Value, hasher: &mut impl Hasher) -> usize {
    std::mem::discriminant(value).hash(hasher);
    match value {
        Value::Null => 1,
        Value::Bool(value) => {
            value.hash(hasher);
            1
        }
        Value::Number(number) => {
            // Of equal numbers it is the same; adding nothing makes 0 of -0.
            (number.as_f64().unwrap_or_default() + 0.0).to_bits().hash(hasher);
            1
        }
        Value::String(text) => {
            text.hash(hasher);
            1 + text.len() / 16
        }
        Value::Array(items) => {
            items.len().hash(hasher);
            1 + items.iter().map(|item| hash(item, hasher)).sum::<usize>()
        }
        // Maps of this kind hold their members by name.
        Value::Object(members) => {
            members.len().hash(hasher);
            let of = |(name, member): (&String, &Value)| {
                name.hash(hasher);
                1 + hash(member, hasher)
            };
            1 + members.iter().map(of).sum::<usize>()
        }
    }
}
