use std::collections::HashMap;

use keyplan_domain::key::{KeyByValue, KeyValue, MAX_PLANS_PER_KEY};
use proptest::prelude::*;

use super::change::{Change, Known};
use super::*;
use crate::api_key::{StoredKey, StoredValue};

fn key(row: usize, text: usize, plans: &[usize]) -> ImportedKey {
    ImportedKey {
        name: None,
        description: Some("x".repeat(text)),
        enabled: true,
        value: KeyValue::known(format!("a-value-of-20-characters-{row}")),
        usage_plan_ids: plans.iter().map(|plan| UsagePlanId::new(format!("plan{plan}"))).collect(),
    }
}

/// What a transaction of new keys writes.
fn writes(keys: &[ImportedKey]) -> usize {
    let plans: BTreeSet<_> = keys.iter().flat_map(|key| &key.usage_plan_ids).collect();
    plans.len() + keys.iter().map(|key| 2 + key.usage_plan_ids.len()).sum::<usize>()
}

#[test]
fn fifty_new_keys_are_one_transaction() {
    let keys: Vec<_> = (0..101).map(|row| key(row, 0, &[])).collect();
    assert_eq!(batches(&keys), [0..50, 50..100, 100..101]);
    let keys: Vec<_> = (0..34).map(|row| key(row, 0, &[1])).collect();
    assert_eq!(batches(&keys), [0..33, 33..34]);
    let keys: Vec<_> = (0..3).map(|row| key(row, 500_000, &[])).collect();
    assert_eq!(batches(&keys), [0..2, 2..3]);
    assert!(batches(&[]).is_empty());
}

/// The item by which a key is found is read before the key is, and somebody may
/// disable the key in between.
#[test]
fn a_key_that_was_disabled_while_it_was_read_is_enabled_where_it_is_found_too() {
    let row = key(0, 0, &[]);
    let known = |enabled: bool, enabled_before: bool| {
        let change = Change { id: ApiKeyId::new("abcdefghij"), known: None, plan_ids: Vec::new(), added: Vec::new() };
        let stored = StoredKey {
            key: ApiKey { enabled, ..change.after(&row, Timestamp::default()) },
            value: row.value.clone(),
            version: 2,
        };
        let by_value = KeyByValue { enabled: enabled_before, ..change.by_value(&stored.key) };
        let keys = HashMap::from([(keys::value(&row.value.hash()).pk, (stored, StoredValue { by_value, version: 1 }))]);
        Known { keys, plans: HashMap::new() }
    };
    assert!(known(false, true).plan(&row).unwrap().changes_value(&row));
    assert!(known(false, false).plan(&row).unwrap().changes_value(&row));
    assert!(!known(true, true).plan(&row).unwrap().changes_value(&row));
}

proptest! {
    #[test]
    fn every_row_is_in_one_batch_that_a_transaction_takes(
        rows in prop::collection::vec((0..2_000_usize, prop::collection::btree_set(0..30_usize, 0..=MAX_PLANS_PER_KEY)), 0..200),
    ) {
        let keys: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(row, (text, plans))| key(row, *text, &plans.iter().copied().collect::<Vec<_>>()))
            .collect();
        let batches = batches(&keys);
        let rows: Vec<usize> = batches.iter().cloned().flatten().collect();
        prop_assert_eq!(rows, (0..keys.len()).collect::<Vec<_>>());
        for batch in batches {
            prop_assert!(!batch.is_empty() && writes(&keys[batch]) <= MAX_ITEMS);
        }
    }
}
