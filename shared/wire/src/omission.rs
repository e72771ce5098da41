//! What answers leave out: nulls, empty strings and, in some of them, empty
//! tags.

use std::collections::BTreeMap;

/// Resource tags.
pub type Tags = BTreeMap<String, String>;

/// Which answer an API, a key or a plan is shown in, since whether it shows
/// that it has no tags depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// By itself, on a get, an update or a put: with `"tags": {}`.
    Alone,
    /// As the answer to its creation, or in a list: without empty tags.
    CreatedOrListed,
}

impl Shown {
    pub(crate) fn tags(self, tags: &Tags) -> Option<&Tags> {
        match self {
            Self::CreatedOrListed if tags.is_empty() => None,
            Self::Alone | Self::CreatedOrListed => Some(tags),
        }
    }
}

/// A text, unless it is empty.
pub(crate) fn text(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}
