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

    /// The same of each of its partitions.
    fn parts(&self) -> Vec<Self> {
        let Some(partitions) = self.context.get(LEADING_KEYS) else { return vec![self.clone()] };
        let of_one = |partition: &String| {
            let mut part = self.clone();
            part.context.insert(LEADING_KEYS.to_owned(), BTreeSet::from([partition.clone()]));
            part
        };
        partitions.iter().map(of_one).collect()
    }
}

impl From<&Access> for Asked {
    fn from(access: &Access) -> Self {
        let table = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{}", access.table);
        let resource = access.index.as_ref().map_or(table.clone(), |index| format!("{table}/index/{index}"));
        let mut context = BTreeMap::from([("dynamodb:Attributes".to_owned(), access.attributes.clone())]);
        if !access.partitions.is_empty() {
            context.insert(LEADING_KEYS.to_owned(), access.partitions.clone());
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

/// One action on one resource.
#[derive(Clone, Debug)]
struct Grant {
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
            let condition = &statement["Condition"];
            for action in list(&statement["Action"]) {
                let grant = |resource| Grant { action: action.clone(), resource, condition: condition.clone() };
                grants.extend(list(&statement["Resource"]).into_iter().map(grant));
            }
        }
        Self(grants)
    }

    /// What is asked and not allowed: by one statement, whatever others allow.
    #[must_use]
    pub fn refused<'a>(&self, asked: &'a [Asked]) -> Vec<&'a Asked> {
        asked.iter().filter(|asked| !self.0.iter().any(|grant| grant.allows(asked))).collect()
    }

    /// What is allowed of the actions of a service (`dynamodb`) and was not asked,
    /// as `GetItem config PLAN#*` by the resources' `names`.
    #[must_use]
    pub fn unasked(&self, service: &str, asked: &[Asked], names: &[(&str, &str)]) -> BTreeSet<String> {
        let of_service = |grant: &&Grant| grant.action.starts_with(&format!("{service}:"));
        let grants = self.0.iter().filter(of_service).flat_map(Grant::by_partition);
        let asked: Vec<_> = asked.iter().flat_map(Asked::parts).collect();
        grants.filter(|grant| !asked.iter().any(|asked| grant.allows(asked))).map(|grant| grant.named(names)).collect()
    }
}

impl Grant {
    fn allows(&self, asked: &Asked) -> bool {
        self.action == asked.action && is_like(&self.resource, &asked.resource) && holds(&self.condition, asked)
    }

    /// The same for each pattern of partitions.
    fn by_partition(&self) -> Vec<Self> {
        let patterns = list(&self.condition["ForAllValues:StringLike"][LEADING_KEYS]);
        if patterns.is_empty() {
            return vec![self.clone()];
        }
        let of_pattern = |pattern: String| {
            let mut grant = self.clone();
            grant.condition["ForAllValues:StringLike"][LEADING_KEYS] = json!([pattern]);
            grant
        };
        patterns.into_iter().map(of_pattern).collect()
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

    fn asked(action: &str, partitions: &[&str]) -> Asked {
        Asked::from(&Access {
            action: action.to_owned(),
            table: "t".to_owned(),
            partitions: partitions.iter().map(|partition| (*partition).to_owned()).collect(),
            ..Access::default()
        })
    }

    fn statement(actions: &[&str], partitions: &[&str]) -> Value {
        let actions: Vec<_> = actions.iter().map(|action| format!("dynamodb:{action}")).collect();
        json!({
            "Effect": "Allow", "Action": actions, "Resource": "arn:aws:dynamodb:us-east-1:000000000000:table/t",
            "Condition": {
                "ForAllValues:StringLike": {LEADING_KEYS: partitions}, "Null": {LEADING_KEYS: "false"},
            },
        })
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        let policy =
            Policy::of(&[statement(&["GetItem", "BatchGetItem"], &["A#*", "B"]), statement(&["BatchGetItem"], &["C"])]);
        let allowed = [asked("GetItem", &["A#1"]), asked("BatchGetItem", &["A#1", "B"])];
        assert!(policy.refused(&allowed).is_empty());
        for refused in [
            asked("PutItem", &["A#1"]),
            asked("GetItem", &["B#1"]),
            asked("GetItem", &["AB"]),
            asked("GetItem", &[]),
            // Each is allowed, but by another statement.
            asked("BatchGetItem", &["B", "C"]),
            Asked { resource: "arn:aws:dynamodb:us-east-1:000000000000:table/t/index/i".into(), ..allowed[0].clone() },
        ] {
            assert_eq!(policy.refused(std::slice::from_ref(&refused)), [&refused]);
        }
    }

    #[test]
    fn what_is_allowed_and_never_asked_is_named() {
        let policy = Policy::of(&[statement(&["GetItem", "Query"], &["A#*", "B"])]);
        let asked = [asked("GetItem", &["A#1"]), asked("Query", &["A#2"])];
        let names = [("arn:aws:dynamodb:us-east-1:000000000000:table/t", "config")];
        let unasked = policy.unasked("dynamodb", &asked, &names);
        assert_eq!(unasked, BTreeSet::from(["GetItem config B".to_owned(), "Query config B".to_owned()]));
    }
}
