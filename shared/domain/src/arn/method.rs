use std::fmt;

use super::{InvalidArn, Parts};

/// A stage of a REST API, as the ARNs of its methods begin:
/// `arn:aws:execute-api:{region}:{account}:{api}/{stage}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageArn<'a> {
    /// [`PARTITION`](super::PARTITION), except where a real API Gateway of
    /// another partition is the caller.
    pub partition: &'a str,
    /// For example `us-east-1`.
    pub region: &'a str,
    /// 12 digits.
    pub account_id: &'a str,
    /// The id of the REST API.
    pub api_id: &'a str,
    /// The stage's name.
    pub stage: &'a str,
}

impl<'a> StageArn<'a> {
    /// One method of the stage. `path` is that of the request, not of the
    /// resource, with or without its first slash and without the stage.
    #[must_use]
    pub fn method(self, verb: &'a str, path: &'a str) -> MethodArn<'a> {
        MethodArn { stage: self, verb, path: path.strip_prefix('/').unwrap_or(path) }
    }

    /// The pattern of every method of the stage: `{api}/{stage}/*/*`.
    #[must_use]
    pub fn all_methods(&self) -> String {
        self.methods("*/*")
    }

    /// The pattern of the stage's methods that `verb_and_path` names, for
    /// example `GET/pets/*`.
    #[must_use]
    pub fn methods(&self, verb_and_path: &str) -> String {
        format!("{self}/{verb_and_path}")
    }
}

impl fmt::Display for StageArn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account_id, api_id, stage } = self;
        write!(f, "arn:{partition}:execute-api:{region}:{account_id}:{api_id}/{stage}")
    }
}

/// One method as a request names it, what an authorizer is asked about and its
/// policy is held against (API Gateway developer guide, "Input to an API
/// Gateway Lambda authorizer"). Prints as
/// `arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request`;
/// that of the root path ends in `GET/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodArn<'a> {
    /// The stage that serves the request.
    pub stage: StageArn<'a>,
    /// The request's verb, in upper case.
    pub verb: &'a str,
    path: &'a str,
}

impl<'a> MethodArn<'a> {
    /// A longer one is answered 414 by API Gateway (its quotas, "Method ARN").
    pub const MAX_BYTES: usize = 1600;
    const FORM: InvalidArn = InvalidArn::Resource { expected: "{api}/{stage}/{VERB}/{path}" };

    /// Takes apart the `methodArn` of an authorizer's event.
    ///
    /// # Errors
    /// When it is no ARN of one method of one stage, or longer than
    /// [`MAX_BYTES`](Self::MAX_BYTES). A wildcard in API, stage or verb is
    /// refused, since policies are made of these parts.
    pub fn parse(arn: &'a str) -> Result<Self, InvalidArn> {
        if arn.len() > Self::MAX_BYTES {
            return Err(InvalidArn::TooLong { limit: Self::MAX_BYTES });
        }
        let parts = Parts::split(arn, "execute-api")?;
        let account_id = parts.account_id()?;
        let mut names = parts.resource.splitn(4, '/');
        let mut next = || names.next().ok_or(Self::FORM);
        let (api_id, stage, verb, path) = (next()?, next()?, next()?, next()?);
        let of_an_api = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let of_a_stage = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'$');
        let of_a_verb = |b: u8| b.is_ascii_uppercase();
        let all = |name: &str, of: &dyn Fn(u8) -> bool| !name.is_empty() && name.bytes().all(of);
        if !all(api_id, &of_an_api) || !all(stage, &of_a_stage) || !all(verb, &of_a_verb) {
            return Err(Self::FORM);
        }
        let Parts { partition, region, .. } = parts;
        Ok(Self { stage: StageArn { partition, region, account_id, api_id, stage }, verb, path })
    }

    /// The request's path without its first slash; empty for the root.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }
}

impl fmt::Display for MethodArn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.stage, self.verb, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGE: StageArn<'static> = StageArn {
        partition: "aws",
        region: "us-east-1",
        account_id: "123456789012",
        api_id: "abcdef123",
        stage: "test",
    };
    const GUIDE: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request";

    #[test]
    fn a_method_arn_prints_as_the_guide_shows_it() {
        assert_eq!(STAGE.method("GET", "request").to_string(), GUIDE);
        assert_eq!(STAGE.method("GET", "/request").to_string(), GUIDE);
    }

    #[test]
    fn the_root_path_ends_in_one_slash() {
        let root = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/";
        assert_eq!(STAGE.method("GET", "/").to_string(), root);
        assert_eq!(MethodArn::parse(root).map(|arn| arn.path()), Ok(""));
    }

    #[test]
    fn what_is_printed_is_parsed_back() {
        for path in ["", "pets", "pets/1/toys", "shops/2021-08-01T00:00:00Z", "a%2Fb", "a//b/", "*"] {
            let arn = STAGE.method("POST", path);
            assert_eq!(MethodArn::parse(&arn.to_string()), Ok(arn), "{path}");
        }
    }

    #[test]
    fn patterns_stay_within_the_stage() {
        assert_eq!(STAGE.all_methods(), "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/*/*");
        assert_eq!(STAGE.methods("GET/pets/*"), "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets/*");
    }

    #[test]
    fn the_partition_of_the_caller_is_kept() {
        let arn = "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef123/test/GET/request";
        assert_eq!(MethodArn::parse(arn).map(|arn| arn.to_string()).as_deref(), Ok(arn));
    }

    #[test]
    fn the_stage_of_a_test_invocation_is_a_stage() {
        let arn = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/ESTestInvoke-stage/GET/";
        assert_eq!(MethodArn::parse(arn).map(|arn| arn.stage.stage), Ok("ESTestInvoke-stage"));
    }

    #[test]
    fn whatever_is_no_method_is_refused() {
        let of = |resource: &str| format!("arn:aws:execute-api:us-east-1:123456789012:{resource}");
        for resource in [
            "",
            "abc",
            "abc/test",
            "abc/test/GET",
            "abc/test//x",
            "abc//GET/x",
            "/test/GET/x",
            "*/test/GET/x",
            "abc/*/GET/x",
            "abc/test/*/x",
            "abc/test/get/x",
            "abc/te st/GET/x",
            "abc/authorizers/x1y2z3",
        ] {
            assert_eq!(MethodArn::parse(&of(resource)), Err(MethodArn::FORM), "{resource}");
        }
        assert_eq!(
            MethodArn::parse("arn:aws:execute-api:us-east-1::abc/test/GET/x"),
            Err(InvalidArn::Account { expected: "12 digits" })
        );
        assert_eq!(
            MethodArn::parse("arn:aws:lambda:us-east-1:123456789012:function:f"),
            Err(InvalidArn::Service { expected: "execute-api" })
        );
        assert_eq!(MethodArn::parse(""), Err(InvalidArn::Form));
    }

    #[test]
    fn a_method_arn_has_at_most_1600_bytes() {
        let longest = "x".repeat(MethodArn::MAX_BYTES - STAGE.method("GET", "").to_string().len());
        let arn = STAGE.method("GET", &longest).to_string();
        assert!(MethodArn::parse(&arn).is_ok());
        assert_eq!(MethodArn::parse(&(arn + "x")), Err(InvalidArn::TooLong { limit: 1600 }));
    }
}
