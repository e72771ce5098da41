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
    let values = HashMap::from([
        (":now".to_owned(), AttributeValue::N(now.as_seconds().to_string())),
        // DynamoDB leaves alone what would have expired five years ago or more.
        (":long_ago".to_owned(), AttributeValue::N((now.as_seconds() - FIVE_YEARS).to_string())),
    ]);
    let expired = "#ttl < :now AND #ttl > :long_ago";
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

const FIVE_YEARS: i64 = 5 * 365 * 24 * 60 * 60;
