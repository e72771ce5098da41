//! What is wrong with a body, in the words of API Gateway, which are those of the
//! library that it checks bodies with (java-json-tools/json-schema-validator):
//! texts, and how many of the errors there are, as seen in real answers.

use serde_json::Value;

use super::format::Format;
use super::keyword::{Keyword, Limit, Type};

/// How long the text may get, about.
const LENGTH: usize = 8 * 1024;

/// Something that is wrong with a value, and where in the body that is.
pub(super) struct Found<'v> {
    pub(super) place: Vec<Step<'v>>,
    pub(super) fault: Fault<'v>,
    pub(super) value: &'v Value,
}

/// A step of the way to a place. In the order in which API Gateway looks: what holds
/// others before them, members by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step<'v> {
    Item(usize),
    Member(&'v str),
}

/// What is wrong.
pub(super) enum Fault<'v> {
    Keyword(&'v Keyword),
    /// Too many or too few of the schemas describe the value.
    Matched {
        keyword: &'v Keyword,
        matched: usize,
        of: usize,
    },
    /// With the member of this name there should be those of other names.
    Dependency {
        name: &'v str,
        names: &'v [String],
    },
    /// Members that nothing describes.
    Unexpected(Vec<&'v str>),
    AdditionalItems {
        allowed: usize,
    },
    PatternTooLong,
}

/// `[error, error]`.
pub(super) fn told(mut errors: Vec<Found<'_>>) -> String {
    errors.sort_by(|a, b| a.place.cmp(&b.place));
    let Some(first) = errors.first().map(|error| error.place.clone()) else {
        return untold();
    };
    let mut told = String::from("[");
    for error in errors.iter().filter(|error| is_looked_at(&error.place, &first)) {
        if told.len() > LENGTH {
            break;
        }
        if told.len() > 1 {
            told.push_str(", ");
        }
        told.push_str(&text(&error.fault, error.value));
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
fn is_looked_at(place: &[Step<'_>], first: &[Step<'_>]) -> bool {
    match place.split_last() {
        Some((_, parent)) => place == first || (parent.len() < first.len() && first.starts_with(parent)),
        None => true,
    }
}

fn text(fault: &Fault<'_>, value: &Value) -> String {
    match fault {
        Fault::Keyword(keyword) => of_keyword(keyword, value),
        Fault::Matched { keyword: Keyword::AllOf(_), matched, of } => {
            format!("instance failed to match all required schemas (matched only {matched} out of {of})")
        }
        Fault::Matched { keyword: Keyword::AnyOf(_), of, .. } => {
            format!("instance failed to match at least one required schema among {of}")
        }
        Fault::Matched { matched, of, .. } => {
            format!("instance failed to match exactly one schema (matched {matched} out of {of})")
        }
        Fault::Dependency { name, names } => {
            let wanted = listed(names.iter().map(String::as_str));
            let missing = listed(missing(names, value));
            format!(
                "property \"{name}\" of object has missing property dependencies (schema requires {wanted}; missing: \
                 {missing})"
            )
        }
        Fault::Unexpected(names) => {
            let names = listed(names.iter().copied());
            format!("object instance has properties which are not allowed by the schema: {names}")
        }
        Fault::AdditionalItems { allowed } => {
            format!("schema only allows {allowed} elements in array but instance has {} elements", size(value))
        }
        Fault::PatternTooLong => format!("string {} takes too long to be matched against a pattern", quoted(value)),
    }
}

fn of_keyword(keyword: &Keyword, value: &Value) -> String {
    match keyword {
        Keyword::Required(names) => {
            format!("object has missing required properties ({})", listed(missing(names, value)))
        }
        Keyword::Type(types) => {
            let allowed = listed(types.0.iter().map(|allowed| allowed.name()));
            let found = Type::of(value).name();
            format!("instance type ({found}) does not match any allowed primitive type (allowed: {allowed})")
        }
        Keyword::Enum(options) => format!("instance value ({value}) not found in enum (possible values: {options})"),
        Keyword::MinProperties(limit) => {
            format!("object has too few properties (found {} but schema requires at least {limit})", size(value))
        }
        Keyword::MaxProperties(limit) => {
            format!("object has too many properties (found {} but schema requires at most {limit})", size(value))
        }
        Keyword::MinItems(limit) => {
            format!("array is too short: must have at least {limit} elements but instance has {} elements", size(value))
        }
        Keyword::MaxItems(limit) => {
            format!("array is too long: must have at most {limit} elements but instance has {} elements", size(value))
        }
        Keyword::UniqueItems => "array must not contain duplicate elements".to_owned(),
        Keyword::MinLength(limit) => {
            format!("string {} is too short (length: {}, required minimum: {limit})", quoted(value), size(value))
        }
        Keyword::MaxLength(limit) => {
            format!("string {} is too long (length: {}, maximum allowed: {limit})", quoted(value), size(value))
        }
        Keyword::Pattern(pattern) => {
            format!("ECMA 262 regex \"{}\" does not match input string {}", pattern.as_str(), quoted(value))
        }
        Keyword::Format(format) => of_format(*format, value),
        Keyword::Minimum(limit) if is_at(value, limit) => {
            format!("numeric instance is not strictly greater than the required minimum {}", limit.number)
        }
        Keyword::Maximum(limit) if is_at(value, limit) => {
            format!("numeric instance is not strictly lower than the required maximum {}", limit.number)
        }
        Keyword::Minimum(limit) => {
            format!("numeric instance is lower than the required minimum (minimum: {}, found: {value})", limit.number)
        }
        Keyword::Maximum(limit) => {
            format!("numeric instance is greater than the required maximum (maximum: {}, found: {value})", limit.number)
        }
        Keyword::MultipleOf { number, .. } => format!("remainder of division is not zero ({value} / {number})"),
        Keyword::Not(_) => "instance matched a schema which it should not have".to_owned(),
        _ => "instance does not match the schema".to_owned(),
    }
}

fn of_format(format: Format, value: &Value) -> String {
    let text = quoted(value);
    let what = match format {
        Format::DateTime => {
            return format!(
                "string {text} is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, \
                 yyyy-MM-dd'T'HH:mm:ss.[0-9]{{1,12}}Z]"
            );
        }
        Format::Email => "email address",
        Format::Hostname => "hostname",
        Format::Ipv4 => "IPv4 address",
        Format::Ipv6 => "IPv6 address",
        Format::Regex => "ECMA 262 regular expression",
        Format::Uri => "URI",
    };
    format!("string {text} is not a valid {what}")
}

/// `["a","b"]`, in order.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    Value::from(names).to_string()
}

fn missing<'n>(names: &'n [String], value: &Value) -> impl Iterator<Item = &'n str> {
    names.iter().map(String::as_str).filter(|name| value.get(name).is_none())
}

/// A text in quotes, with nothing in it escaped.
fn quoted(value: &Value) -> String {
    format!("\"{}\"", value.as_str().unwrap_or_default())
}

/// Of texts in characters, as the library counts them (`codePointCount`).
fn size(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.len(),
        Value::Array(items) => items.len(),
        Value::String(text) => text.chars().count(),
        _ => 0,
    }
}

fn is_at(value: &Value, limit: &Limit) -> bool {
    value.as_number().is_some_and(|number| limit.equals(number))
}
