//! Where a request's API key comes from.

use serde::{Deserialize, Serialize};

/// The key source of a REST API, as its deployed snapshot names it
/// (API Gateway developer guide, "Choose an API key source").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApiKeySource {
    /// The client's `x-api-key` header.
    #[default]
    Header,
    /// `usageIdentifierKey` of the Lambda authorizer's answer.
    Authorizer,
}

impl ApiKeySource {
    /// The names by which callers set a source, as validation errors list them.
    pub const NAMES: [&'static str; 2] = ["HEADER", "AUTHORIZER"];

    /// The source of that name, in upper case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "HEADER" => Some(Self::Header),
            "AUTHORIZER" => Some(Self::Authorizer),
            _ => None,
        }
    }

    /// The one value that counts: the other source is not consulted, and an
    /// empty value is none.
    #[must_use]
    pub fn presented<'a>(self, header: Option<&'a str>, usage_identifier_key: Option<&'a str>) -> Option<&'a str> {
        match self {
            Self::Header => header,
            Self::Authorizer => usage_identifier_key,
        }
        .filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::ApiKeySource::{Authorizer, Header};

    #[test]
    fn only_the_configured_source_counts() {
        assert_eq!(Header.presented(Some("h"), Some("a")), Some("h"));
        assert_eq!(Header.presented(None, Some("a")), None);
        assert_eq!(Authorizer.presented(Some("h"), Some("a")), Some("a"));
        assert_eq!(Authorizer.presented(Some("h"), None), None);
    }

    #[test]
    fn an_empty_value_is_none() {
        assert_eq!(Header.presented(Some(""), None), None);
        assert_eq!(Authorizer.presented(None, Some("")), None);
    }
}
