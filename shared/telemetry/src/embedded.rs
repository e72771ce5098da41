//! CloudWatch's embedded metric format (CloudWatch User Guide, "Specification:
//! Embedded metric format"): a line of JSON that CloudWatch Logs reads metrics
//! out of.

use std::collections::BTreeMap;

use keyplan_domain::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::MalformedVariable;
use crate::metrics::Gathered;

/// Values that a metric may have in one document.
const MAX_VALUES: usize = 100;

/// Where CloudWatch keeps the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace(String);

impl Namespace {
    const MAX_BYTES: usize = 255;

    /// One that CloudWatch takes (CloudWatch User Guide, "Namespaces").
    pub(crate) fn parse(text: &str) -> Result<Self, MalformedVariable> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#: ".contains(&byte);
        let is_namespace = text.len() <= Self::MAX_BYTES
            && text.bytes().all(is_allowed)
            && !text.trim().is_empty()
            && !text.starts_with(':')
            && !text.starts_with("AWS/");
        if !is_namespace {
            return Err(MalformedVariable {
                name: "METRICS_NAMESPACE",
                expected: "1 to 255 letters, digits, blanks and . - _ / # :, without : or AWS/ in front",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "_aws")]
    metadata: Metadata<'a>,
    level: &'static str,
    timestamp: &'a str,
    #[serde(flatten)]
    targets: &'a BTreeMap<&'static str, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    timestamp: i64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    /// One set without any: the metric by its name alone.
    dimensions: [[&'static str; 0]; 1],
    metrics: Vec<Definition>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

/// The documents that tell what was gathered, each a line; none where nothing
/// was. There is more than one where a distribution has more values than a
/// document holds.
pub(crate) fn documents(namespace: &Namespace, gathered: &Gathered, at: Timestamp) -> Vec<String> {
    let mut counts = gathered.counts.iter();
    let mut values: Vec<_> = gathered
        .values
        .iter()
        .map(|(distribution, values)| {
            let each = values
                .iter()
                .flat_map(|(value, times)| std::iter::repeat_n(*value, usize::try_from(*times).unwrap_or(usize::MAX)));
            (distribution, each.peekable())
        })
        .collect();
    let mut documents = Vec::new();
    loop {
        let mut definitions = Vec::new();
        let mut targets = BTreeMap::new();
        // All counts are in the first.
        for (counter, count) in counts.by_ref() {
            definitions.push(Definition { name: counter.name(), unit: counter.unit() });
            targets.insert(counter.name(), Value::from(*count));
        }
        for (distribution, each) in &mut values {
            if each.peek().is_some() {
                definitions.push(Definition { name: distribution.name(), unit: distribution.unit() });
                targets.insert(distribution.name(), each.by_ref().take(MAX_VALUES).collect());
            }
        }
        if definitions.is_empty() {
            return documents;
        }
        documents.extend(document(namespace, definitions, &targets, at));
    }
}

fn document(
    namespace: &Namespace,
    metrics: Vec<Definition>,
    targets: &BTreeMap<&'static str, Value>,
    at: Timestamp,
) -> Option<String> {
    let milliseconds = at.as_nanos().div_euclid(1_000_000);
    let directive = Directive { namespace: &namespace.0, dimensions: [[]], metrics };
    serde_json::to_string(&Document {
        metadata: Metadata { timestamp: milliseconds, cloud_watch_metrics: [directive] },
        // Lambda takes a line without a level, or without a time, for INFO, and
        // drops it where only higher ones are kept (Lambda Developer Guide,
        // "Log-level filtering"). No setting drops this one.
        level: "FATAL",
        timestamp: &jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default().to_string(),
        targets,
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Counter, Distribution, Metrics};

    const NOON: Timestamp = Timestamp::from_nanos(1_795_694_400_123_456_789);

    fn told(metrics: &Metrics) -> Vec<Value> {
        let namespace = Namespace::parse("Keyplan/test").unwrap();
        let documents = documents(&namespace, &metrics.take(), NOON);
        documents.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_document_names_what_was_gathered_and_nothing_else() {
        let metrics = Metrics::default();
        metrics.add(Counter::AdmittedRequests, 7);
        metrics.add(Counter::RefusedThrottled, 0);
        metrics.observe(Distribution::AuthorizerLatency, 12);
        metrics.observe(Distribution::AuthorizerLatency, 3);
        metrics.observe(Distribution::AuthorizerLatency, 12);
        let expected = json!({
            "_aws": {
                "Timestamp": 1_795_694_400_123_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Keyplan/test",
                    "Dimensions": [[]],
                    "Metrics": [
                        {"Name": "AdmittedRequests", "Unit": "Count"},
                        {"Name": "AuthorizerLatency", "Unit": "Milliseconds"},
                    ],
                }],
            },
            "level": "FATAL",
            "timestamp": "2026-11-26T12:00:00.123Z",
            "AdmittedRequests": 7,
            "AuthorizerLatency": [3, 12, 12],
        });
        assert_eq!(told(&metrics), [expected]);
    }

    #[test]
    fn nothing_is_told_of_nothing() {
        assert!(told(&Metrics::default()).is_empty());
    }

    #[test]
    fn a_namespace_is_one_that_cloudwatch_takes() {
        for fine in ["Keyplan/prod", "a", "A b#c:d_e-f.g"] {
            assert!(Namespace::parse(fine).is_ok(), "{fine}");
        }
        for wrong in ["", " ", ":a", "AWS/Lambda", "a\"b", "a\n", "schlüssel", &"a".repeat(256)] {
            let refused = Namespace::parse(wrong).unwrap_err().to_string();
            assert!(refused.starts_with("METRICS_NAMESPACE must be 1 to 255 letters"), "{wrong}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn documents_hold_all_that_was_gathered_within_the_formats_limits(
            counts in prop::collection::vec(0_u64..100, Counter::ALL.len()),
            values in prop::collection::vec(
                prop::collection::vec(0_u64..50, 0..350),
                Distribution::ALL.len(),
            ),
        ) {
            let metrics = Metrics::default();
            for (counter, count) in Counter::ALL.iter().zip(&counts) {
                metrics.add(*counter, *count);
            }
            for (distribution, values) in Distribution::ALL.iter().zip(&values) {
                values.iter().for_each(|value| metrics.observe(*distribution, *value));
            }
            let documents = told(&metrics);
            for document in &documents {
                let defined: Vec<_> = document["_aws"]["CloudWatchMetrics"][0]["Metrics"]
                    .as_array().unwrap().iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
                let others = ["_aws", "level", "timestamp"];
                let members = document.as_object().unwrap().keys().map(String::as_str);
                let mut targets: Vec<_> = members.filter(|name| !others.contains(name)).collect();
                let mut sorted = defined.clone();
                sorted.sort_unstable();
                targets.sort_unstable();
                prop_assert_eq!(&sorted, &targets);
                prop_assert!((1..=100).contains(&defined.len()));
                for name in defined {
                    prop_assert!(document[name].as_array().is_none_or(|values| (1..=100).contains(&values.len())));
                    prop_assert!(document[name] != 0, "{}", name);
                }
            }
            for (counter, count) in Counter::ALL.iter().zip(&counts) {
                let told: u64 = documents.iter().filter_map(|document| document[counter.name()].as_u64()).sum();
                prop_assert_eq!(told, *count);
            }
            for (distribution, values) in Distribution::ALL.iter().zip(&values) {
                let told = documents.iter().filter_map(|document| document[distribution.name()].as_array()).flatten();
                let mut told: Vec<u64> = told.map(|value| value.as_u64().unwrap()).collect();
                let mut values = values.clone();
                told.sort_unstable();
                values.sort_unstable();
                prop_assert_eq!(told, values);
            }
        }
    }
}
