use std::collections::BTreeMap;

use serde::Deserialize;

/// Headers by name, in whatever case, and their one value or all of them.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Headers<V>(BTreeMap<String, V>);

impl<V> Headers<V> {
    pub(super) fn authorization(&self) -> Option<&V> {
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value)
    }
}
