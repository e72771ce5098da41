//! Amazon Resource Names of what API Gateway serves, is made of and calls:
//! stages and their methods, resources of the control plane, Lambda functions.
//!
//! They are taken apart here and nowhere else. Parts that come from a caller
//! are never indexed without looking, and no error repeats them: a path can
//! hold what nobody should log.

mod function;
mod method;
mod resource;

pub use function::{FunctionRef, InvalidFunction};
pub use method::{MethodArn, StageArn};
pub use resource::ResourceArn;

/// The partition of AWS's commercial regions, the one that Keyplan itself names.
pub const PARTITION: &str = "aws";

/// Why a string is not the ARN that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArn {
    /// Fewer than the six parts of an ARN, or another first part than `arn`.
    #[error("an ARN has the form arn:partition:service:region:account:resource")]
    Form,
    /// A partition that is not one of AWS's.
    #[error("the partition of an ARN is aws, or starts with aws-")]
    Partition,
    /// An ARN of another service.
    #[error("the ARN must be one of the service {expected}")]
    Service {
        /// The service that was expected.
        expected: &'static str,
    },
    /// No region, or one with characters that no region has.
    #[error("the region of an ARN has lower-case letters, digits and hyphens")]
    Region,
    /// An account where there should be none, or one that is not 12 digits.
    #[error("the account of the ARN must be {expected}")]
    Account {
        /// What was expected in its place.
        expected: &'static str,
    },
    /// The last part does not have the form that the service gives it.
    #[error("the resource of the ARN must have the form {expected}")]
    Resource {
        /// The form that was expected.
        expected: &'static str,
    },
    /// Longer than such an ARN may be.
    #[error("the ARN has more than {limit} bytes")]
    TooLong {
        /// The most bytes that it may have.
        limit: usize,
    },
}

/// The five parts that vary, as they stand in the string.
struct Parts<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits an ARN of `service`. What is common to all ARNs is checked here,
    /// account and resource by the caller.
    fn split(arn: &'a str, service: &'static str) -> Result<Self, InvalidArn> {
        let mut parts = arn.splitn(6, ':');
        let mut next = || parts.next().ok_or(InvalidArn::Form);
        let (scheme, partition, named, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        if scheme != "arn" {
            return Err(InvalidArn::Form);
        }
        let lower = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if partition != PARTITION && !(partition.starts_with("aws-") && lower(partition)) {
            return Err(InvalidArn::Partition);
        }
        if named != service {
            return Err(InvalidArn::Service { expected: service });
        }
        let of_a_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if region.is_empty() || !region.bytes().all(of_a_region) {
            return Err(InvalidArn::Region);
        }
        Ok(Self { partition, region, account, resource })
    }

    fn account_id(&self) -> Result<&'a str, InvalidArn> {
        if is_account_id(self.account) { Ok(self.account) } else { Err(InvalidArn::Account { expected: "12 digits" }) }
    }
}

fn is_account_id(account: &str) -> bool {
    account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arn: &str) -> InvalidArn {
        Parts::split(arn, "lambda").map(|_| ()).unwrap_err()
    }

    #[test]
    fn an_arn_has_six_parts_and_the_last_may_hold_colons() {
        let parts = Parts::split("arn:aws:lambda:us-east-1:123456789012:a:b:c", "lambda").unwrap();
        assert_eq!(parts.resource, "a:b:c");
    }

    #[test]
    fn whatever_lacks_a_part_is_refused() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:f";
        for cut in 0..arn.len() - 1 {
            let result = Parts::split(&arn[..cut], "lambda");
            assert!(result.is_err(), "{}", &arn[..cut]);
        }
        assert_eq!(refusal("urn:aws:lambda:us-east-1:123456789012:f"), InvalidArn::Form);
    }

    #[test]
    fn the_parts_that_never_vary_are_checked() {
        assert_eq!(refusal("arn:azure:lambda:us-east-1:1:f"), InvalidArn::Partition);
        assert_eq!(refusal("arn:aws-*:lambda:us-east-1:1:f"), InvalidArn::Partition);
        assert_eq!(refusal("arn:aws:s3:us-east-1:1:f"), InvalidArn::Service { expected: "lambda" });
        assert_eq!(refusal("arn:aws:lambda::1:f"), InvalidArn::Region);
        assert_eq!(refusal("arn:aws:lambda:*:1:f"), InvalidArn::Region);
    }

    #[test]
    fn every_partition_of_aws_is_known() {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-iso-b"] {
            let arn = format!("arn:{partition}:lambda:us-east-1:123456789012:f");
            assert_eq!(Parts::split(&arn, "lambda").map(|parts| parts.partition), Ok(partition));
        }
    }

    #[test]
    fn an_account_is_12_digits() {
        for (account, known) in [("123456789012", true), ("12345678901", false), ("", false), ("12345678901x", false)] {
            assert_eq!(is_account_id(account), known, "{account}");
        }
    }
}
