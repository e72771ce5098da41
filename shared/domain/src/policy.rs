//! IAM policy documents, as Lambda authorizers answer with and callers of the
//! control plane are given, and what they say of one action on one resource.
//!
//! The grammar is IAM's for policies of an identity (IAM user guide, "Grammar
//! of the IAM JSON policy language"). What this engine cannot evaluate, a
//! `Condition` or a policy variable, never lets a request through: such an
//! Allow does not allow, such a Deny denies. There is no `Principal`.

mod document;
mod glob;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use document::InvalidPolicy;
use document::RawDocument;

/// The action of every request to a REST API.
pub const INVOKE: &str = "execute-api:Invoke";

/// Characters in one `Resource` (API Gateway developer guide, "Output from an
/// API Gateway Lambda authorizer").
pub const MAX_RESOURCE_LENGTH: usize = 512;

/// A policy whose every statement is well formed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawDocument", into = "RawDocument")]
pub struct PolicyDocument {
    version: Version,
    id: Option<String>,
    statements: Vec<Statement>,
}

/// What a policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement allows it and none denies it.
    Allow,
    /// A statement denies it, whatever the others say.
    ExplicitDeny,
    /// No statement speaks of it.
    ImplicitDeny,
}

/// The version of the policy language, by its date. In the older one, which is
/// that of a document without `Version`, `${..}` is no variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[default]
    #[serde(rename = "2008-10-17")]
    V2008,
    #[serde(rename = "2012-10-17")]
    V2012,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug, PartialEq)]
struct Statement {
    sid: Option<String>,
    effect: Effect,
    actions: Patterns,
    resources: Patterns,
    /// Operators and what they compare; an empty map is no condition.
    condition: Option<serde_json::Map<String, Value>>,
}

/// Never empty.
#[derive(Clone, Debug, PartialEq)]
enum Patterns {
    /// `Action`, `Resource`
    Any(Vec<String>),
    /// `NotAction`, `NotResource`
    AllBut(Vec<String>),
}

impl PolicyDocument {
    /// Allows requests to `resources`, patterns of method ARNs, in a statement
    /// each.
    ///
    /// # Errors
    /// When there are none, or one has more than [`MAX_RESOURCE_LENGTH`]
    /// characters.
    pub fn allow<R: Into<String>>(resources: impl IntoIterator<Item = R>) -> Result<Self, InvalidPolicy> {
        Self::of(Effect::Allow, resources)
    }

    /// Denies requests to `resources`, patterns of method ARNs, in a statement
    /// each.
    ///
    /// # Errors
    /// As of [`allow`](Self::allow).
    pub fn deny<R: Into<String>>(resources: impl IntoIterator<Item = R>) -> Result<Self, InvalidPolicy> {
        Self::of(Effect::Deny, resources)
    }

    /// This policy, which besides denies requests to `resources`.
    ///
    /// # Errors
    /// As of [`allow`](Self::allow).
    pub fn and_deny<R: Into<String>>(mut self, resources: impl IntoIterator<Item = R>) -> Result<Self, InvalidPolicy> {
        self.statements.extend(Self::deny(resources)?.statements);
        Ok(self)
    }

    fn of<R: Into<String>>(effect: Effect, resources: impl IntoIterator<Item = R>) -> Result<Self, InvalidPolicy> {
        let statements = resources
            .into_iter()
            .map(|resource| Statement::invoke(effect, resource.into()))
            .collect::<Result<Vec<_>, _>>()?;
        if statements.is_empty() {
            return Err(InvalidPolicy::Empty { member: "Resource" });
        }
        Ok(Self { version: Version::V2012, id: None, statements })
    }

    /// Reads the policy of an authorizer's answer.
    ///
    /// # Errors
    /// When it is not of IAM's grammar.
    pub fn parse(document: &Value) -> Result<Self, InvalidPolicy> {
        RawDocument::deserialize(document).map_err(InvalidPolicy::Malformed)?.try_into()
    }

    /// What the policy says of `action` on `resource`. Actions are compared
    /// without regard to case, resources with it, and in both `*` stands for
    /// any characters, `/` and `:` included, and `?` for one.
    #[must_use]
    pub fn evaluate(&self, action: &str, resource: &str) -> Verdict {
        let mut verdict = Verdict::ImplicitDeny;
        for statement in &self.statements {
            if statement.applies(self.version, action, resource) {
                match statement.effect {
                    Effect::Deny => return Verdict::ExplicitDeny,
                    Effect::Allow => verdict = Verdict::Allow,
                }
            }
        }
        verdict
    }
}

impl std::str::FromStr for PolicyDocument {
    type Err = InvalidPolicy;

    fn from_str(json: &str) -> Result<Self, InvalidPolicy> {
        serde_json::from_str::<RawDocument>(json).map_err(InvalidPolicy::Malformed)?.try_into()
    }
}

impl Statement {
    fn invoke(effect: Effect, resource: String) -> Result<Self, InvalidPolicy> {
        document::check_resource(&resource)?;
        Ok(Self {
            sid: None,
            effect,
            actions: Patterns::Any(vec![INVOKE.to_owned()]),
            resources: Patterns::Any(vec![resource]),
            condition: None,
        })
    }

    /// Whether the statement has its effect. Of what cannot be evaluated, the
    /// outcome that refuses is assumed.
    fn applies(&self, version: Version, action: &str, resource: &str) -> bool {
        let when_unknown = self.effect == Effect::Deny;
        let on_resource = if version == Version::V2012 && self.resources.have_variables() {
            when_unknown
        } else {
            self.resources.cover(|pattern| glob::matches(pattern, resource))
        };
        let unconditional = self.condition.as_ref().is_none_or(serde_json::Map::is_empty);
        on_resource
            && (unconditional || when_unknown)
            && self.actions.cover(|pattern| glob::matches_in_any_case(pattern, action))
    }
}

impl Patterns {
    fn cover(&self, matches: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any(patterns) => patterns.iter().any(|pattern| matches(pattern)),
            Self::AllBut(patterns) => !patterns.iter().any(|pattern| matches(pattern)),
        }
    }

    fn have_variables(&self) -> bool {
        let (Self::Any(patterns) | Self::AllBut(patterns)) = self;
        patterns.iter().any(|pattern| pattern.contains("${"))
    }
}
