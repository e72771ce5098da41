//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Parser;
use keyplan_admin::credentials::Credentials;
use keyplan_domain::outage::OnFailure;
use keyplan_store::Tables;

/// Keyplan in one process: API Gateway's control plane and data plane for API
/// keys, key sources and usage plans, with a DynamoDB of its own.
#[derive(Parser)]
#[command(name = "local", version)]
pub(crate) struct Flags {
    /// Address of the control plane and of the Lambda Invoke API; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:4500")]
    pub(crate) control: SocketAddr,

    /// Address of the data plane; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:4501")]
    pub(crate) gateway: SocketAddr,

    /// Address of the embedded DynamoDB; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:4502")]
    pub(crate) dynamodb: SocketAddr,

    /// Keep everything in this file instead of in memory
    #[arg(long, value_name = "FILE", conflicts_with = "dynamodb_endpoint")]
    pub(crate) data: Option<PathBuf>,

    /// Use this DynamoDB instead of embedding one; --dynamodb is then ignored.
    /// Requests are signed with AWS_ACCESS_KEY_ID and its kin if set, else with the first --credentials
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub(crate) dynamodb_endpoint: Option<String>,

    /// The config table at --dynamodb-endpoint, which must exist; no table is made then
    #[arg(long, value_name = "NAME", requires = "dynamodb_endpoint", value_parser = table)]
    pub(crate) config_table: Option<String>,

    /// The usage table beside it, which must exist; without it nothing that needs one works
    #[arg(long, value_name = "NAME", requires = "config_table", value_parser = table)]
    pub(crate) usage_table: Option<String>,

    /// The most tokens that one write to a meter may take; 1 is strict
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) lease_cap: NonZeroU32,

    /// While the meters cannot be written, `open` admits by what this process
    /// knows and `closed` refuses; left out, plans with a quota refuse
    #[arg(long, value_name = "open|closed")]
    pub(crate) metering_on_failure: Option<OnFailure>,

    /// Tell callers what their plan leaves them, in RateLimit-Policy and RateLimit
    #[arg(long)]
    pub(crate) rate_limit_headers: bool,

    /// Credentials that the control plane accepts; may be given several times
    #[arg(long, value_name = "ID:SECRET", default_value = "local:local")]
    credentials: Vec<String>,

    /// The authorizer takes the JSON Web Tokens of the issuers in this file, a JSON array
    #[arg(long, value_name = "FILE")]
    pub(crate) jwt_issuers: Option<PathBuf>,

    /// Where Lambda functions other than `authorizer` and `echo` are invoked
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub(crate) lambda_endpoint: Option<String>,

    /// The AWS region that everything pretends to be in
    #[arg(long, value_name = "REGION", default_value = "us-east-1", value_parser = region)]
    pub(crate) region: String,

    /// The AWS account that everything pretends to belong to
    #[arg(long, value_name = "12 DIGITS", default_value = "000000000000", value_parser = account_id)]
    pub(crate) account_id: String,

    /// Make a demo API with both key sources, and print commands to try
    #[arg(long, conflicts_with = "config_table")]
    pub(crate) demo: bool,
}

/// What `--credentials` say.
pub(crate) struct AccessKeys {
    /// All that the control plane accepts.
    pub(crate) accepted: Credentials,
    /// The first: what this process signs with where the environment has nothing.
    pub(crate) own: aws_credential_types::Credentials,
}

/// What is wrong with `--credentials`. What was given is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidCredentials {
    #[error("--credentials takes one pair ID:SECRET at a time, both without commas")]
    Comma,
    #[error("--credentials: {0}")]
    Pair(#[from] keyplan_admin::credentials::InvalidCredentials),
}

impl Flags {
    /// The tables' names.
    pub(crate) fn tables(&self) -> Tables {
        let Tables { config, usage } = Tables::default();
        Tables { config: self.config_table.clone().unwrap_or(config), usage: self.usage_table.clone().unwrap_or(usage) }
    }

    /// All `--credentials`, at least one pair.
    pub(crate) fn access_keys(&self) -> Result<AccessKeys, InvalidCredentials> {
        if self.credentials.iter().any(|pair| pair.contains(',')) {
            return Err(InvalidCredentials::Comma);
        }
        let accepted: Credentials = self.credentials.join(",").parse()?;
        let (id, secret) = self.credentials.first().and_then(|pair| pair.split_once(':')).unwrap_or_default();
        let own = aws_credential_types::Credentials::new(id, secret, None, None, "--credentials");
        Ok(AccessKeys { accepted, own })
    }
}

fn endpoint(url: &str) -> Result<String, &'static str> {
    let uri: http::Uri = url.parse().map_err(|_| "not a URL")?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(url.trim_end_matches('/').to_owned()),
        _ => Err("expected http://HOST:PORT or https://HOST"),
    }
}

/// As DynamoDB names tables ("Naming rules").
fn table(name: &str) -> Result<String, &'static str> {
    let in_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if !(3..=255).contains(&name.len()) || !name.bytes().all(in_a_name) {
        return Err("a table's name has 3 to 255 letters, digits, underscores, hyphens and dots");
    }
    Ok(name.to_owned())
}

fn region(region: &str) -> Result<String, &'static str> {
    let in_a_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if region.is_empty() || !region.bytes().all(in_a_region) {
        return Err("a region has lower-case letters, digits and hyphens");
    }
    Ok(region.to_owned())
}

fn account_id(account: &str) -> Result<String, &'static str> {
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("an account id has 12 digits");
    }
    Ok(account.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str]) -> Result<Flags, String> {
        Flags::try_parse_from(std::iter::once("local").chain(flags.iter().copied())).map_err(|error| error.to_string())
    }

    fn first_id(flags: &[&str]) -> Result<String, InvalidCredentials> {
        parse(flags).unwrap().access_keys().map(|keys| keys.own.access_key_id().to_owned())
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let flags = parse(&[]).unwrap();
        assert_eq!(flags.control.to_string(), "127.0.0.1:4500");
        assert_eq!(flags.gateway.to_string(), "127.0.0.1:4501");
        assert_eq!(flags.dynamodb.to_string(), "127.0.0.1:4502");
        assert_eq!((flags.region.as_str(), flags.account_id.as_str()), ("us-east-1", "000000000000"));
        assert_eq!(flags.lease_cap.get(), 1);
        assert_eq!(first_id(&[]).unwrap(), "local");
        assert!(
            !flags.demo && !flags.rate_limit_headers && flags.data.is_none() && flags.metering_on_failure.is_none()
        );
    }

    #[test]
    fn credentials_given_replace_the_default_and_may_repeat() {
        assert_eq!(first_id(&["--credentials", "a:b", "--credentials", "c:d:e"]).unwrap(), "a");
    }

    #[test]
    fn credentials_without_an_id_or_a_secret_or_twice_the_same_are_refused_unrepeated() {
        for wrong in [&["hush"][..], &[":hush"], &["hush:"], &["a:hush,b:hush"], &["a:b", "a:hush"]] {
            let flags: Vec<_> = wrong.iter().flat_map(|pair| ["--credentials", pair]).collect();
            let error = first_id(&flags).unwrap_err().to_string();
            assert!(error.contains("--credentials") && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_malformed_value_is_refused_with_the_name_of_its_flag() {
        for (flag, value) in [
            ("--control", "4500"),
            ("--gateway", "localhost"),
            ("--lease-cap", "0"),
            ("--metering-on-failure", "half"),
            ("--dynamodb-endpoint", "localhost:8000"),
            ("--config-table", "no"),
            ("--config-table", "a table"),
            ("--usage-table", "arn:aws:dynamodb"),
            ("--lambda-endpoint", "ftp://host"),
            ("--region", "US"),
            ("--account-id", "1"),
        ] {
            let refused = parse(&[flag, value]).err().unwrap();
            assert!(refused.contains(flag), "{refused}");
        }
    }

    #[test]
    fn a_file_and_another_dynamodb_exclude_each_other() {
        assert!(parse(&["--data", "f", "--dynamodb-endpoint", "http://127.0.0.1:8000"]).is_err());
    }

    #[test]
    fn tables_are_named_at_another_dynamodb_alone_and_without_a_demo() {
        let elsewhere = ["--dynamodb-endpoint", "http://127.0.0.1:8000"];
        let with = |flags: &[&str]| parse(&[&elsewhere[..], flags].concat());
        assert!(parse(&["--config-table", "config"]).is_err());
        assert!(with(&["--usage-table", "usage"]).is_err());
        assert!(with(&["--config-table", "config", "--demo"]).is_err());
        let flags = with(&["--config-table", "config", "--usage-table", "usage"]).unwrap();
        assert_eq!((flags.config_table.as_deref(), flags.usage_table.as_deref()), (Some("config"), Some("usage")));
    }
}
