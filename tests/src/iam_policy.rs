//! IAM policies, as far as a template's roles have them: whether they allow what
//! was asked, and what they allow that nobody asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::dynamodb_proxy::Access;
use crate::template::{ACCOUNT, REGION};

const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

/// What was asked of a service, as its policies see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// `dynamodb:GetItem` and its like.
    pub action: String,
    /// The ARN of what it is about.
    pub resource: String,
    /// The values that conditions are about, by name.
    pub context: BTreeMap<String, BTreeSet<String>>,
}

impl Asked {
    /// An invocation of a function by its ARN.
    #[must_use]
    pub fn invocation(function: &str) -> Self {
        let (action, resource) = ("lambda:InvokeFunction".to_owned(), function.to_owned());
        Self { action, resource, context: BTreeMap::new() }
    }
}

impl From<&Access> for Asked {
    fn from(access: &Access) -> Self {
        let table = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{}", access.table);
        let resource = access.index.as_ref().map_or(table.clone(), |index| format!("{table}/index/{index}"));
        let mut context = BTreeMap::from([("dynamodb:Attributes".to_owned(), access.attributes.clone())]);
        if let Some(partition) = &access.partition {
            context.insert(LEADING_KEYS.to_owned(), BTreeSet::from([partition.clone()]));
        }
        if let Some(enclosing) = &access.enclosing {
            context.insert("dynamodb:EnclosingOperation".to_owned(), BTreeSet::from([enclosing.clone()]));
        }
        Self { action: format!("dynamodb:{}", access.action), resource, context }
    }
}

/// Statements that allow something; there is no `Deny` in any.
#[derive(Clone, Debug)]
pub struct Policy(Vec<Grant>);

/// One action on one resource, in partitions of one pattern if there is one: the
/// least that a statement can be taken apart into.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    action: String,
    resource: String,
    condition: Value,
}

impl Policy {
    /// The policy of these statements.
    ///
    /// # Panics
    /// When one has what no statement here had up to now, such as `NotAction`.
    #[must_use]
    pub fn of(statements: &[Value]) -> Self {
        let mut grants = Vec::new();
        for statement in statements {
            assert_eq!(statement["Effect"], "Allow", "{statement}");
            for member in statement.as_object().into_iter().flat_map(|members| members.keys()) {
                assert!(["Sid", "Effect", "Action", "Resource", "Condition"].contains(&&**member), "{statement}");
            }
            for action in list(&statement["Action"]) {
                for resource in list(&statement["Resource"]) {
                    grants.extend(by_partition(&statement["Condition"]).into_iter().map(|condition| Grant {
                        action: action.clone(),
                        resource: resource.clone(),
                        condition,
                    }));
                }
            }
        }
        Self(grants)
    }

    /// What is asked and not allowed.
    #[must_use]
    pub fn refused<'a>(&self, asked: &'a [Asked]) -> Vec<&'a Asked> {
        asked.iter().filter(|asked| !self.0.iter().any(|grant| grant.allows(asked))).collect()
    }

    /// What is allowed of the actions of a service (`dynamodb`) and was not asked,
    /// as `GetItem config PLAN#*` by the resources' `names`.
    #[must_use]
    pub fn unasked(&self, service: &str, asked: &[Asked], names: &[(&str, &str)]) -> BTreeSet<String> {
        let of_service = |grant: &&Grant| grant.action.starts_with(&format!("{service}:"));
        let grants = self.0.iter().filter(of_service);
        grants.filter(|grant| !asked.iter().any(|asked| grant.allows(asked))).map(|grant| grant.named(names)).collect()
    }
}

impl Grant {
    /// Whether it allows what is asked.
    #[must_use]
    pub fn allows(&self, asked: &Asked) -> bool {
        self.action == asked.action && is_like(&self.resource, &asked.resource) && holds(&self.condition, asked)
    }

    fn named(&self, names: &[(&str, &str)]) -> String {
        let action = self.action.split(':').next_back().unwrap_or_default();
        let mut words = vec![action.to_owned(), self.resource.clone()];
        for (arn, name) in names {
            words[1] = words[1].replace(arn, name);
        }
        words.extend(list(&self.condition["ForAllValues:StringLike"][LEADING_KEYS]));
        words.join(" ")
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.action, self.resource, self.context)
    }
}

/// A statement's condition for each pattern of partitions.
fn by_partition(condition: &Value) -> Vec<Value> {
    let patterns = list(&condition["ForAllValues:StringLike"][LEADING_KEYS]);
    if patterns.is_empty() {
        return vec![condition.clone()];
    }
    let of_pattern = |pattern: String| {
        let mut condition = condition.clone();
        condition["ForAllValues:StringLike"][LEADING_KEYS] = json!([pattern]);
        condition
    };
    patterns.into_iter().map(of_pattern).collect()
}

/// Whether a condition holds (IAM User Guide, "IAM JSON policy elements:
/// Condition operators").
fn holds(condition: &Value, asked: &Asked) -> bool {
    condition.as_object().into_iter().flatten().all(|(operator, keys)| {
        keys.as_object().into_iter().flatten().all(|(key, wanted)| {
            let values = asked.context.get(key);
            let mut given = values.into_iter().flatten();
            let wanted = list(wanted);
            match operator.as_str() {
                "ForAllValues:StringLike" => given.all(|value| wanted.iter().any(|wanted| is_like(wanted, value))),
                "ForAllValues:StringEquals" => given.all(|value| wanted.contains(value)),
                "StringEquals" => given.any(|value| wanted.contains(value)),
                "Null" => wanted == [values.is_none_or(BTreeSet::is_empty).to_string()],
                _ => panic!("no operator that is known: {operator}"),
            }
        })
    })
}

/// Whether `text` is as a pattern has it, in which `*` is any characters.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| &rest[at..]).chain([""]).any(|rest| is_like(after, rest))
        }),
    }
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().filter_map(|item| Some(item.as_str()?.to_owned())).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(action: &str, partition: Option<&str>) -> Asked {
        Asked::from(&Access {
            action: action.to_owned(),
            table: "t".to_owned(),
            partition: partition.map(str::to_owned),
            ..Access::default()
        })
    }

    fn policy() -> Policy {
        Policy::of(&[json!({
            "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": "arn:aws:dynamodb:us-east-1:000000000000:table/t",
            "Condition": {
                "ForAllValues:StringLike": {LEADING_KEYS: ["A#*", "B"]}, "Null": {LEADING_KEYS: "false"},
            },
        })])
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        let allowed = [asked("GetItem", Some("A#1")), asked("Query", Some("B"))];
        assert!(policy().refused(&allowed).is_empty());
        for refused in [
            asked("PutItem", Some("A#1")),
            asked("GetItem", Some("B#1")),
            asked("GetItem", Some("AB")),
            asked("GetItem", None),
            Asked { resource: "arn:aws:dynamodb:us-east-1:000000000000:table/t/index/i".into(), ..allowed[0].clone() },
        ] {
            assert_eq!(policy().refused(std::slice::from_ref(&refused)), [&refused]);
        }
    }

    #[test]
    fn what_is_allowed_and_never_asked_is_named() {
        let asked = [asked("GetItem", Some("A#1")), asked("Query", Some("A#2"))];
        let names = [("arn:aws:dynamodb:us-east-1:000000000000:table/t", "config")];
        let unasked = policy().unasked("dynamodb", &asked, &names);
        assert_eq!(unasked, BTreeSet::from(["GetItem config B".to_owned(), "Query config B".to_owned()]));
    }
}
