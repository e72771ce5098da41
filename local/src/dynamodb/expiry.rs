//! Time to live by the clock that can be moved: dynoxide's own sweep goes by
//! the machine's clock where the database is a file.

use std::collections::HashMap;

use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database, DynoxideError};
use keyplan_domain::time::Timestamp;
use keyplan_store::tables;

/// Items looked at while the database is locked for others.
const PAGE: usize = 100;

/// Deletes the items of `table` that have expired and says how many. Whatever
/// changes between being found and being deleted stays.
pub(super) fn sweep(database: &Database, table: &str, now: Timestamp) -> Result<usize, DynoxideError> {
    let names = HashMap::from([("#ttl".to_owned(), tables::CONFIG.ttl.to_owned())]);
    let values = HashMap::from([(":now".to_owned(), AttributeValue::N(now.as_seconds().to_string()))]);
    let expired = "#ttl < :now";
    let mut deleted = 0;
    let mut start = None;
    loop {
        let page = database.scan(ScanRequest {
            table_name: table.to_owned(),
            filter_expression: Some(expired.to_owned()),
            expression_attribute_names: Some(names.clone()),
            expression_attribute_values: Some(values.clone()),
            limit: Some(PAGE),
            exclusive_start_key: start,
            ..ScanRequest::default()
        })?;
        for mut item in page.items.unwrap_or_default() {
            let key = tables::CONFIG.key.iter().filter_map(|name| item.remove_entry(*name)).collect();
            let outcome = database.delete_item(DeleteItemRequest {
                table_name: table.to_owned(),
                key,
                condition_expression: Some(expired.to_owned()),
                expression_attribute_names: Some(names.clone()),
                expression_attribute_values: Some(values.clone()),
                ..DeleteItemRequest::default()
            });
            match outcome {
                Ok(_) => deleted += 1,
                Err(DynoxideError::ConditionalCheckFailedException(..)) => {}
                Err(error) => return Err(error),
            }
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(deleted);
        }
    }
}

#[cfg(test)]
mod tests {
    use dynoxide::actions::put_item::PutItemRequest;
    use serde_json::json;

    use super::*;

    fn put(database: &Database, item: serde_json::Value) {
        let request: PutItemRequest = serde_json::from_value(json!({"TableName": "items", "Item": item})).unwrap();
        database.put_item(request).unwrap();
    }

    #[test]
    fn only_what_has_expired_goes() {
        let database = Database::memory().unwrap();
        let table = json!({
            "TableName": "items",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"},
            ],
        });
        database.create_table(serde_json::from_value(table).unwrap()).unwrap();
        for number in 0..250 {
            let mut item = json!({"pk": {"S": "p"}, "sk": {"S": number.to_string()}});
            if number % 2 == 0 {
                item["expiresAt"] = json!({"N": (1_000 + number).to_string()});
            }
            put(&database, item);
        }
        put(&database, json!({"pk": {"S": "p"}, "sk": {"S": "no number"}, "expiresAt": {"S": "0"}}));
        assert_eq!(sweep(&database, "items", Timestamp::from_seconds(1_100)).unwrap(), 50);
        assert_eq!(sweep(&database, "items", Timestamp::from_seconds(1_100)).unwrap(), 0);
        assert_eq!(sweep(&database, "items", Timestamp::from_seconds(9_999)).unwrap(), 75);
    }
}
