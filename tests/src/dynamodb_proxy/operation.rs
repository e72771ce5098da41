use std::fmt;

use serde_json::Value;

use super::message::Message;

/// What is asked of DynamoDB, as far as operations are told apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// `UpdateItem` and its like.
    pub kind: String,
    /// The table, without `keyplan-`; empty where it is about several.
    pub table: String,
    /// Which sort of item, as its key is spelt up to the first `#`: `METER`,
    /// `VALUE`, `API/STAGE`, `PLAN/KEY`; `DEPLOYMENT/*` for a query of a
    /// partition, of the index too (`KEYS/*`), `BUCKET` for a shared bucket, empty where it is about several.
    pub item: String,
}

impl Operation {
    pub(super) fn of(request: &Message) -> Self {
        let target = request.header("x-amz-target").unwrap_or_default();
        let kind = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let table = text(&body["TableName"]).trim_start_matches("keyplan-").to_owned();
        let key = if body["Key"].is_object() { &body["Key"] } else { &body["Item"] };
        // A partition that is queried, or one of the index.
        let values = &body["ExpressionAttributeValues"];
        let partitions = [&key["pk"], &values[":pk"], &values[":list"]].map(|partition| text(&partition["S"]));
        let pk = partitions.into_iter().find(|partition| !partition.is_empty()).unwrap_or_default();
        let item = item(&table, pk, text(&key["sk"]["S"]));
        Self { kind, table, item }
    }
}

fn item(table: &str, pk: &str, sk: &str) -> String {
    let (of, what) = (first(pk), first(sk));
    match (table, of, what) {
        (_, "", _) => String::new(),
        ("usage", "STAGE", "METER") => "BUCKET".to_owned(),
        ("usage", _, what) => what.to_owned(),
        (_, of, "") => format!("{of}/*"),
        (_, of, what) if of == what => what.to_owned(),
        (_, of, what) => format!("{of}/{what}"),
    }
}

fn first(key: &str) -> &str {
    key.split('#').next().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [&self.kind, &self.table, &self.item].map(String::as_str);
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: &str, body: &str) -> String {
        let length = body.len();
        let head = format!("POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.{kind}\r\nContent-Length: {length}");
        let request = format!("{head}\r\n\r\n{body}");
        Operation::of(&Message::read(&mut request.as_bytes()).unwrap().unwrap()).to_string()
    }

    #[test]
    fn operations_are_named_by_the_sort_of_item() {
        let of = |table: &str, pk: &str, sk: &str| {
            let key = format!(r#"{{"pk": {{"S": "{pk}"}}, "sk": {{"S": "{sk}"}}}}"#);
            named("GetItem", &format!(r#"{{"TableName": "keyplan-{table}", "Key": {key}}}"#))
        };
        assert_eq!(of("usage", "plan#key", "METER"), "GetItem usage METER");
        assert_eq!(of("usage", "plan#key", "HISTORY#202611"), "GetItem usage HISTORY");
        assert_eq!(of("usage", "STAGE#a#s#u#r#GET", "METER"), "GetItem usage BUCKET");
        assert_eq!(of("config", "VALUE#abc", "VALUE"), "GetItem config VALUE");
        assert_eq!(of("config", "PLAN#p", "KEY#k"), "GetItem config PLAN/KEY");
        assert_eq!(of("config", "API#a", "STAGE#prod"), "GetItem config API/STAGE");
        let query = r#"{"TableName": "keyplan-config", "ExpressionAttributeValues": {":pk": {"S": "DEPLOYMENT#a#b"}}}"#;
        assert_eq!(named("Query", query), "Query config DEPLOYMENT/*");
        let list = r#"{"TableName": "keyplan-config", "ExpressionAttributeValues": {":list": {"S": "KEYS"}}}"#;
        assert_eq!(named("Query", list), "Query config KEYS/*");
        assert_eq!(named("TransactWriteItems", r#"{"TransactItems": []}"#), "TransactWriteItems");
    }
}
