use std::time::Duration;

use keyplan_store::Tables;
use keyplan_store::connect::{Connection, MissingVariable};

use crate::DEFAULT_CACHE_TTL;
use crate::jwt::Issuer;

/// What the function is told by its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the tables are: `AWS_REGION`, `AWS_ENDPOINT_URL_DYNAMODB` and
    /// AWS's variables for credentials.
    pub connection: Connection,
    /// `CONFIG_TABLE` and, where keys are made at first sight, `USAGE_TABLE`, in
    /// which it is counted how many.
    pub tables: Tables,
    /// `TOKEN_CACHE_TTL_SECONDS`, else `CONFIG_CACHE_TTL_SECONDS`, else
    /// [`DEFAULT_CACHE_TTL`].
    pub cache_ttl: Duration,
    /// `HTTP_API_RESPONSE`: `simple`, as it is by default, or `iam`.
    pub http_api_response: HttpApiResponse,
    /// `JWT_ISSUERS`, a JSON array, or the file that `JWT_ISSUERS_FILE` names.
    pub issuers: Vec<Issuer>,
}

/// What the authorizer of an HTTP API, of payload format 2.0, is set to expect
/// (API Gateway developer guide, "Control access to HTTP APIs with AWS Lambda
/// authorizers"); format 1.0 always takes a policy. An event does not tell, and
/// API Gateway answers 500 to the wrong one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpApiResponse {
    /// Whether the route that is called may be, `enableSimpleResponses`.
    #[default]
    Simple,
    /// A policy over the stage: what API Gateway expects of an authorizer that
    /// is created without `enableSimpleResponses`.
    Iam,
}

/// A variable that keeps the function from starting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// One that must be set is not.
    #[error(transparent)]
    Missing(#[from] MissingVariable),
    /// One that is set is no whole number of seconds.
    #[error("{name} must be a whole number of seconds")]
    NoSeconds {
        /// The variable.
        name: &'static str,
    },
    /// `HTTP_API_RESPONSE` is neither form of answer.
    #[error("HTTP_API_RESPONSE must be simple or iam")]
    HttpApiResponse,
    /// The issuers are there twice.
    #[error("JWT_ISSUERS and JWT_ISSUERS_FILE are both set")]
    TwoLists,
    /// The issuers cannot be read.
    #[error("{name} must hold the issuers as a JSON array: {cause}")]
    Issuers {
        /// The variable.
        name: &'static str,
        /// What is wrong with what it holds.
        cause: String,
    },
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed.
    pub fn from_env() -> Result<Self, InvalidSettings> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let config = variable("CONFIG_TABLE")
            .ok_or(MissingVariable { name: "CONFIG_TABLE", expected: "the name of the configuration table" })?;
        let issuers = issuers(variable)?;
        let usage = if issuers.iter().any(|issuer| issuer.create_keys.is_some()) {
            let expected = "the name of the table that counts keys made at first sight";
            variable("USAGE_TABLE").ok_or(MissingVariable { name: "USAGE_TABLE", expected })?
        } else {
            Tables::default().usage
        };
        Ok(Self {
            connection: Connection::from_env()?,
            tables: Tables { config, usage },
            issuers,
            cache_ttl: cache_ttl(variable)?,
            http_api_response: http_api_response(variable("HTTP_API_RESPONSE").as_deref())?,
        })
    }
}

fn cache_ttl(variable: impl Fn(&str) -> Option<String>) -> Result<Duration, InvalidSettings> {
    for name in ["TOKEN_CACHE_TTL_SECONDS", "CONFIG_CACHE_TTL_SECONDS"] {
        if let Some(seconds) = variable(name) {
            let seconds = seconds.parse().map_err(|_| InvalidSettings::NoSeconds { name })?;
            return Ok(Duration::from_secs(seconds));
        }
    }
    Ok(DEFAULT_CACHE_TTL)
}

/// The issuers of a JSON array.
///
/// # Errors
/// What is wrong with it, in words that repeat nothing but names.
pub fn read_issuers(json: &[u8]) -> Result<Vec<Issuer>, serde_json::Error> {
    serde_json::from_slice(json)
}

fn issuers(variable: impl Fn(&str) -> Option<String>) -> Result<Vec<Issuer>, InvalidSettings> {
    const LIST: &str = "JWT_ISSUERS";
    const FILE: &str = "JWT_ISSUERS_FILE";
    let (name, json) = match (variable(LIST), variable(FILE)) {
        (None, None) => return Ok(Vec::new()),
        (Some(_), Some(_)) => return Err(InvalidSettings::TwoLists),
        (Some(list), None) => (LIST, Ok(list.into_bytes())),
        (None, Some(path)) => (FILE, std::fs::read(path)),
    };
    let invalid = |cause: String| InvalidSettings::Issuers { name, cause };
    let json = json.map_err(|error| invalid(error.to_string()))?;
    read_issuers(&json).map_err(|error| invalid(error.to_string()))
}

fn http_api_response(setting: Option<&str>) -> Result<HttpApiResponse, InvalidSettings> {
    match setting {
        None => Ok(HttpApiResponse::default()),
        Some("simple") => Ok(HttpApiResponse::Simple),
        Some("iam") => Ok(HttpApiResponse::Iam),
        Some(_) => Err(InvalidSettings::HttpApiResponse),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ttl(token: Option<&str>, config: Option<&str>) -> Result<Duration, InvalidSettings> {
        cache_ttl(|name| if name == "TOKEN_CACHE_TTL_SECONDS" { token } else { config }.map(str::to_owned))
    }

    #[test]
    fn the_authorizers_own_time_to_live_counts_before_the_common_one() {
        assert_eq!(ttl(Some("0"), Some("9")), Ok(Duration::ZERO));
        assert_eq!(ttl(None, Some("9")), Ok(Duration::from_secs(9)));
        assert_eq!(ttl(None, None), Ok(DEFAULT_CACHE_TTL));
    }

    #[test]
    fn issuers_are_a_json_array_in_one_place() {
        let read = |list: Option<&str>, file: Option<&str>| {
            issuers(|name| if name == "JWT_ISSUERS" { list } else { file }.map(str::to_owned))
                .map(|issuers| issuers.len())
                .map_err(|error| error.to_string())
        };
        let one = r#"[{"issuer": "https://issuer.example", "audiences": []}]"#;
        assert_eq!(read(None, None), Ok(0));
        assert_eq!(read(Some(one), None), Ok(1));
        assert_eq!(read(Some(one), Some("/f")), Err("JWT_ISSUERS and JWT_ISSUERS_FILE are both set".into()));
        assert!(read(None, Some("/nowhere")).unwrap_err().starts_with("JWT_ISSUERS_FILE must hold the issuers"));
        for wrong in ["", "{}", "null", r#"[{"issuer": "a"}]"#] {
            assert!(read(Some(wrong), None).unwrap_err().starts_with("JWT_ISSUERS must hold the issuers"), "{wrong}");
        }
    }

    #[test]
    fn a_time_to_live_is_a_whole_number_of_seconds() {
        for wrong in ["five", "-1", "0.5", "5s"] {
            let refused = ttl(None, Some(wrong)).unwrap_err().to_string();
            assert_eq!(refused, "CONFIG_CACHE_TTL_SECONDS must be a whole number of seconds");
        }
    }

    #[test]
    fn http_apis_are_answered_simply_unless_they_expect_a_policy() {
        assert_eq!(http_api_response(None), Ok(HttpApiResponse::Simple));
        assert_eq!(http_api_response(Some("simple")), Ok(HttpApiResponse::Simple));
        assert_eq!(http_api_response(Some("iam")), Ok(HttpApiResponse::Iam));
        for wrong in ["IAM", "policy", "true", " simple"] {
            let refused = http_api_response(Some(wrong)).unwrap_err().to_string();
            assert_eq!(refused, "HTTP_API_RESPONSE must be simple or iam");
        }
    }
}
