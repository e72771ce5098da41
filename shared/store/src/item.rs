//! Items: a key, a version, and what is kept, as a map under `data`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::Key;
use crate::{Store, StoreError};

/// Attribute names, each spelt once.
pub(crate) mod attribute {
    pub(crate) const PK: &str = "pk";
    pub(crate) const SK: &str = "sk";
    pub(crate) const VERSION: &str = "version";
    pub(crate) const DATA: &str = "data";
    pub(crate) const LIST_PK: &str = "listPk";
    pub(crate) const LIST_SK: &str = "listSk";
    /// A key's secret value; beside `data`, so that no index projects it.
    pub(crate) const VALUE: &str = "value";
    /// Seconds since the epoch after which DynamoDB may remove the item.
    pub(crate) const EXPIRES_AT: &str = "expiresAt";
    /// Raised when a plan's stages change.
    pub(crate) const STAGES_VERSION: &str = "stagesVersion";
    /// The edit of an API that is decided and not yet carried out.
    pub(crate) const EDIT: &str = "edit";
    /// When a token was last seen, in seconds since the epoch.
    pub(crate) const LAST_USED: &str = "lastUsed";
    /// What the parts of an API and their versions add up to.
    pub(crate) const SEAL: &str = "seal";
}

/// An item as read.
#[derive(Debug)]
pub(crate) struct Item(HashMap<String, AttributeValue>);

impl Item {
    /// A new item of this content; its version is set where it is written.
    pub(crate) fn new<T: Serialize>(key: &Key, data: &T) -> Result<Self, StoreError> {
        let data = serde_dynamo::to_attribute_value(data)
            .map_err(|error| StoreError::Corrupt { what: "to be written", detail: error.to_string() })?;
        let mut item = Self(key.attributes());
        item.0.insert(attribute::DATA.into(), data);
        Ok(item)
    }

    pub(crate) fn read(attributes: HashMap<String, AttributeValue>) -> Self {
        Self(attributes)
    }

    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.into(), value);
        self
    }

    pub(crate) fn with_text(self, name: &str, value: impl Into<String>) -> Self {
        self.with(name, AttributeValue::S(value.into()))
    }

    pub(crate) fn with_number(self, name: &str, value: impl ToString) -> Self {
        self.with(name, number(value))
    }

    /// The same item in another partition.
    pub(crate) fn moved_to(self, pk: &str) -> Self {
        self.with_text(attribute::PK, pk)
    }

    /// An item that holds nothing.
    pub(crate) fn empty(key: &Key) -> Self {
        Self(key.attributes())
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.0.contains_key(attribute::DATA)
    }

    /// Puts the item at a place of a list.
    pub(crate) fn listed(self, list: impl Into<String>, place: impl Into<String>) -> Self {
        self.with_text(attribute::LIST_PK, list).with_text(attribute::LIST_SK, place)
    }

    pub(crate) fn into_attributes(self) -> HashMap<String, AttributeValue> {
        self.0
    }

    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        let data = self.0.get(attribute::DATA).cloned().ok_or_else(|| self.corrupt("no data"))?;
        serde_dynamo::from_attribute_value(data).map_err(|error| self.corrupt(&error.to_string()))
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, StoreError> {
        self.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or_else(|| self.corrupt(name))
    }

    /// A text that not every item of the kind has.
    pub(crate) fn text_if_any(&self, name: &str) -> Option<String> {
        self.text(name).ok().map(str::to_owned)
    }

    /// A counter; one never written is 0.
    pub(crate) fn counter(&self, name: &str) -> Result<u64, StoreError> {
        Ok(self.counter_if_any(name)?.unwrap_or(0))
    }

    /// A whole number that not every item of the kind has.
    pub(crate) fn counter_if_any(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let number = |value: &AttributeValue| value.as_n().ok().and_then(|number| number.parse().ok());
        self.0.get(name).map(|value| number(value).ok_or_else(|| self.corrupt(name))).transpose()
    }

    /// About as many bytes as DynamoDB counts.
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + size(value)).sum()
    }

    pub(crate) fn version(&self) -> Result<u64, StoreError> {
        self.counter(attribute::VERSION)
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<&[u8], StoreError> {
        self.0.get(name).and_then(|value| value.as_b().ok()).map(AsRef::as_ref).ok_or_else(|| self.corrupt(name))
    }

    pub(crate) fn key(&self) -> Result<Key, StoreError> {
        Ok(Key { pk: self.text(attribute::PK)?.to_owned(), sk: self.text(attribute::SK)?.to_owned().into() })
    }

    fn corrupt(&self, detail: &str) -> StoreError {
        // The sort key says what kind of item it is; a partition key may hold a hash.
        let what = match self.0.get(attribute::SK).and_then(|sk| sk.as_s().ok()) {
            Some(sk) if sk.starts_with("KEY") => "of a key",
            Some(sk) if sk.starts_with("PLAN") => "of a plan",
            Some(sk) if sk.starts_with("TOKEN") => "of a token",
            Some(sk) if sk.starts_with("SUBJECT") => "of a subject",
            Some(sk) if sk.starts_with("VALUE") => "of a key's value",
            Some(sk) if sk.starts_with("META") || sk.starts_with("CHUNK") => "of a deployment",
            Some(_) => "of an API",
            None => "of an index",
        };
        StoreError::Corrupt { what, detail: detail.to_owned() }
    }
}

impl Key {
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (attribute::PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (attribute::SK.to_owned(), AttributeValue::S(self.sk.to_string())),
        ])
    }
}

fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(values) => values.iter().map(|value| 1 + size(value)).sum(),
        AttributeValue::M(members) => members.iter().map(|(name, value)| 1 + name.len() + size(value)).sum(),
        _ => NUMBER_BYTES,
    }
}

/// Of a number, the longest of what has no length of its own.
const NUMBER_BYTES: usize = 21;

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Which sort keys of a partition.
#[derive(Clone, Copy)]
enum SortKeys<'a> {
    Beginning(&'a str),
    Between(&'a str, &'a str),
}

impl Store {
    /// One consistent read of one item.
    pub(crate) async fn get_item(&self, table: &str, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client()
            .get_item()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem", &error))?;
        Ok(answer.item.map(Item::read))
    }

    /// One consistent read from the config table.
    pub(crate) async fn config_item(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        if !key.can_be() {
            return Ok(None);
        }
        self.get_item(self.config_table(), key).await
    }

    /// One eventually consistent read from the config table, at half the price:
    /// for what is cached anyway.
    pub(crate) async fn cacheable_item(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        if !key.can_be() {
            return Ok(None);
        }
        let answer = self
            .client()
            .get_item()
            .table_name(self.config_table())
            .set_key(Some(key.attributes()))
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem", &error))?;
        Ok(answer.item.map(Item::read))
    }

    /// Items of a partition of the config table whose sort keys begin with
    /// `prefix`, in order of their sort keys: a consistent read.
    pub(crate) async fn partition(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        self.all_pages(pk, SortKeys::Beginning(prefix)).await
    }

    /// Those whose sort keys are `first`, `last` or between: a consistent read.
    pub(crate) async fn between(&self, pk: &str, first: &str, last: &str) -> Result<Vec<Item>, StoreError> {
        self.all_pages(pk, SortKeys::Between(first, last)).await
    }

    async fn all_pages(&self, pk: &str, sort_keys: SortKeys<'_>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self.page_of_partition(pk, sort_keys, start).await?;
            items.extend(page.items);
            start = page.next;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// A page of [`Store::partition`], from after `start`.
    pub(crate) async fn partition_page(
        &self,
        pk: &str,
        prefix: &str,
        start: Option<HashMap<String, AttributeValue>>,
    ) -> Result<PartitionPage, StoreError> {
        self.page_of_partition(pk, SortKeys::Beginning(prefix), start).await
    }

    async fn page_of_partition(
        &self,
        pk: &str,
        sort_keys: SortKeys<'_>,
        start: Option<HashMap<String, AttributeValue>>,
    ) -> Result<PartitionPage, StoreError> {
        let (SortKeys::Beginning(longest) | SortKeys::Between(longest, _)) = sort_keys;
        if !Key::in_partition(pk, longest).can_be() {
            return Ok(PartitionPage { items: Vec::new(), next: None });
        }
        let mut query = self
            .client()
            .query()
            .table_name(self.config_table())
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .expression_attribute_names("#pk", attribute::PK)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        let text = |text: &str| AttributeValue::S(text.to_owned());
        query = match sort_keys {
            // DynamoDB takes no empty prefix.
            SortKeys::Beginning("") => query.key_condition_expression("#pk = :pk"),
            SortKeys::Beginning(prefix) => query
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                .expression_attribute_names("#sk", attribute::SK)
                .expression_attribute_values(":prefix", text(prefix)),
            SortKeys::Between(first, last) => query
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
                .expression_attribute_names("#sk", attribute::SK)
                .expression_attribute_values(":first", text(first))
                .expression_attribute_values(":last", text(last)),
        };
        let answer = query.send().await.map_err(|error| StoreError::unavailable("Query", &error))?;
        Ok(PartitionPage {
            items: answer.items.unwrap_or_default().into_iter().map(Item::read).collect(),
            next: answer.last_evaluated_key,
        })
    }

    /// Items of the config table by key, in no order; what is absent is left
    /// out. Consistent, in as few requests as DynamoDB allows.
    pub(crate) async fn batch_get(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        use aws_sdk_dynamodb::types::KeysAndAttributes;

        let mut items = Vec::new();
        for some in keys.chunks(100) {
            let mut wanted: Vec<_> = some.iter().filter(|key| key.can_be()).map(Key::attributes).collect();
            while !wanted.is_empty() {
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(wanted))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| StoreError::unbuildable("BatchGetItem", &error))?;
                let answer = self
                    .client()
                    .batch_get_item()
                    .request_items(self.config_table(), request)
                    .send()
                    .await
                    .map_err(|error| StoreError::unavailable("BatchGetItem", &error))?;
                items.extend(answer.responses.into_iter().flatten().flat_map(|(_, found)| found).map(Item::read));
                wanted = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, left)| left.keys).collect();
            }
        }
        Ok(items)
    }

    /// Puts items into, or deletes keys from, the config table, unconditionally
    /// and not as one: for what nothing refers to yet, or any more.
    pub(crate) async fn batch_write(&self, puts: Vec<Item>, deletes: &[Key]) -> Result<(), StoreError> {
        use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};

        let unbuildable = |error| StoreError::unbuildable("BatchWriteItem", &error);
        let mut writes = Vec::new();
        for item in puts {
            let put = PutRequest::builder().set_item(Some(item.into_attributes())).build().map_err(unbuildable)?;
            writes.push(WriteRequest::builder().put_request(put).build());
        }
        for key in deletes {
            let delete = DeleteRequest::builder().set_key(Some(key.attributes())).build().map_err(unbuildable)?;
            writes.push(WriteRequest::builder().delete_request(delete).build());
        }
        for some in writes.chunks(25) {
            let mut wanted = some.to_vec();
            while !wanted.is_empty() {
                let answer = self
                    .client()
                    .batch_write_item()
                    .request_items(self.config_table(), wanted)
                    .send()
                    .await
                    .map_err(|error| StoreError::unavailable("BatchWriteItem", &error))?;
                wanted = answer.unprocessed_items.into_iter().flatten().flat_map(|(_, left)| left).collect();
            }
        }
        Ok(())
    }
}

/// Some items of a partition, and where the next begin.
#[derive(Debug)]
pub(crate) struct PartitionPage {
    pub(crate) items: Vec<Item>,
    pub(crate) next: Option<HashMap<String, AttributeValue>>,
}
