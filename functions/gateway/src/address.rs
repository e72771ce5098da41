//! Which API and stage a request is for, and the path within the stage.

use keyplan_domain::id::RestApiId;

use crate::request::Request;
use crate::settings::DefaultTarget;

/// Where a request goes, as its address says; whether that exists is found out
/// by looking it up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) api: RestApiId,
    pub(crate) stage: &'a str,
    /// The rest of the path as it was sent; empty where nothing follows the stage.
    pub(crate) path: &'a str,
}

/// Reads `{api}.execute-api.*` and `/{stage}/path`; on any other host the
/// default, if there is one, else `/{api}/{stage}/path`.
///
/// `None` when a part is missing.
pub(crate) fn of<'a>(request: &'a Request, default: Option<&'a DefaultTarget>) -> Option<Address<'a>> {
    if let Some(api) = request.host.as_deref().and_then(api_of_host) {
        let (stage, path) = first_segment(&request.path)?;
        return Some(Address { api: RestApiId::new(api.to_ascii_lowercase()), stage, path });
    }
    if let Some(DefaultTarget { api_id, stage }) = default {
        return Some(Address { api: api_id.clone(), stage, path: &request.path });
    }
    let (api, rest) = first_segment(&request.path)?;
    let (stage, path) = first_segment(rest)?;
    Some(Address { api: RestApiId::new(api), stage, path })
}

/// The API that a host of API Gateway's own form names.
fn api_of_host(host: &str) -> Option<&str> {
    const SERVICE: &str = "execute-api.";
    let (api, service) = host.split_once('.')?;
    let named = service.get(..SERVICE.len())?.eq_ignore_ascii_case(SERVICE);
    (named && !api.is_empty()).then_some(api)
}

/// `/first/rest` as `first` and `/rest`.
fn first_segment(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    (!first.is_empty()).then_some((first, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::request;

    fn address(host: Option<&str>, path: &str) -> Option<(String, String, String)> {
        let mut request = request("GET", path);
        request.host = host.map(str::to_owned);
        of(&request, None).map(|found| (found.api.to_string(), found.stage.to_owned(), found.path.to_owned()))
    }

    fn parts(api: &str, stage: &str, path: &str) -> Option<(String, String, String)> {
        Some((api.to_owned(), stage.to_owned(), path.to_owned()))
    }

    #[test]
    fn a_host_of_api_gateways_form_names_the_api() {
        let host = Some("ABC123.execute-api.us-east-1.amazonaws.com");
        assert_eq!(address(host, "/prod/pets/1"), parts("abc123", "prod", "/pets/1"));
        assert_eq!(address(Some("abc123.execute-api.localhost:4501"), "/prod"), parts("abc123", "prod", ""));
        assert_eq!(address(host, "/"), None);
    }

    #[test]
    fn on_another_host_the_path_names_it() {
        assert_eq!(address(Some("127.0.0.1:4501"), "/abc123/prod/pets/1"), parts("abc123", "prod", "/pets/1"));
        assert_eq!(address(None, "/abc123/prod/"), parts("abc123", "prod", "/"));
        assert_eq!(address(Some("execute-api.example.com"), "/abc123/prod/x"), parts("abc123", "prod", "/x"));
        for missing in ["/abc123", "/abc123/", "/", "", "//prod/x"] {
            assert_eq!(address(None, missing), None, "{missing}");
        }
    }

    #[test]
    fn slashes_behind_the_stage_are_kept_for_the_router() {
        assert_eq!(address(None, "/abc123/prod//pets/"), parts("abc123", "prod", "//pets/"));
    }

    #[test]
    fn with_a_default_no_prefix_is_parsed() {
        let default = DefaultTarget { api_id: RestApiId::new("abc123"), stage: "prod".into() };
        let request = request("GET", "/other/test/pets");
        let found = of(&request, Some(&default)).unwrap();
        assert_eq!((found.api.as_str(), found.stage, found.path), ("abc123", "prod", "/other/test/pets"));
    }
}
