use std::fmt;

use super::{InvalidArn, PARTITION, Parts};

/// Something of the control plane, as tags and the policies of its callers
/// name it: `arn:aws:apigateway:{region}::/restapis/{id}`. No account stands
/// in it (Service Authorization Reference, "Amazon API Gateway Management").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceArn<'a> {
    partition: &'a str,
    region: &'a str,
    path: &'a str,
}

impl<'a> ResourceArn<'a> {
    const FORM: InvalidArn = InvalidArn::Resource { expected: "/{collection}/{id}" };

    /// The ARN of the resource at `path` of the control plane, a slash first.
    #[must_use]
    pub fn new(region: &'a str, path: &'a str) -> Self {
        Self { partition: PARTITION, region, path }
    }

    /// Takes apart the ARN that a caller wants to tag.
    ///
    /// # Errors
    /// When it is no ARN of `apigateway`, names an account, or its path does
    /// not begin with a slash or has an empty segment.
    pub fn parse(arn: &'a str) -> Result<Self, InvalidArn> {
        let Parts { partition, region, account, resource: path } = Parts::split(arn, "apigateway")?;
        if !account.is_empty() {
            return Err(InvalidArn::Account { expected: "empty" });
        }
        let segments = path.strip_prefix('/').ok_or(Self::FORM)?;
        if segments.split('/').any(str::is_empty) {
            return Err(Self::FORM);
        }
        Ok(Self { partition, region, path })
    }

    /// For example `us-east-1`.
    #[must_use]
    pub fn region(&self) -> &'a str {
        self.region
    }

    /// The path, for example `/restapis/abcdef1234/stages/prod`.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The path's segments, in their order.
    pub fn segments(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.path.split('/').skip(1)
    }
}

impl fmt::Display for ResourceArn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:apigateway:{}::{}", self.partition, self.region, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_arn_names_no_account() {
        let arn = ResourceArn::new("us-east-1", "/restapis/abcdef1234");
        assert_eq!(arn.to_string(), "arn:aws:apigateway:us-east-1::/restapis/abcdef1234");
        assert_eq!(ResourceArn::parse(&arn.to_string()), Ok(arn));
        assert_eq!(
            ResourceArn::parse("arn:aws:apigateway:us-east-1:123456789012:/restapis/abcdef1234"),
            Err(InvalidArn::Account { expected: "empty" })
        );
    }

    #[test]
    fn its_segments_say_what_is_tagged() {
        let arn = ResourceArn::parse("arn:aws:apigateway:us-east-1::/restapis/abc/stages/prod").unwrap();
        assert_eq!(arn.segments().collect::<Vec<_>>(), ["restapis", "abc", "stages", "prod"]);
        assert_eq!(arn.region(), "us-east-1");
    }

    #[test]
    fn a_path_without_slash_or_with_an_empty_segment_is_refused() {
        for path in ["", "/", "restapis/abc", "/restapis/", "/restapis//stages", "//restapis"] {
            let arn = format!("arn:aws:apigateway:us-east-1::{path}");
            assert_eq!(ResourceArn::parse(&arn), Err(ResourceArn::FORM), "{path}");
        }
    }

    #[test]
    fn the_arn_of_another_service_is_refused() {
        assert_eq!(
            ResourceArn::parse("arn:aws:execute-api:us-east-1::/restapis/abc"),
            Err(InvalidArn::Service { expected: "apigateway" })
        );
    }
}
