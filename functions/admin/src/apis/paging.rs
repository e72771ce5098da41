//! Pages of lists that are read whole: those of one API.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyplan_store::{PAGE_BYTES, PageRequest, StoreError};
use keyplan_wire::page::Items;
use serde::Serialize;

/// The page of `items`, which are in the order of their `names`, that is asked
/// for, as they are shown: it begins none beyond [`PAGE_BYTES`]. A position is the
/// name of the last item before it, so that pages hold each item once whatever is
/// added meanwhile.
pub(super) fn page<T, S: Serialize>(
    items: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
    show: impl Fn(T) -> S,
    request: &PageRequest,
) -> Result<Items<S>, StoreError> {
    let after = request.position.as_deref().map(decode).transpose()?;
    let (mut page, mut bytes, mut last) = (Vec::new(), 0, None);
    for item in items.filter(|item| after.as_ref().is_none_or(|after| name(item) > *after)) {
        if page.len() == request.limit || bytes > PAGE_BYTES {
            return Ok(Items { item: page, position: last.map(|last: String| BASE64_URL_SAFE_NO_PAD.encode(last)) });
        }
        last = Some(name(&item));
        let shown = show(item);
        bytes += serde_json::to_vec(&shown).map_or(0, |json| json.len());
        page.push(shown);
    }
    Ok(Items { item: page, position: None })
}

fn decode(position: &str) -> Result<String, StoreError> {
    BASE64_URL_SAFE_NO_PAD
        .decode(position)
        .ok()
        .and_then(|name| String::from_utf8(name).ok())
        .ok_or(StoreError::InvalidPosition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_item_once() {
        let names = ["/", "/a", "/b", "/c"];
        let mut request = PageRequest { limit: 3, position: None };
        let first = page(names.iter(), |name| (**name).to_owned(), |name| name, &request).unwrap();
        assert_eq!(first.item, [&"/", &"/a", &"/b"]);
        request.position = first.position;
        let second = page(names.iter(), |name| (**name).to_owned(), |name| name, &request).unwrap();
        assert_eq!((second.item, second.position), (vec![&"/c"], None));
    }

    #[test]
    fn a_page_ends_where_it_would_be_too_long_to_be_answered() {
        let texts: Vec<String> = ["a", "b", "c", "d"].map(|letter| letter.repeat(1_000_000)).into();
        let mut request = PageRequest { limit: 4, position: None };
        let first = page(texts.iter(), |text| text[..1].to_owned(), |text| text, &request).unwrap();
        assert_eq!(first.item.len(), 3);
        request.position = first.position;
        let second = page(texts.iter(), |text| text[..1].to_owned(), |text| text, &request).unwrap();
        assert_eq!((second.item, second.position), (vec![&texts[3]], None));
    }

    #[test]
    fn a_position_that_no_page_gave_is_refused() {
        let request = PageRequest { limit: 3, position: Some("%".into()) };
        assert!(matches!(
            page(["/"].iter(), |_| String::new(), |name| name, &request),
            Err(StoreError::InvalidPosition)
        ));
    }
}
