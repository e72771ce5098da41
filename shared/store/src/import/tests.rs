use keyplan_domain::key::{KeyValue, MAX_PLANS_PER_KEY};
use proptest::prelude::*;

use super::*;

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
