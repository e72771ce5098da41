//! A DynamoDB of no stack's, and what is in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::Call;

/// A DynamoDB in memory, for as long as this lives.
#[derive(Debug)]
pub struct Dynamodb {
    /// Its address.
    pub url: String,
    _runtime: Runtime,
}

/// Items by partition and sort key, as plain JSON: numbers are texts, as
/// DynamoDB has them.
pub type Items = BTreeMap<(String, String), Value>;

impl Dynamodb {
    /// An empty one, on a free port.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port's address"));
        let database = dynoxide::Database::memory().expect("a database");
        runtime.spawn(dynoxide::server::serve_on(listener, database));
        Self { url, _runtime: runtime }
    }

    /// Makes a table.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn create_table(&self, table: &Value) {
        self.done("CreateTable", table);
    }

    /// All that is in a table, whatever indexes show of it.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn items(&self, table: &str) -> Items {
        let mut found = Items::new();
        let mut request = json!({"TableName": table, "ConsistentRead": true});
        loop {
            let page = self.done("Scan", &request);
            for item in page["Items"].as_array().into_iter().flatten() {
                let item = plain(&json!({"M": item}));
                let key = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
                found.insert((key("pk"), key("sk")), item);
            }
            match page.get("LastEvaluatedKey") {
                Some(key) => request["ExclusiveStartKey"] = key.clone(),
                None => return found,
            }
        }
    }

    fn done(&self, operation: &str, request: &Value) -> Value {
        let call = Call::new("POST", &*self.url).header("x-amz-target", &format!("DynamoDB_20120810.{operation}"));
        let answer = call.body("application/x-amz-json-1.0", request.to_string()).signed_for("dynamodb").send();
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()
    }
}

/// A value without DynamoDB's names of types.
fn plain(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|typed| typed.iter().next()) else { return Value::Null };
    match (kind.as_str(), value) {
        ("M", Value::Object(members)) => {
            members.iter().map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>().into()
        }
        ("L", Value::Array(values)) => values.iter().map(plain).collect(),
        ("NULL", _) => Value::Null,
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_shown_without_the_names_of_their_types() {
        let item = json!({"M": {
            "a": {"S": "text"}, "b": {"N": "5"}, "c": {"BOOL": true}, "d": {"NULL": true},
            "e": {"L": [{"S": "x"}, {"M": {"f": {"S": "y"}}}]}, "g": {"SS": ["s"]},
        }});
        let plain = plain(&item);
        assert_eq!(plain, json!({"a": "text", "b": "5", "c": true, "d": null, "e": ["x", {"f": "y"}], "g": ["s"]}));
    }
}
