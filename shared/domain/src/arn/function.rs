use std::fmt;

use super::{InvalidArn, Parts, is_account_id};

/// A Lambda function as Invoke takes it: its name, its ARN or the part of the
/// ARN from the account on, each with or without a version or alias (Lambda
/// API reference, "Invoke", `FunctionName`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FunctionRef {
    reference: String,
    name: String,
    qualifier: Option<String>,
}

/// Why a string refers to no Lambda function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFunction {
    /// An ARN that is not one of a function, or not of its invocation.
    #[error(transparent)]
    Arn(#[from] InvalidArn),
    /// A URI of another path than the invocation of a function.
    #[error(
        "the URI of a Lambda function has the form \
         arn:aws:apigateway:{{region}}:lambda:path/2015-03-31/functions/{{function}}/invocations"
    )]
    Uri,
    /// Neither a function's name nor its ARN nor the latter part of one.
    #[error("a Lambda function is named by its name, its ARN, or account:function:name")]
    Reference,
}

impl FunctionRef {
    /// Takes what a caller of Invoke named.
    ///
    /// # Errors
    /// When it has none of the forms that Invoke takes.
    pub fn parse(reference: &str) -> Result<Self, InvalidFunction> {
        let named = if reference.starts_with("arn:") {
            let parts = Parts::split(reference, "lambda")?;
            parts.account_id()?;
            parts.resource.strip_prefix("function:").ok_or(InvalidFunction::Reference)?
        } else {
            match reference.split_once(":function:") {
                Some((account, named)) if is_account_id(account) => named,
                Some(_) => return Err(InvalidFunction::Reference),
                None => reference,
            }
        };
        let (name, qualifier) = match named.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (named, None),
        };
        if !is_name(name) || !qualifier.is_none_or(is_qualifier) {
            return Err(InvalidFunction::Reference);
        }
        Ok(Self { reference: reference.to_owned(), name: name.to_owned(), qualifier: qualifier.map(str::to_owned) })
    }

    /// The function that the URI of an integration or an authorizer invokes,
    /// its stage variables already put in. A doubled slash after `path` is
    /// accepted, as many tools write it.
    ///
    /// # Errors
    /// When it is no such URI, or the function in it is not named correctly.
    pub fn from_invocation_uri(uri: &str) -> Result<Self, InvalidFunction> {
        let parts = Parts::split(uri, "apigateway")?;
        if parts.account != "lambda" {
            return Err(InvalidFunction::Uri);
        }
        let function = parts
            .resource
            .strip_prefix("path/")
            .map(|path| path.strip_prefix('/').unwrap_or(path))
            .and_then(|path| path.strip_prefix("2015-03-31/functions/"))
            .and_then(|path| path.strip_suffix("/invocations"))
            .ok_or(InvalidFunction::Uri)?;
        Self::parse(function)
    }

    /// The reference as it was given, which Invoke takes as it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.reference
    }

    /// The function's name alone.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version or alias, if one is named.
    #[must_use]
    pub fn qualifier(&self) -> Option<&str> {
        self.qualifier.as_deref()
    }
}

impl fmt::Display for FunctionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reference)
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_qualifier(qualifier: &str) -> bool {
    let alias = qualifier.strip_prefix('$').unwrap_or(qualifier);
    (1..=128).contains(&alias.len()) && alias.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:us-east-1:111111111111:function:authorizer";

    fn uri(function: &str) -> String {
        format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations")
    }

    #[test]
    fn a_function_is_named_by_name_arn_or_part_of_the_arn() {
        for (reference, qualifier) in [
            ("authorizer", None),
            ("authorizer:live", Some("live")),
            ("111111111111:function:authorizer", None),
            ("111111111111:function:authorizer:7", Some("7")),
            (ARN, None),
            ("arn:aws:lambda:us-east-1:111111111111:function:authorizer:$LATEST", Some("$LATEST")),
        ] {
            let function = FunctionRef::parse(reference).unwrap();
            assert_eq!(function.name(), "authorizer");
            assert_eq!(function.qualifier(), qualifier);
            assert_eq!(function.as_str(), reference);
            assert_eq!(FunctionRef::from_invocation_uri(&uri(reference)), Ok(function));
        }
    }

    #[test]
    fn a_doubled_slash_after_path_is_accepted() {
        let doubled = uri(ARN).replace("path/", "path//");
        assert_eq!(FunctionRef::from_invocation_uri(&doubled).unwrap().as_str(), ARN);
        let tripled = uri(ARN).replace("path/", "path///");
        assert_eq!(FunctionRef::from_invocation_uri(&tripled), Err(InvalidFunction::Uri));
    }

    #[test]
    fn another_uri_is_refused() {
        for wrong in [
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f",
            "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/f/response-streaming-invocations",
            "arn:aws:apigateway:us-east-1:lambda:action/ListFunctions",
            "arn:aws:apigateway:us-east-1:sqs:path/2015-03-31/functions/f/invocations",
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/invocations",
        ] {
            assert_eq!(FunctionRef::from_invocation_uri(wrong), Err(InvalidFunction::Uri), "{wrong}");
        }
        assert_eq!(FunctionRef::from_invocation_uri(ARN), Err(InvalidArn::Service { expected: "apigateway" }.into()));
        assert_eq!(FunctionRef::from_invocation_uri("https://example.com/"), Err(InvalidArn::Form.into()));
    }

    #[test]
    fn a_function_that_is_misnamed_is_refused() {
        for wrong in [
            "",
            "a b",
            "authorizer:",
            "authorizer:a:b",
            "${stageVariables.function}",
            "11111111111:function:authorizer",
            "arn:aws:lambda:us-east-1:111111111111:layer:authorizer",
            "arn:aws:lambda:us-east-1:111111111111:function:",
            "arn:aws:lambda:us-east-1:111111111111:function:f/../g",
        ] {
            assert_eq!(FunctionRef::parse(wrong), Err(InvalidFunction::Reference), "{wrong}");
        }
        assert_eq!(FunctionRef::parse(&"f".repeat(65)), Err(InvalidFunction::Reference));
        assert_eq!(FunctionRef::from_invocation_uri(&uri("")), Err(InvalidFunction::Reference));
        assert_eq!(
            FunctionRef::parse("arn:aws:lambda:us-east-1:1:function:f"),
            Err(InvalidArn::Account { expected: "12 digits" }.into())
        );
    }
}
