//! Pages of lists that are read whole: those of one API.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyplan_store::{PageRequest, StoreError};
use keyplan_wire::page::Items;

/// The page of `items`, which are in the order of their `names`, that is asked
/// for. A position is the name of the last item before it, so that pages hold
/// each item once whatever is added meanwhile.
pub(super) fn page<T>(
    items: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
    request: &PageRequest,
) -> Result<Items<T>, StoreError> {
    let after = request.position.as_deref().map(decode).transpose()?;
    let mut items = items.filter(|item| after.as_ref().is_none_or(|after| name(item) > *after));
    let page: Vec<T> = items.by_ref().take(request.limit).collect();
    let position =
        if items.next().is_some() { page.last().map(|last| BASE64_URL_SAFE_NO_PAD.encode(name(last))) } else { None };
    Ok(Items { item: page, position })
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
        let first = page(names.iter(), |name| (**name).to_owned(), &request).unwrap();
        assert_eq!(first.item, [&"/", &"/a", &"/b"]);
        request.position = first.position;
        let second = page(names.iter(), |name| (**name).to_owned(), &request).unwrap();
        assert_eq!((second.item, second.position), (vec![&"/c"], None));
    }

    #[test]
    fn a_position_that_no_page_gave_is_refused() {
        let request = PageRequest { limit: 3, position: Some("%".into()) };
        assert!(matches!(page(["/"].iter(), |_| String::new(), &request), Err(StoreError::InvalidPosition)));
    }
}
