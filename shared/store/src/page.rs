//! Lists, a page at a time, newest first, from the index `byList`.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::item::{Item, attribute};
use crate::keys::Key;
use crate::tables::LIST_INDEX;
use crate::{Store, StoreError};

/// A page asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// How many items at the most, at least 1.
    pub limit: usize,
    /// The position that the page before gave.
    pub position: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items. A filtered page may hold fewer than asked for and still have
    /// a position.
    pub items: Vec<T>,
    /// Where the next page begins; `None` after the last.
    pub position: Option<String>,
}

impl<T> Page<T> {
    /// The same page of other items.
    #[must_use]
    pub fn map<U>(self, map: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(map).collect(), position: self.position }
    }
}

/// Bytes of items that a page begins no other item beyond: what is shown of them
/// stays well below the 6 MB that a function may answer, escaped or not.
pub const PAGE_BYTES: usize = 2_500_000;
/// Index pages that one filtered page reads at the most.
const FILTERED_READS: usize = 10;
/// Items that one of them looks at.
const FILTERED_READ_ITEMS: usize = 500;

impl Store {
    /// A page of `list`: one Query, where the items are not large. `key_of` gives back the key of the item
    /// that a place (`{micros}#{id}`) stands for.
    pub(crate) async fn page<T>(
        &self,
        list: &str,
        request: &PageRequest,
        key_of: impl Fn(&str) -> Key,
        decode: impl Fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let start = request.position.as_deref().map(decode_position).transpose()?;
        // One more than asked for tells whether anything follows.
        let Listed { items: mut found, is_cut } =
            self.list_items(list, start.as_deref(), request.limit + 1, &key_of).await?;
        let more = is_cut || found.len() > request.limit;
        found.truncate(request.limit);
        let position = if more { found.last().map(place_of).transpose()? } else { None };
        Ok(Page {
            items: found.iter().map(decode).collect::<Result<_, _>>()?,
            position: position.map(|place| encode_position(&place)),
        })
    }

    /// A page of what `keep` keeps of `list`: a bounded number of Queries.
    pub(crate) async fn filtered_page<T>(
        &self,
        list: &str,
        request: &PageRequest,
        key_of: impl Fn(&str) -> Key,
        decode: impl Fn(&Item) -> Result<T, StoreError>,
        keep: impl Fn(&T) -> bool,
    ) -> Result<Page<T>, StoreError> {
        let mut start = request.position.as_deref().map(decode_position).transpose()?;
        let mut kept: Vec<(String, T)> = Vec::new();
        let mut kept_bytes = 0;
        'filled: for _ in 0..FILTERED_READS {
            let Listed { items: found, is_cut } =
                self.list_items(list, start.as_deref(), FILTERED_READ_ITEMS, &key_of).await?;
            let exhausted = found.len() < FILTERED_READ_ITEMS && !is_cut;
            start = found.last().map(place_of).transpose()?.or(start);
            for item in &found {
                let decoded = decode(item)?;
                if keep(&decoded) {
                    if kept.len() == request.limit || kept_bytes > PAGE_BYTES {
                        start = kept.last().map(|(place, _)| place.clone());
                        break 'filled;
                    }
                    kept_bytes += item.size();
                    kept.push((place_of(item)?, decoded));
                }
            }
            if exhausted {
                start = None;
                break;
            }
        }
        Ok(Page {
            items: kept.into_iter().map(|(_, item)| item).collect(),
            position: start.map(|place| encode_position(&place)),
        })
    }

    async fn list_items(
        &self,
        list: &str,
        after: Option<&str>,
        limit: usize,
        key_of: &impl Fn(&str) -> Key,
    ) -> Result<Listed, StoreError> {
        let start = after.map(|place| {
            let id = place.split_once('#').map_or(place, |(_, id)| id);
            let mut start = key_of(id).attributes();
            start.insert(attribute::LIST_PK.into(), AttributeValue::S(list.to_owned()));
            start.insert(attribute::LIST_SK.into(), AttributeValue::S(place.to_owned()));
            start
        });
        let mut items = Vec::new();
        let mut bytes = 0;
        let mut start = start;
        // A Query ends at 1 MB, whatever its limit.
        while items.len() < limit {
            let wanted = i32::try_from(limit - items.len()).unwrap_or(i32::MAX);
            let answer = self
                .client()
                .query()
                .table_name(self.config_table())
                .index_name(LIST_INDEX)
                .key_condition_expression("#list = :list")
                .expression_attribute_names("#list", attribute::LIST_PK)
                .expression_attribute_values(":list", AttributeValue::S(list.to_owned()))
                .scan_index_forward(false)
                .limit(wanted)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::unavailable("Query", &error))?;
            for item in answer.items.unwrap_or_default().into_iter().map(Item::read) {
                if bytes > PAGE_BYTES {
                    return Ok(Listed { items, is_cut: true });
                }
                bytes += item.size();
                items.push(item);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(Listed { items, is_cut: false })
    }
}

/// Items of a list, in its order.
struct Listed {
    items: Vec<Item>,
    /// Others follow, and these were enough.
    is_cut: bool,
}

pub(crate) fn place_of(item: &Item) -> Result<String, StoreError> {
    item.text(attribute::LIST_SK).map(str::to_owned)
}

pub(crate) fn encode_position(place: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(place)
}

fn decode_position(position: &str) -> Result<String, StoreError> {
    let place = BASE64_URL_SAFE_NO_PAD
        .decode(position)
        .ok()
        .and_then(|place| String::from_utf8(place).ok())
        .ok_or(StoreError::InvalidPosition)?;
    let well_formed = place.split_once('#').is_some_and(|(micros, id)| {
        micros.len() == 20 && micros.bytes().all(|byte| byte.is_ascii_digit()) && !id.is_empty() && id.len() <= 64
    });
    if well_formed { Ok(place) } else { Err(StoreError::InvalidPosition) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_as_the_place_it_was_made_of() {
        let place = "00001795600000000000#x5k3eopvub";
        assert_eq!(decode_position(&encode_position(place)).unwrap(), place);
    }

    #[test]
    fn a_position_that_no_page_gave_is_refused() {
        for position in ["", "%", "abc", &encode_position("12#id"), &encode_position("00001795600000000000#")] {
            assert!(matches!(decode_position(position), Err(StoreError::InvalidPosition)), "{position}");
        }
    }
}
