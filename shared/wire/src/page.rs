//! Lists, a page at a time.

use serde::Serialize;

use crate::error::ApiError;

/// A page of a list: always with `item`, with `position` only if more follows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Items<T> {
    /// `[]` when there is nothing.
    pub item: Vec<T>,
    /// Where the next page begins: opaque to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
}

/// Items of a page when the caller did not say how many.
pub const DEFAULT_LIMIT: usize = 25;

/// The most items of a page, whatever the caller said.
pub const MAX_LIMIT: usize = 500;

impl<T> Items<T> {
    /// A list that is not paged.
    #[must_use]
    pub fn all(item: Vec<T>) -> Self {
        Self { item, position: None }
    }
}

/// How many items the query parameter `limit` asks for. API Gateway takes -1
/// without an error; what is below 1 is as if it had not been given.
///
/// # Errors
/// `BadRequestException` when it is no integer.
pub fn limit(parameter: Option<&str>) -> Result<usize, ApiError> {
    let Some(parameter) = parameter.filter(|parameter| !parameter.is_empty()) else {
        return Ok(DEFAULT_LIMIT);
    };
    let limit: i64 = parameter.parse().map_err(|_| ApiError::bad_request("Invalid limit: it must be an integer"))?;
    Ok(match usize::try_from(limit) {
        Ok(limit) if limit > 0 => limit.min(MAX_LIMIT),
        _ => DEFAULT_LIMIT,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn position_is_there_only_if_more_follows() {
        assert_eq!(serde_json::to_value(Items::<u8>::all(Vec::new())).unwrap(), json!({"item": []}));
        let page = Items { item: vec![1], position: Some("x".into()) };
        assert_eq!(serde_json::to_value(page).unwrap(), json!({"item": [1], "position": "x"}));
    }

    #[test]
    fn a_page_has_25_items_unless_told_and_500_at_most() {
        for (parameter, expected) in [(None, 25), (Some(""), 25), (Some("-1"), 25), (Some("2"), 2), (Some("501"), 500)]
        {
            assert_eq!(limit(parameter), Ok(expected), "{parameter:?}");
        }
        assert_eq!(limit(Some("x")).unwrap_err().status, 400);
    }
}
