use std::collections::BTreeSet;

use serde_json::Value;

use super::message::Message;

/// What a request asks of one partition, as IAM sees it: the parts of a
/// transaction and of a batch are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// `GetItem` and its like: of a transaction's part what it does, while a
    /// batch is an action of its own (DynamoDB developer guide, "Using IAM with
    /// DynamoDB transactions").
    pub action: String,
    /// The table's own name.
    pub table: String,
    /// The index that is queried, if one is.
    pub index: Option<String>,
    /// The partition, of the index if there is one; `None` of a whole table.
    pub partition: Option<String>,
    /// The attributes that it names.
    pub attributes: BTreeSet<String>,
    /// `TransactWriteItems` of a part of one.
    pub enclosing: Option<String>,
}

impl Access {
    /// All that a request asks.
    pub(super) fn all(request: &Message) -> Vec<Self> {
        let target = request.header("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match operation {
            "TransactWriteItems" | "TransactGetItems" => of_transaction(operation, &body),
            "BatchGetItem" | "BatchWriteItem" => of_batch(operation, &body),
            _ => vec![of_one(operation, &body)],
        }
    }
}

fn of_one(action: &str, body: &Value) -> Access {
    let key = if body["Item"].is_object() { &body["Item"] } else { &body["Key"] };
    let partition = text(&key["pk"]["S"]).or_else(|| queried(body));
    let members = [key, &body["Attributes"]].into_iter().filter_map(Value::as_object).flatten();
    let names = body["ExpressionAttributeNames"].as_object().into_iter().flat_map(|names| names.values());
    let attributes = members.map(|(name, _)| name.clone()).chain(names.filter_map(text)).collect();
    Access {
        action: action.to_owned(),
        table: text(&body["TableName"]).unwrap_or_default(),
        index: text(&body["IndexName"]),
        partition,
        attributes,
        enclosing: None,
    }
}

fn of_transaction(operation: &str, body: &Value) -> Vec<Access> {
    let parts = body["TransactItems"].as_array().into_iter().flatten();
    let parts = parts.filter_map(|part| part.as_object()?.iter().next());
    parts
        .map(|(part, body)| {
            let action = if part == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{part}Item") };
            Access { enclosing: Some(operation.to_owned()), ..of_one(&action, body) }
        })
        .collect()
}

fn of_batch(operation: &str, body: &Value) -> Vec<Access> {
    let mut parts = Vec::new();
    for (table, items) in body["RequestItems"].as_object().into_iter().flatten() {
        let keys = items["Keys"].as_array().into_iter().flatten().map(|key| serde_json::json!({"Key": key}));
        let writes = items.as_array().into_iter().flatten();
        let writes = writes.filter_map(|write| Some(write.as_object()?.values().next()?.clone()));
        let of_table = |body: Value| Access { table: table.clone(), ..of_one(operation, &body) };
        parts.extend(keys.chain(writes).map(of_table));
    }
    parts
}

/// The partition of a Query, whose condition begins with it: `#pk = :pk`.
fn queried(body: &Value) -> Option<String> {
    let condition = text(&body["KeyConditionExpression"])?;
    let mut words = condition.split_whitespace().skip_while(|word| *word != "=");
    text(&body["ExpressionAttributeValues"][words.nth(1)?]["S"])
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(operation: &str, body: &Value) -> Vec<(String, String, Option<String>)> {
        let body = body.to_string();
        let head = format!("X-Amz-Target: DynamoDB_20120810.{operation}\r\nContent-Length: {}", body.len());
        let request = format!("POST / HTTP/1.1\r\n{head}\r\n\r\n{body}");
        let request = Message::read(&mut request.as_bytes()).unwrap().unwrap();
        let all = Access::all(&request).into_iter();
        all.map(|access| (access.action, access.table, access.partition)).collect()
    }

    fn access(action: &str, partition: &str) -> (String, String, Option<String>) {
        (action.to_owned(), "t".to_owned(), Some(partition.to_owned()))
    }

    #[test]
    fn the_parts_of_transactions_and_batches_are_told_apart() {
        let at = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "s"}});
        let writes = json!({"TransactItems": [
            {"ConditionCheck": {"TableName": "t", "Key": at("A#1")}}, {"Put": {"TableName": "t", "Item": at("B#1")}},
            {"Update": {"TableName": "t", "Key": at("C#1")}}, {"Delete": {"TableName": "t", "Key": at("D")}},
        ]});
        let parts = [("ConditionCheckItem", "A#1"), ("PutItem", "B#1"), ("UpdateItem", "C#1"), ("DeleteItem", "D")];
        assert_eq!(asked("TransactWriteItems", &writes), parts.map(|(action, pk)| access(action, pk)));
        let reads = json!({"TransactItems": [{"Get": {"TableName": "t", "Key": at("A#1")}}]});
        assert_eq!(asked("TransactGetItems", &reads), [access("GetItem", "A#1")]);
        let batch = json!({"RequestItems": {"t": {"Keys": [at("A#1"), at("A#2")]}}});
        assert_eq!(asked("BatchGetItem", &batch), ["A#1", "A#2"].map(|pk| access("BatchGetItem", pk)));
        let batch = json!({"RequestItems": {"t": [
            {"PutRequest": {"Item": at("A#1")}}, {"DeleteRequest": {"Key": at("A#2")}},
        ]}});
        assert_eq!(asked("BatchWriteItem", &batch), ["A#1", "A#2"].map(|pk| access("BatchWriteItem", pk)));
        let query = json!({
            "TableName": "t", "KeyConditionExpression": "#list = :l AND #s > :s",
            "ExpressionAttributeValues": {":s": {"S": "x"}, ":l": {"S": "KEYS"}},
        });
        assert_eq!(asked("Query", &query), [access("Query", "KEYS")]);
        assert_eq!(asked("DescribeTable", &json!({"TableName": "t"})), [("DescribeTable".into(), "t".into(), None)]);
    }
}
