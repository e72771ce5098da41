use std::collections::BTreeMap;

use keyplan_domain::key::KeyValue;
use keyplan_domain::policy::PolicyDocument;
use serde_json::Value;

/// What a Lambda authorizer answered (developer guide, "Output from an API
/// Gateway Lambda authorizer").
pub(super) struct Answer {
    pub(super) principal_id: String,
    pub(super) policy: PolicyDocument,
    /// All of it as strings, as API Gateway hands it on.
    pub(super) context: BTreeMap<String, String>,
    pub(super) usage_identifier_key: Option<KeyValue>,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// What is wrong with it, in words that repeat nothing of it.
    pub(super) fn parse(json: &[u8]) -> Result<Self, &'static str> {
        let Ok(Value::Object(mut members)) = serde_json::from_slice(json) else {
            return Err("the authorizer's answer is no JSON object");
        };
        let principal_id =
            members.get("principalId").and_then(scalar).ok_or("the authorizer's answer has no principalId")?;
        let document = members.get("policyDocument").ok_or("the authorizer's answer has no policyDocument")?;
        let policy = PolicyDocument::parse(document)
            .map_err(|_| "the policyDocument of the authorizer's answer is not of IAM's grammar")?;
        let context = match members.get("context") {
            None => Some(BTreeMap::new()),
            Some(Value::Object(context)) => {
                context.iter().map(|(name, value)| Some((name.clone(), scalar(value)?))).collect()
            }
            Some(_) => None,
        }
        .ok_or("the context of the authorizer's answer holds something other than strings, numbers and booleans")?;
        let usage_identifier_key = match members.remove("usageIdentifierKey") {
            None | Some(Value::Null) => None,
            Some(Value::String(value)) => Some(KeyValue::known(value)),
            Some(_) => return Err("the usageIdentifierKey of the authorizer's answer is no string"),
        };
        Ok(Self { principal_id, policy, context, usage_identifier_key })
    }
}

/// A value that becomes a string as it is.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(change: &Value) -> Result<Answer, &'static str> {
        let mut answer = json!({
            "principalId": "alice",
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"},
            ]},
            "context": {"name": "a", "count": 1, "ratio": 0.5, "trial": true},
            "usageIdentifierKey": "a-value-of-20-characters",
        });
        for (name, value) in change.as_object().unwrap() {
            if value == "absent" {
                answer.as_object_mut().unwrap().remove(name);
            } else {
                answer[name] = value.clone();
            }
        }
        Answer::parse(answer.to_string().as_bytes())
    }

    #[test]
    fn everything_in_the_context_becomes_a_string() {
        let answer = parse(&json!({})).unwrap();
        let context: Vec<_> = answer.context.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(context, [("count", "1"), ("name", "a"), ("ratio", "0.5"), ("trial", "true")]);
        assert_eq!(answer.principal_id, "alice");
        assert!(answer.usage_identifier_key.is_some());
    }

    #[test]
    fn context_and_key_may_be_left_out() {
        let answer = parse(&json!({"context": "absent", "usageIdentifierKey": "absent"})).unwrap();
        assert!(answer.context.is_empty() && answer.usage_identifier_key.is_none());
        assert!(parse(&json!({"usageIdentifierKey": null})).unwrap().usage_identifier_key.is_none());
    }

    #[test]
    fn an_answer_of_another_form_is_a_failure() {
        for change in [
            json!({"principalId": "absent"}),
            json!({"principalId": null}),
            json!({"policyDocument": "absent"}),
            json!({"policyDocument": null}),
            json!({"policyDocument": {"Statement": "x"}}),
            json!({"context": null}),
            json!({"context": {"a": []}}),
            json!({"context": {"a": {}}}),
            json!({"context": {"a": null}}),
            json!({"context": "a"}),
            json!({"usageIdentifierKey": 7}),
        ] {
            assert!(parse(&change).is_err(), "{change}");
        }
        for json in ["", "null", "[]", "\"a\"", "{"] {
            assert!(Answer::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
