//! What handlers take from a request: segments of its path and parameters of
//! its query, decoded, or an error in API Gateway's form.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use keyplan_store::PageRequest;
use keyplan_wire::error::ApiError;
use keyplan_wire::page;
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

use crate::answer::Failure;

/// The variables of the path, each one segment, percent-decoded: a slash in a
/// segment is part of it.
#[derive(Clone, Debug)]
pub(crate) struct Segments<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(_) => Err(ApiError::bad_request("The path is not valid percent-encoded UTF-8.").into()),
        }
    }
}

/// The query's parameters, percent-decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(BTreeMap<String, Vec<String>>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default())?)
    }
}

impl Query {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.entry(decoded(name)?).or_default().push(decoded(value)?);
        }
        Ok(Self(parameters))
    }

    /// A parameter, if it was given; the first, if several were.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// A parameter, unless it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a parameter is `true`, in any case.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Which page of a list is asked for.
    pub(crate) fn page(&self) -> Result<PageRequest, ApiError> {
        let position = self.text("position").map(str::to_owned);
        Ok(PageRequest { limit: page::limit(self.get("limit"))?, position })
    }
}

fn decoded(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes())
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| ApiError::bad_request("The query is not valid percent-encoded UTF-8."))
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_decoded_and_may_be_repeated() {
        let query = Query::parse("tagKeys=k1&tagKeys=k%202&name=a+b&empty=&flag=TRUE&bare").unwrap();
        assert_eq!(query.all("tagKeys"), ["k1", "k 2"]);
        assert_eq!(query.get("name"), Some("a b"));
        assert_eq!((query.get("empty"), query.text("empty")), (Some(""), None));
        assert!(query.flag("flag") && !query.flag("bare") && !query.flag("absent"));
    }

    proptest! {
        #[test]
        fn a_parameter_comes_out_as_it_was_encoded(name in "[^=&]{1,12}", value in ".{0,20}") {
            let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let query = Query::parse(&format!("{}={}&other=x", encoded(&name), encoded(&value))).unwrap();
            prop_assert_eq!(query.get(&name), Some(value.as_str()));
        }

        #[test]
        fn whatever_a_query_is_it_is_parsed_or_refused(query in ".{0,60}|(%[0-9a-f]{0,2}|&|=|\\+|a){0,20}") {
            if let Err(refused) = Query::parse(&query) {
                prop_assert_eq!(refused.status, 400);
            }
        }
    }

    #[test]
    fn a_query_that_is_no_utf_8_is_refused() {
        assert_eq!(Query::parse("name=%ff").unwrap_err().status, 400);
    }

    #[test]
    fn a_page_is_asked_for_by_limit_and_position() {
        let page = Query::parse("limit=2&position=x%3D").unwrap().page().unwrap();
        assert_eq!((page.limit, page.position.as_deref()), (2, Some("x=")));
        let first = Query::parse("position=").unwrap().page().unwrap();
        assert_eq!((first.limit, first.position), (25, None));
    }
}
