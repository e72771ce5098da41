use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;
use keyplan_domain::id::RestApiId;
use keyplan_domain::outage::OnFailure;
use keyplan_store::Tables;
use keyplan_store::connect::{Connection, MissingVariable};

use crate::AddressRule;

/// How the gateway behaves, wherever it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The region that method ARNs name.
    pub region: String,
    /// The account that method ARNs name.
    pub account_id: String,
    /// How long stages, keys and plans are kept before they are read again.
    pub cache_ttl: Duration,
    /// The most tokens that one write to a key's meter may take, where the
    /// key's plan does not say. 1 is strict.
    pub lease_cap: NonZeroU32,
    /// What becomes of metered requests while the meters cannot be written.
    pub on_failure: OnFailure,
    /// Whether a 429 that waiting helps says how long: `Retry-After`.
    pub retry_after: bool,
    /// Which addresses HTTP integrations may reach.
    pub address_rule: AddressRule,
    /// Whether answers of methods that require a key say what its plan leaves
    /// it: `RateLimit` and `RateLimit-Policy`.
    pub rate_limit_headers: bool,
    /// What requests are for whose host names no API.
    pub default_target: Option<DefaultTarget>,
}

/// An API and a stage of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultTarget {
    /// The API.
    pub api_id: RestApiId,
    /// The stage's name.
    pub stage: String,
}

/// What the function is told by its environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `AWS_REGION`, `AWS_ACCOUNT_ID`, `CONFIG_CACHE_TTL_SECONDS`,
    /// `METERING_LEASE_CAP`, `METERING_ON_FAILURE`, `RETRY_AFTER`,
    /// `RATE_LIMIT_HEADERS`, `ALLOWED_PRIVATE_CIDRS`, `DEFAULT_REST_API_ID` and
    /// `DEFAULT_STAGE`.
    pub settings: Settings,
    /// `AWS_ENDPOINT_URL_DYNAMODB` and AWS's variables for credentials.
    pub connection: Connection,
    /// `CONFIG_TABLE` and `USAGE_TABLE`.
    pub tables: Tables,
    /// `AWS_ENDPOINT_URL_LAMBDA`: another address than the region's own.
    pub lambda_endpoint_url: Option<String>,
}

/// A variable that keeps the function from starting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnvironment {
    /// One that must be set is not.
    #[error(transparent)]
    Missing(#[from] MissingVariable),
    /// One has a value that it cannot have.
    #[error("{name} must be {expected}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
    },
}

const DEFAULT_CACHE_TTL: Duration = Duration::from_secs(5);

impl Environment {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed.
    pub fn read() -> Result<Self, InvalidEnvironment> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let required = |name, expected| variable(name).ok_or(MissingVariable { name, expected });
        Ok(Self {
            settings: settings(variable)?,
            connection: Connection::from_env()?,
            tables: Tables {
                config: required("CONFIG_TABLE", "the name of the configuration table")?,
                usage: required("USAGE_TABLE", "the name of the usage table")?,
            },
            lambda_endpoint_url: variable("AWS_ENDPOINT_URL_LAMBDA"),
        })
    }
}

fn settings(variable: impl Fn(&str) -> Option<String>) -> Result<Settings, InvalidEnvironment> {
    let required = |name, expected| variable(name).ok_or(MissingVariable { name, expected });
    let account_id = required("AWS_ACCOUNT_ID", "an account of 12 digits")?;
    if account_id.len() != 12 || !account_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidEnvironment::Malformed { name: "AWS_ACCOUNT_ID", expected: "12 digits" });
    }
    let cache_ttl = match variable("CONFIG_CACHE_TTL_SECONDS") {
        None => DEFAULT_CACHE_TTL,
        Some(seconds) => seconds.parse().map(Duration::from_secs).map_err(|_| InvalidEnvironment::Malformed {
            name: "CONFIG_CACHE_TTL_SECONDS",
            expected: "a whole number of seconds",
        })?,
    };
    let lease_cap = match variable("METERING_LEASE_CAP") {
        None => NonZeroU32::MIN,
        Some(tokens) => tokens.parse().map_err(|_| InvalidEnvironment::Malformed {
            name: "METERING_LEASE_CAP",
            expected: "a whole number of at least 1",
        })?,
    };
    let on_failure = match variable("METERING_ON_FAILURE") {
        None => OnFailure::default(),
        Some(mode) => mode
            .parse()
            .map_err(|_| InvalidEnvironment::Malformed { name: "METERING_ON_FAILURE", expected: "open or closed" })?,
    };
    let switch = |name, default| match variable(name).as_deref() {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(InvalidEnvironment::Malformed { name, expected: "true or false" }),
    };
    let allowed: Result<Vec<IpNet>, _> = variable("ALLOWED_PRIVATE_CIDRS")
        .iter()
        .flat_map(|list| list.split(','))
        .map(|cidr| cidr.trim().parse())
        .collect();
    let allowed = allowed.map_err(|_| InvalidEnvironment::Malformed {
        name: "ALLOWED_PRIVATE_CIDRS",
        expected: "networks in CIDR notation, separated by commas: 10.0.0.0/16,fd00::/8",
    })?;
    let default_target = match (variable("DEFAULT_REST_API_ID"), variable("DEFAULT_STAGE")) {
        (None, None) => None,
        (Some(api_id), Some(stage)) => Some(DefaultTarget { api_id: RestApiId::new(api_id), stage }),
        (None, Some(_)) => {
            return Err(MissingVariable { name: "DEFAULT_REST_API_ID", expected: "the API of DEFAULT_STAGE" }.into());
        }
        (Some(_), None) => {
            return Err(MissingVariable { name: "DEFAULT_STAGE", expected: "a stage of DEFAULT_REST_API_ID" }.into());
        }
    };
    Ok(Settings {
        region: required("AWS_REGION", "a region's name")?,
        account_id,
        cache_ttl,
        lease_cap,
        on_failure,
        retry_after: switch("RETRY_AFTER", true)?,
        rate_limit_headers: switch("RATE_LIMIT_HEADERS", false)?,
        address_rule: AddressRule::PublicAnd(allowed),
        default_target,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changed: &[(&str, &str)]) -> Result<Settings, String> {
        settings(|name| {
            [("AWS_REGION", "us-east-1"), ("AWS_ACCOUNT_ID", "000000000000")]
                .iter()
                .chain(changed)
                .rfind(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
                .filter(|value| !value.is_empty())
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_set_has_a_default() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.cache_ttl, Duration::from_secs(5));
        assert_eq!((settings.lease_cap, settings.on_failure), (NonZeroU32::MIN, OnFailure::ByLimits));
        assert!(settings.retry_after && !settings.rate_limit_headers);
        assert_eq!(settings.default_target, None);
    }

    #[test]
    fn every_variable_counts() {
        let settings = read(&[
            ("CONFIG_CACHE_TTL_SECONDS", "0"),
            ("METERING_LEASE_CAP", "10"),
            ("METERING_ON_FAILURE", "closed"),
            ("RETRY_AFTER", "false"),
            ("ALLOWED_PRIVATE_CIDRS", "10.0.0.0/16, fd00::/8"),
            ("RATE_LIMIT_HEADERS", "true"),
            ("DEFAULT_REST_API_ID", "abc123"),
            ("DEFAULT_STAGE", "prod"),
        ])
        .unwrap();
        assert_eq!(settings.cache_ttl, Duration::ZERO);
        assert_eq!(settings.on_failure, OnFailure::Closed);
        assert!(!settings.retry_after && settings.rate_limit_headers);
        let networks = vec!["10.0.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()];
        assert_eq!(settings.address_rule, AddressRule::PublicAnd(networks));
        assert_eq!(
            settings.default_target,
            Some(DefaultTarget { api_id: RestApiId::new("abc123"), stage: "prod".into() })
        );
    }

    #[test]
    fn an_error_names_the_variable_and_what_was_expected() {
        for (wrong, error) in [
            (("AWS_ACCOUNT_ID", ""), "AWS_ACCOUNT_ID is not set: an account of 12 digits is expected"),
            (("AWS_ACCOUNT_ID", "123"), "AWS_ACCOUNT_ID must be 12 digits"),
            (("AWS_REGION", ""), "AWS_REGION is not set: a region's name is expected"),
            (("METERING_LEASE_CAP", "0"), "METERING_LEASE_CAP must be a whole number of at least 1"),
            (("METERING_ON_FAILURE", "half"), "METERING_ON_FAILURE must be open or closed"),
            (("CONFIG_CACHE_TTL_SECONDS", "5s"), "CONFIG_CACHE_TTL_SECONDS must be a whole number of seconds"),
            (("RETRY_AFTER", "yes"), "RETRY_AFTER must be true or false"),
            (
                ("ALLOWED_PRIVATE_CIDRS", "10.0.0.0/16,10.0.0.1"),
                "ALLOWED_PRIVATE_CIDRS must be networks in CIDR notation, separated by commas: 10.0.0.0/16,fd00::/8",
            ),
            (("RATE_LIMIT_HEADERS", "1"), "RATE_LIMIT_HEADERS must be true or false"),
            (("DEFAULT_STAGE", "prod"), "DEFAULT_REST_API_ID is not set: the API of DEFAULT_STAGE is expected"),
            (("DEFAULT_REST_API_ID", "a"), "DEFAULT_STAGE is not set: a stage of DEFAULT_REST_API_ID is expected"),
        ] {
            assert_eq!(read(&[wrong]).unwrap_err(), error);
        }
    }
}
