use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::message::Message;

/// What a request asks of a table, as IAM sees it: the parts of a transaction are
/// told apart by what they do.
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
    /// The partitions, of the index if there is one: all of a batch, since its keys
    /// are allowed together or not at all. Those of a transaction's parts that do
    /// the same are taken together too, since nothing says that they are not. None
    /// of a whole table.
    pub partitions: BTreeSet<String>,
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
    let members = key.as_object().into_iter().flatten();
    let names = body["ExpressionAttributeNames"].as_object().into_iter().flat_map(|names| names.values());
    Access {
        action: action.to_owned(),
        table: text(&body["TableName"]).unwrap_or_default(),
        index: text(&body["IndexName"]),
        partitions: text(&key["pk"]["S"]).or_else(|| queried(body)).into_iter().collect(),
        attributes: members.map(|(name, _)| name.clone()).chain(names.filter_map(text)).collect(),
        enclosing: None,
    }
}

fn of_transaction(operation: &str, body: &Value) -> Vec<Access> {
    let parts = body["TransactItems"].as_array().into_iter().flatten();
    let parts = parts.filter_map(|part| part.as_object()?.iter().next());
    together(parts.map(|(part, body)| {
        let action = if part == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{part}Item") };
        Access { enclosing: Some(operation.to_owned()), ..of_one(&action, body) }
    }))
}

fn of_batch(operation: &str, body: &Value) -> Vec<Access> {
    let tables = body["RequestItems"].as_object().into_iter().flatten();
    let parts = tables.flat_map(|(table, items)| {
        let keys = items["Keys"].as_array().into_iter().flatten().map(|key| json!({"Key": key}));
        let writes = items.as_array().into_iter().flatten();
        let writes = writes.filter_map(|write| Some(write.as_object()?.values().next()?.clone()));
        keys.chain(writes).map(move |body| Access { table: table.clone(), ..of_one(operation, &body) })
    });
    together(parts)
}

/// What does the same to the same table as one.
fn together(parts: impl Iterator<Item = Access>) -> Vec<Access> {
    let mut together: BTreeMap<(String, String), Access> = BTreeMap::new();
    for part in parts {
        let known = together.entry((part.action.clone(), part.table.clone()));
        let known = known.or_insert_with(|| Access { partitions: BTreeSet::new(), ..part.clone() });
        known.partitions.extend(part.partitions);
        known.attributes.extend(part.attributes);
    }
    together.into_values().collect()
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
    use super::*;

    fn asked(operation: &str, body: &Value) -> Vec<String> {
        let body = body.to_string();
        let head = format!("X-Amz-Target: DynamoDB_20120810.{operation}\r\nContent-Length: {}", body.len());
        let request = format!("POST / HTTP/1.1\r\n{head}\r\n\r\n{body}");
        let request = Message::read(&mut request.as_bytes()).unwrap().unwrap();
        let in_words = |access: Access| {
            let partitions: Vec<_> = access.partitions.into_iter().collect();
            format!("{} {} {}", access.action, access.table, partitions.join(" "))
        };
        Access::all(&request).into_iter().map(in_words).collect()
    }

    fn at(pk: &str) -> Value {
        json!({"pk": {"S": pk}, "sk": {"S": "s"}})
    }

    #[test]
    fn the_parts_of_transactions_are_told_apart_by_what_they_do() {
        let writes = json!({"TransactItems": [
            {"ConditionCheck": {"TableName": "t", "Key": at("A#1")}}, {"Put": {"TableName": "t", "Item": at("B#1")}},
            {"Update": {"TableName": "t", "Key": at("C#1")}}, {"Delete": {"TableName": "t", "Key": at("D")}},
            {"Put": {"TableName": "t", "Item": at("E#1")}},
        ]});
        let parts = ["ConditionCheckItem t A#1", "DeleteItem t D", "PutItem t B#1 E#1", "UpdateItem t C#1"];
        assert_eq!(asked("TransactWriteItems", &writes), parts);
        let reads = json!({"TransactItems": [{"Get": {"TableName": "t", "Key": at("A#1")}}]});
        assert_eq!(asked("TransactGetItems", &reads), ["GetItem t A#1"]);
    }

    #[test]
    fn a_batch_is_about_all_its_partitions() {
        let batch = json!({"RequestItems": {"t": {"Keys": [at("A#1"), at("A#2")]}}});
        assert_eq!(asked("BatchGetItem", &batch), ["BatchGetItem t A#1 A#2"]);
        let writes = [json!({"PutRequest": {"Item": at("A#1")}}), json!({"DeleteRequest": {"Key": at("A#2")}})];
        let batch = json!({"RequestItems": {"t": writes}});
        assert_eq!(asked("BatchWriteItem", &batch), ["BatchWriteItem t A#1 A#2"]);
    }

    #[test]
    fn a_query_is_about_one_partition() {
        let query = json!({
            "TableName": "t", "KeyConditionExpression": "#list = :l AND #s > :s",
            "ExpressionAttributeValues": {":s": {"S": "x"}, ":l": {"S": "KEYS"}},
        });
        assert_eq!(asked("Query", &query), ["Query t KEYS"]);
        assert_eq!(asked("DescribeTable", &json!({"TableName": "t"})), ["DescribeTable t "]);
    }
}
