use std::borrow::Cow;

use keyplan_domain::api::{Authorizer, AuthorizerType};
use keyplan_domain::refusal::Refusal;
use regex_lite::Regex;

use crate::exchange::Exchange;
use keyplan_domain::template::{Reference, Values};

/// Where a caller's identity is, and what it must look like.
pub(super) struct IdentitySources {
    sources: Vec<Reference>,
    expression: Option<Regex>,
}

impl IdentitySources {
    pub(super) fn compile(authorizer: &Authorizer) -> Result<Self, &'static str> {
        let listed = authorizer.identity_source.as_deref().unwrap_or_default();
        let sources = listed
            .split(',')
            .map(str::trim)
            .filter(|source| !source.is_empty())
            .map(|source| {
                Reference::parse(source)
                    .ok_or("an identity source is none of header, querystring, stageVariables and context")
            })
            .collect::<Result<Vec<_>, _>>()?;
        let is_token = authorizer.authorizer_type == AuthorizerType::Token;
        if is_token && sources.len() != 1 {
            return Err("a TOKEN authorizer has exactly one identity source");
        }
        let expression = authorizer
            .identity_validation_expression
            .as_deref()
            .filter(|expression| is_token && !expression.is_empty())
            .map(|expression| {
                whole_match(expression).ok_or("the identity validation expression is not one that can be evaluated")
            })
            .transpose()?;
        Ok(Self { sources, expression })
    }

    /// The caller's identity: the value of every source, in their order.
    ///
    /// # Errors
    /// When one is missing or empty, or does not match the expression.
    pub(super) fn of<'e>(&self, exchange: &'e Exchange<'_>) -> Result<Vec<Cow<'e, str>>, Refusal> {
        self.sources
            .iter()
            .map(|source| {
                exchange
                    .value(source)
                    .filter(|value| !value.is_empty())
                    .filter(|value| self.expression.as_ref().is_none_or(|expression| expression.is_match(value)))
                    .ok_or(Refusal::IdentityMissing)
            })
            .collect()
    }
}

/// `expression` against all of a value. API Gateway's examples, such as
/// `Bearer.*` for a token with a scheme, only make sense that way.
fn whole_match(expression: &str) -> Option<Regex> {
    // Compiled by itself first, lest a stray parenthesis end the group.
    Regex::new(expression).ok()?;
    Regex::new(&format!(r"\A(?:{expression})\z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_must_match_all_of_the_token() {
        let bearer = whole_match("Bearer [a-z]+").unwrap();
        assert!(bearer.is_match("Bearer abc"));
        for refused in ["Bearer ", "Bearer abc1", "x Bearer abc", "Bearer abc\n"] {
            assert!(!bearer.is_match(refused), "{refused}");
        }
        assert!(whole_match("^x-[a-z]+").unwrap().is_match("x-abc"));
        assert!(!whole_match("a|b").unwrap().is_match("ab"));
    }

    #[test]
    fn an_expression_that_cannot_be_evaluated_is_none() {
        for wrong in ["(", "a)|(b", "(?=a)", "[z-a]"] {
            assert!(whole_match(wrong).is_none(), "{wrong}");
        }
    }
}
