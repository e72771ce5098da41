//! Functions behind proxy integrations, with answers of every kind.

use std::time::Duration;

use serde_json::{Value, json};

use super::Reply;

type Backend = fn(&Value) -> Reply;

/// All of them by name.
pub const ALL: &[(&str, Backend)] = &[
    ("good", |_| Reply::Json(json!({"statusCode": 200, "body": "good"}))),
    ("empty", |_| Reply::Json(json!({}))),
    ("text-status", |_| Reply::Json(json!({"statusCode": "201", "body": "made"}))),
    ("own-error", |_| {
        Reply::Json(json!({
            "statusCode": 503,
            "headers": {"Content-Type": "text/plain", "x-amzn-ErrorType": "MyOwn"},
            "body": "closed",
        }))
    }),
    ("many-headers", |_| {
        Reply::Json(json!({
            "statusCode": 200,
            "headers": {
                "Content-Type": "text/html; charset=utf-8", "X-One": "solo", "X-Number": 7, "X-Flag": false,
                "Connection": "close", "Content-Length": "1", "Date": "never", "Server": "mine",
                "Transfer-Encoding": "chunked", "WWW-Authenticate": "Basic", "x-amzn-RequestId": "forged",
            },
            "multiValueHeaders": {"x-one": ["a", "b"], "Set-Cookie": ["c=1", "d=2"]},
            "body": "<p>",
        }))
    }),
    ("bytes", |_| {
        Reply::Json(json!({
            "statusCode": 200,
            "headers": {"Content-Type": "application/pdf"},
            "body": "aGVsbG8=",
            "isBase64Encoded": true,
        }))
    }),
    ("bad-bytes", |_| Reply::Json(json!({"statusCode": 200, "body": "%%%", "isBase64Encoded": true}))),
    ("malformed-status", |_| Reply::Json(json!({"statusCode": "ok"}))),
    ("unknown-member", |_| Reply::Json(json!({"statusCode": 200, "message": "hi"}))),
    ("object-body", |_| Reply::Json(json!({"statusCode": 200, "body": {"a": 1}}))),
    ("split-header", |_| Reply::Json(json!({"statusCode": 200, "headers": {"x": "a\r\nb: c"}}))),
    ("bare-text", |_| Reply::Json(json!("hello"))),
    ("bare-null", |_| Reply::Json(Value::Null)),
    ("no-answer", |_| Reply::Raw("")),
    ("fails", |_| Reply::Throws("broken")),
    ("fails-unauthorized", |_| Reply::Throws("Unauthorized")),
    ("sleeps", |_| Reply::After(Duration::from_secs(5), Box::new(Reply::Json(json!({"body": "late"}))))),
    ("refused", |_| Reply::Refused(403, "AccessDeniedException")),
    ("busy", |_| Reply::Refused(429, "TooManyRequestsException")),
];
