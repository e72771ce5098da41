use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ACCOUNT, REGION};

const NO_VALUE: &str = "AWS::NoValue";

/// What references of a template stand for.
#[derive(Debug)]
pub(super) struct Names<'t> {
    pub(super) template: &'t Value,
    pub(super) stack: &'t str,
    pub(super) parameters: BTreeMap<String, Value>,
}

impl Names<'_> {
    /// Whether what has this condition is deployed.
    pub(super) fn holds(&self, condition: &str) -> bool {
        let condition = &self.template["Conditions"][condition];
        self.decided(condition)
    }

    fn decided(&self, condition: &Value) -> bool {
        if let Some(inner) = condition.get("Fn::Not") {
            return !self.decided(&inner[0]);
        }
        let Some(sides) = condition.get("Fn::Equals") else { panic!("no condition that is known: {condition}") };
        let text = |side: &Value| plain_text(&self.resolved(side).unwrap_or_default());
        text(&sides[0]) == text(&sides[1])
    }

    /// `value` without functions; nothing where it is `AWS::NoValue`.
    pub(super) fn resolved(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.resolved(item)).collect::<Vec<_>>().into()),
            Value::Object(members) => match members.iter().next() {
                Some((function, argument)) if members.len() == 1 => self.called(function, argument, members),
                _ => Some(self.members(members)),
            },
            other => Some(other.clone()),
        }
    }

    fn members(&self, members: &Map<String, Value>) -> Value {
        let resolved = members.iter().filter_map(|(name, member)| Some((name.clone(), self.resolved(member)?)));
        resolved.collect::<Map<_, _>>().into()
    }

    fn called(&self, function: &str, argument: &Value, whole: &Map<String, Value>) -> Option<Value> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match function {
            "Ref" if argument == NO_VALUE => None,
            "Ref" => Some(self.referred(&text(argument))),
            "Fn::GetAtt" => Some(self.attribute(&text(&argument[0]), &text(&argument[1])).into()),
            "Fn::If" => self.resolved(&argument[if self.holds(&text(&argument[0])) { 1 } else { 2 }]),
            "Fn::Sub" => Some(self.substituted(&text(argument)).into()),
            "Fn::Join" => {
                let parts = self.resolved(&argument[1])?;
                let parts: Vec<_> = parts.as_array().into_iter().flatten().map(plain_text).collect();
                Some(parts.join(&text(&argument[0])).into())
            }
            _ => Some(self.members(whole)),
        }
    }

    fn referred(&self, name: &str) -> Value {
        if let Some(parameter) = self.parameters.get(name) {
            return parameter.clone();
        }
        let pseudo = match name {
            "AWS::Region" => REGION,
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::StackName" => self.stack,
            "AWS::URLSuffix" => "amazonaws.com",
            _ => return self.physical(name).into(),
        };
        pseudo.into()
    }

    /// What `Ref` gives of a resource.
    pub(super) fn physical(&self, name: &str) -> String {
        let resource = self.resource(name);
        match resource["Type"].as_str().unwrap_or_default() {
            "AWS::Logs::LogGroup" => {
                plain_text(&self.resolved(&resource["Properties"]["LogGroupName"]).unwrap_or_default())
            }
            "AWS::SecretsManager::Secret" => self.attribute(name, "Arn"),
            _ => format!("{}-{name}-1ABCDEFGHIJKL", self.stack),
        }
    }

    pub(super) fn attribute(&self, name: &str, attribute: &str) -> String {
        let own = || self.physical(name);
        let kind = self.resource(name)["Type"].as_str().unwrap_or_default();
        match (kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{}", own()),
            ("AWS::Serverless::Function", "Arn") => format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", own()),
            ("AWS::IAM::Role", "Arn") => format!("arn:aws:iam::{ACCOUNT}:role/{}", own()),
            ("AWS::Logs::LogGroup", "Arn") => format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{}:*", own()),
            ("AWS::SecretsManager::Secret", "Arn") => {
                format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{}-{name}-1AbCdE", self.stack)
            }
            _ => format!("{}.{attribute}", own()),
        }
    }

    fn substituted(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let mut substituted = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or_else(|| panic!("a reference has no end: {text}"));
            let value = match name.split_once('.') {
                Some((resource, attribute)) => self.attribute(resource, attribute),
                None => plain_text(&self.referred(name)),
            };
            substituted = substituted + &value + rest;
        }
        substituted
    }

    fn resource(&self, name: &str) -> &Value {
        let resource = &self.template["Resources"][name];
        assert!(resource.is_object(), "the template has no {name}");
        resource
    }
}

/// A parameter's value, as its type has it.
pub(super) fn typed(parameter: &Value, value: &str) -> Value {
    match parameter["Type"].as_str() {
        Some("CommaDelimitedList") => json!(value.split(',').collect::<Vec<_>>()),
        _ => value.into(),
    }
}

pub(super) fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
