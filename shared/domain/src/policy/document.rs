//! IAM's JSON grammar, and the rules that a document must keep beyond it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Effect, MAX_RESOURCE_LENGTH, Patterns, PolicyDocument, Statement, Version};

/// Why a document is no policy.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    /// Not of the grammar: a member missing, unknown, twice or of the wrong type.
    #[error("the policy is malformed: {0}")]
    Malformed(#[source] serde_json::Error),
    /// A statement with neither or both of a member and its opposite.
    #[error("a statement has either {member} or Not{member}")]
    NotOne {
        /// `Action` or `Resource`.
        member: &'static str,
    },
    /// A list that must name something.
    #[error("{member} must name at least one")]
    Empty {
        /// The member's name.
        member: &'static str,
    },
    /// A resource of more than [`MAX_RESOURCE_LENGTH`] characters.
    #[error("a Resource has {length} characters, more than {MAX_RESOURCE_LENGTH}")]
    ResourceTooLong {
        /// How many it has.
        length: usize,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RawDocument {
    #[serde(default)]
    version: Version,
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    statement: Vec<RawStatement>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawStatement {
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<Strings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_action: Option<Strings>,
    effect: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<Strings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_resource: Option<Strings>,
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    condition: Option<serde_json::Map<String, Value>>,
}

impl TryFrom<RawDocument> for PolicyDocument {
    type Error = InvalidPolicy;

    fn try_from(raw: RawDocument) -> Result<Self, InvalidPolicy> {
        let statements = raw.statement.into_iter().map(Statement::try_from);
        Ok(Self { version: raw.version, id: raw.id, statements: statements.collect::<Result<_, _>>()? })
    }
}

impl TryFrom<RawStatement> for Statement {
    type Error = InvalidPolicy;

    fn try_from(raw: RawStatement) -> Result<Self, InvalidPolicy> {
        let actions = Patterns::either("Action", raw.action, raw.not_action)?;
        let resources = Patterns::either("Resource", raw.resource, raw.not_resource)?;
        let (Patterns::Any(patterns) | Patterns::AllBut(patterns)) = &resources;
        patterns.iter().try_for_each(|resource| check_resource(resource))?;
        Ok(Self { sid: raw.sid, effect: raw.effect, actions, resources, condition: raw.condition })
    }
}

pub(super) fn check_resource(resource: &str) -> Result<(), InvalidPolicy> {
    match resource.chars().count() {
        0..=MAX_RESOURCE_LENGTH => Ok(()),
        length => Err(InvalidPolicy::ResourceTooLong { length }),
    }
}

impl Patterns {
    fn either(member: &'static str, any: Option<Strings>, all_but: Option<Strings>) -> Result<Self, InvalidPolicy> {
        let patterns = match (any, all_but) {
            (Some(Strings(patterns)), None) => Self::Any(patterns),
            (None, Some(Strings(patterns))) => Self::AllBut(patterns),
            _ => return Err(InvalidPolicy::NotOne { member }),
        };
        match &patterns {
            Self::Any(list) | Self::AllBut(list) if list.is_empty() => Err(InvalidPolicy::Empty { member }),
            _ => Ok(patterns),
        }
    }

    /// As the member and its opposite.
    fn into_members(self) -> (Option<Strings>, Option<Strings>) {
        match self {
            Self::Any(patterns) => (Some(Strings(patterns)), None),
            Self::AllBut(patterns) => (None, Some(Strings(patterns))),
        }
    }
}

impl From<PolicyDocument> for RawDocument {
    fn from(policy: PolicyDocument) -> Self {
        let statement = policy.statements.into_iter().map(RawStatement::from).collect();
        Self { version: policy.version, id: policy.id, statement }
    }
}

impl From<Statement> for RawStatement {
    fn from(statement: Statement) -> Self {
        let Statement { sid, effect, actions, resources, condition } = statement;
        let (action, not_action) = actions.into_members();
        let (resource, not_resource) = resources.into_members();
        Self { sid, action, not_action, effect, resource, not_resource, condition }
    }
}

/// A string or a list of them; one is written as a string.
struct Strings(Vec<String>);

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many(deserializer).map(Self)
    }
}

impl Serialize for Strings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

/// An optional member that, when it is there, is not null.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// IAM writes a list of one as that one. Not an untagged enum: that would hide
/// what is wrong with a statement behind "did not match any variant".
fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one, or a list")
        }

        fn visit_str<E: de::Error>(self, one: &str) -> Result<Vec<T>, E> {
            T::deserialize(one.into_deserializer()).map(|one| vec![one])
        }

        fn visit_map<A: MapAccess<'de>>(self, one: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(one)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, many: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(many))
        }
    }

    deserializer.deserialize_any(OneOrMany(PhantomData))
}
