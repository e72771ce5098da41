//! What an API is made of, and how a reader knows that it has seen all of one
//! state of it.
//!
//! A Query is not isolated from transactions (DynamoDB Developer Guide, "Amazon
//! DynamoDB Transactions: How it works", isolation levels), and a large API is
//! read by several: what is read may be partly of before an edit and partly of
//! after it. The API's item therefore keeps a seal, a sum over its parts and their
//! versions, which what was read must add up to.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyplan_domain::api::RestApiDefinition;
use sha2::{Digest, Sha256};

use super::diff::Changes;
use crate::StoreError;
use crate::item::{Item, attribute};
use crate::keys;

/// One state of an API.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) definition: Arc<RestApiDefinition>,
    pub(crate) parts: Parts,
    /// What [`Parts::seal`] should be; `None` when what wrote it kept none.
    pub(crate) seal: Option<u64>,
    /// About as many as the items have that it was read from.
    pub(crate) bytes: usize,
}

impl Contents {
    /// Whether all of it is of one state, as far as can be known.
    pub(crate) fn is_whole(&self) -> bool {
        self.seal.is_none_or(|seal| seal == self.parts.seal())
    }
}

/// The versions that the items of an API have, by sort key: all but the API's own
/// and those of others that name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts(BTreeMap<String, u64>);

impl Parts {
    /// Among items of an API's partition.
    pub(crate) fn read(items: &[Item]) -> Result<Self, StoreError> {
        let mut parts = Self::default();
        for item in items {
            let sk = item.text(attribute::SK)?;
            // What a newer version keeps there is a part as well.
            if sk != keys::API && !sk.starts_with(keys::AHEAD) && !sk.starts_with(keys::STAGE_PLAN) {
                parts.0.insert(sk.to_owned(), item.version()?);
            }
        }
        Ok(parts)
    }

    /// The same once `changes` are written at `version`.
    pub(crate) fn after(&self, changes: &Changes, version: u64) -> Result<Self, StoreError> {
        let mut after = self.clone();
        for put in &changes.puts {
            after.0.insert(put.text(attribute::SK)?.to_owned(), version);
        }
        for key in &changes.deletes {
            after.0.remove(&*key.sk);
        }
        Ok(after)
    }

    /// A sum that differs where any part or its version does.
    pub(crate) fn seal(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, (sk, version)| {
            let hash = Sha256::new().chain_update(version.to_be_bytes()).chain_update(sk.as_bytes()).finalize();
            let (first, _) = hash.split_first_chunk().unwrap_or((&[0; 8], &[]));
            sum.wrapping_add(u64::from_be_bytes(*first))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(of: &[(&str, u64)]) -> Parts {
        Parts(of.iter().map(|(sk, version)| ((*sk).to_owned(), *version)).collect())
    }

    #[test]
    fn a_seal_stays_what_it_was_when_it_was_written() {
        // Kept in tables: another value for the same parts would have every API
        // read again and again.
        assert_eq!(parts(&[]).seal(), 0);
        assert_eq!(parts(&[("RES#root", 1)]).seal(), 3_780_910_781_303_286_340);
    }

    #[test]
    fn another_version_is_another_seal() {
        let one = parts(&[("RES#a", 1), ("RES#b", 2)]);
        for other in [
            parts(&[("RES#a", 2), ("RES#b", 1)]),
            parts(&[("RES#a", 1)]),
            parts(&[("RES#a", 1), ("RES#b", 2), ("RES#c", 2)]),
            parts(&[("RES#a", 1), ("RES#b", 3)]),
        ] {
            assert_ne!(one.seal(), other.seal(), "{other:?}");
        }
    }

    proptest! {
        /// Of any edits, a reader who misses some of the last one's items is told.
        #[test]
        fn half_an_edit_is_no_state(
            before in prop::collection::btree_map("[a-d]{1,2}", 1..9_u64, 0..8),
            edit in prop::collection::btree_map("[a-d]{1,2}", any::<bool>(), 1..8),
            seen in prop::collection::vec(any::<bool>(), 8),
        ) {
            let version = 10;
            let apply = |parts: &mut BTreeMap<String, u64>, sk: &String, put: bool| {
                if put { parts.insert(sk.clone(), version); } else { parts.remove(sk); }
            };
            let (mut after, mut read) = (before.clone(), before);
            for ((sk, put), seen) in edit.iter().zip(seen) {
                apply(&mut after, sk, *put);
                if seen {
                    apply(&mut read, sk, *put);
                }
            }
            prop_assert_eq!(Parts(read.clone()).seal() == Parts(after.clone()).seal(), read == after);
        }
    }
}
