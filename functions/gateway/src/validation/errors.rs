//! What is wrong with a body, in the words of API Gateway, which are those of the
//! library that it checks bodies with (java-json-tools/json-schema-validator):
//! texts, and how many of the errors there are, as seen in real answers.

use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};
use jsonschema::paths::LocationSegment;
use serde_json::Value;

/// How long the text may get, about.
const LENGTH: usize = 8 * 1024;

/// Where in a body an error is. In the order in which API Gateway looks: what
/// holds others before them, members by name.
type Place = Vec<Step>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Item(usize),
    Member(String),
}

/// `[error, error]`.
pub(super) fn told<'i>(errors: impl Iterator<Item = ValidationError<'i>>) -> String {
    let mut texts: Vec<(Place, Text)> = Vec::new();
    for error in errors {
        let place = place(&error);
        match (text(&error), texts.last_mut()) {
            // Each missing member is an error of its own, next to the others.
            (Text::Missing(missing), Some((at, Text::Missing(before)))) if *at == place => before.extend(missing),
            (text, _) => texts.push((place, text)),
        }
    }
    texts.sort_by(|(a, _), (b, _)| a.cmp(b));
    let first = texts.first().map(|(place, _)| place.clone()).unwrap_or_default();
    let mut told = String::from("[");
    for (_, text) in texts.into_iter().filter(|(place, _)| is_looked_at(place, &first)) {
        if told.len() > LENGTH {
            break;
        }
        if told.len() > 1 {
            told.push_str(", ");
        }
        told.push_str(&text.into_string());
    }
    told + "]"
}

/// What is said of a body of which not more is told.
pub(super) fn untold() -> String {
    "[instance does not match the schema]".to_owned()
}

/// Whether API Gateway gets to a place when the first error is elsewhere: what is
/// within others is not looked at once anything has been found, what is beside
/// them is.
fn is_looked_at(place: &[Step], first: &[Step]) -> bool {
    match place.split_last() {
        Some((_, parent)) => place == first || (parent.len() < first.len() && first.starts_with(parent)),
        None => true,
    }
}

fn place(error: &ValidationError<'_>) -> Place {
    let steps = error.instance_path().iter().map(|segment| match segment {
        LocationSegment::Property(name) => Step::Member(name.into_owned()),
        LocationSegment::Index(index) => Step::Item(index),
    });
    steps.collect()
}

enum Text {
    /// Names of members that are missing.
    Missing(Vec<String>),
    Whole(String),
}

impl Text {
    fn into_string(self) -> String {
        match self {
            Self::Missing(names) => format!("object has missing required properties ({})", listed(names)),
            Self::Whole(text) => text,
        }
    }
}

/// `["a","b"]`, in order.
fn listed(mut names: Vec<String>) -> String {
    names.sort_unstable();
    Value::from(names).to_string()
}

fn text(error: &ValidationError<'_>) -> Text {
    let instance = error.instance().as_ref();
    Text::Whole(match error.kind() {
        Kind::Required { property } => {
            return Text::Missing(vec![property.as_str().unwrap_or_default().to_owned()]);
        }
        Kind::Type { kind } => {
            let allowed = match kind {
                TypeKind::Single(one) => allowed([*one]),
                TypeKind::Multiple(types) => allowed(types.iter()),
            };
            format!(
                "instance type ({}) does not match any allowed primitive type (allowed: {allowed})",
                type_of(instance)
            )
        }
        Kind::Enum { options } => format!("instance value ({instance}) not found in enum (possible values: {options})"),
        Kind::AdditionalProperties { unexpected } => {
            format!(
                "object instance has properties which are not allowed by the schema: {}",
                listed(unexpected.clone())
            )
        }
        Kind::MinProperties { limit } => {
            format!("object has too few properties (found {} but schema requires at least {limit})", size(instance))
        }
        Kind::MaxProperties { limit } => {
            format!("object has too many properties (found {} but schema requires at most {limit})", size(instance))
        }
        Kind::AdditionalItems { limit } => {
            format!("schema only allows {limit} elements in array but instance has {} elements", size(instance))
        }
        Kind::MinItems { limit } => {
            format!(
                "array is too short: must have at least {limit} elements but instance has {} elements",
                size(instance)
            )
        }
        Kind::MaxItems { limit } => {
            format!(
                "array is too long: must have at most {limit} elements but instance has {} elements",
                size(instance)
            )
        }
        Kind::UniqueItems => "array must not contain duplicate elements".to_owned(),
        Kind::MinLength { limit } => {
            format!("string {} is too short (length: {}, required minimum: {limit})", quoted(instance), size(instance))
        }
        Kind::MaxLength { limit } => {
            format!("string {} is too long (length: {}, maximum allowed: {limit})", quoted(instance), size(instance))
        }
        Kind::Pattern { pattern } => {
            format!("ECMA 262 regex \"{pattern}\" does not match input string {}", quoted(instance))
        }
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            format!("string {} takes too long to be matched against a pattern", quoted(instance))
        }
        Kind::Format { format } => of_format(format, instance),
        Kind::ExclusiveMinimum { limit } if instance.as_f64() == limit.as_f64() => {
            format!("numeric instance is not strictly greater than the required minimum {limit}")
        }
        Kind::ExclusiveMaximum { limit } if instance.as_f64() == limit.as_f64() => {
            format!("numeric instance is not strictly lower than the required maximum {limit}")
        }
        Kind::Minimum { limit } | Kind::ExclusiveMinimum { limit } => {
            format!("numeric instance is lower than the required minimum (minimum: {limit}, found: {instance})")
        }
        Kind::Maximum { limit } | Kind::ExclusiveMaximum { limit } => {
            format!("numeric instance is greater than the required maximum (maximum: {limit}, found: {instance})")
        }
        Kind::MultipleOf { multiple_of } => format!("remainder of division is not zero ({instance} / {multiple_of})"),
        Kind::AnyOf { context } => {
            format!("instance failed to match at least one required schema among {}", context.len())
        }
        Kind::OneOfNotValid { context } | Kind::OneOfMultipleValid { context } => {
            let matched = context.iter().filter(|errors| errors.is_empty()).count();
            format!("instance failed to match exactly one schema (matched {matched} out of {})", context.len())
        }
        Kind::Not { .. } => "instance matched a schema which it should not have".to_owned(),
        _ => "instance does not match the schema".to_owned(),
    })
}

/// A text in quotes, with nothing in it escaped.
fn quoted(instance: &Value) -> String {
    format!("\"{}\"", instance.as_str().unwrap_or_default())
}

fn size(instance: &Value) -> usize {
    match instance {
        Value::Object(members) => members.len(),
        Value::Array(items) => items.len(),
        Value::String(text) => text.chars().count(),
        _ => 0,
    }
}

fn type_of(instance: &Value) -> &'static str {
    match instance {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A number may be an integer, and this is said.
fn allowed(types: impl IntoIterator<Item = JsonType>) -> String {
    let mut names: Vec<String> = Vec::new();
    for kind in types {
        if kind == JsonType::Number {
            names.push("integer".to_owned());
        }
        names.push(kind.as_str().to_owned());
    }
    names.sort_unstable();
    names.dedup();
    listed(names)
}

fn of_format(format: &str, instance: &Value) -> String {
    let text = quoted(instance);
    let what = match format {
        "date-time" => {
            return format!(
                "string {text} is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, \
                 yyyy-MM-dd'T'HH:mm:ss.[0-9]{{1,12}}Z]"
            );
        }
        "email" => "email address",
        "hostname" => "hostname",
        "ipv4" => "IPv4 address",
        "ipv6" => "IPv6 address",
        "regex" => "ECMA 262 regular expression",
        "uri" => "URI",
        other => other,
    };
    format!("string {text} is not a valid {what}")
}
