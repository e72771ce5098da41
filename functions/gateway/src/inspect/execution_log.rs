use std::fmt;

use http::HeaderMap;
use keyplan_domain::time::Timestamp;
use serde_json::Value;

/// What a test tells of itself, line by line, as API Gateway's execution log
/// does. What may be a secret shows as stars.
pub(super) struct ExecutionLog(String);

pub(super) const HIDDEN: &str = "****";

impl ExecutionLog {
    pub(super) fn of(request: &str) -> Self {
        Self(format!("Execution log for request {request}\n"))
    }

    pub(super) fn line(&mut self, at: Timestamp, text: fmt::Arguments<'_>) {
        const SECONDS_PER_DAY: i64 = 86_400;
        let second = at.as_seconds().rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let date = at.date();
        let (day, year) = (date.strftime("%a %b %d"), date.year());
        self.0.push_str(&format!("{day} {hour:02}:{minute:02}:{second:02} UTC {year} : {text}\n"));
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// `{name=value, ...}`; values that tell who calls are hidden.
pub(super) fn shown(headers: &HeaderMap) -> String {
    let is_secret = |name: &str| matches!(name, "authorization" | "proxy-authorization" | "cookie" | "x-api-key");
    let pairs: Vec<String> = headers
        .iter()
        .map(|(name, value)| {
            let value =
                if is_secret(name.as_str()) { HIDDEN.into() } else { String::from_utf8_lossy(value.as_bytes()) };
            format!("{name}={value}")
        })
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// JSON with every text below these members hidden.
pub(super) fn without(mut json: Value, members: &[&str]) -> Value {
    if let Value::Object(object) = &mut json {
        for (name, value) in object {
            let is_hidden = members.contains(&name.as_str());
            *value = if is_hidden { hidden(value.take()) } else { without(value.take(), members) };
        }
    }
    json
}

fn hidden(json: Value) -> Value {
    match json {
        Value::Object(object) => object.into_iter().map(|(name, value)| (name, hidden(value))).collect(),
        Value::Array(list) => list.into_iter().map(hidden).collect(),
        Value::Null => Value::Null,
        _ => HIDDEN.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_begins_with_its_time() {
        let mut log = ExecutionLog::of("test-request");
        log.line(Timestamp::from_seconds(1_795_601_101), format_args!("Starting {}", 1));
        assert_eq!(
            log.into_text(),
            "Execution log for request test-request\nWed Nov 25 10:05:01 UTC 2026 : Starting 1\n"
        );
    }

    #[test]
    fn what_tells_who_calls_is_hidden() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer secret".parse().unwrap());
        headers.insert("x-tenant", "a".parse().unwrap());
        assert_eq!(shown(&headers), "{authorization=****, x-tenant=a}");
        let event =
            json!({"type": "TOKEN", "headers": {"a": "secret", "b": ["secret"]}, "context": {"apiKey": "secret"}});
        assert_eq!(
            without(event, &["headers", "apiKey"]),
            json!({"type": "TOKEN", "headers": {"a": "****", "b": ["****"]}, "context": {"apiKey": "****"}})
        );
    }
}
