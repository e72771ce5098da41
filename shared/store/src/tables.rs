//! The two tables: what the template makes on AWS, made here where there is
//! no template.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableDescription, TableStatus, TimeToLiveSpecification,
};

use crate::item::attribute;
use crate::{Store, StoreError};

/// The names of the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// REST APIs, keys, plans, tokens, subjects.
    pub config: String,
    /// Meters.
    pub usage: String,
}

impl Default for Tables {
    fn default() -> Self {
        Self { config: "keyplan-config".into(), usage: "keyplan-usage".into() }
    }
}

/// The index of the config table that lists are read from.
pub const LIST_INDEX: &str = "byList";

/// A table's shape: string keys throughout, on demand, TTL on `expiresAt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Hash key and range key.
    pub key: [&'static str; 2],
    /// The index, if there is one.
    pub index: Option<IndexDefinition>,
    /// The attribute after whose time an item may go.
    pub ttl: &'static str,
}

/// An index's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: &'static str,
    /// Hash key and range key.
    pub key: [&'static str; 2],
    /// What it holds besides the keys: never a secret.
    pub projects: [&'static str; 2],
}

/// The config table.
pub const CONFIG: Definition = Definition {
    key: [attribute::PK, attribute::SK],
    index: Some(IndexDefinition {
        name: LIST_INDEX,
        key: [attribute::LIST_PK, attribute::LIST_SK],
        projects: [attribute::DATA, attribute::VERSION],
    }),
    ttl: attribute::EXPIRES_AT,
};

/// The usage table.
pub const USAGE: Definition =
    Definition { key: [attribute::PK, attribute::SK], index: None, ttl: attribute::EXPIRES_AT };

/// Why a table that somebody else made cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// There is none of that name.
    #[error("there is no table {name}")]
    NotFound {
        /// The name.
        name: String,
    },
    /// Its keys or its index are not as defined here.
    #[error("the table {name} has other keys or indexes than Keyplan's")]
    Shape {
        /// Its name.
        name: String,
    },
    /// It is being made, or deleted.
    #[error("the table {name} is not active")]
    Inactive {
        /// Its name.
        name: String,
    },
    /// DynamoDB does not tell.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: u32 = 600;

impl Store {
    /// Makes the tables that are absent and waits until both can be used.
    /// Several processes may do so at once.
    ///
    /// # Errors
    /// When DynamoDB refuses or takes over half a minute.
    pub async fn create_tables(&self) -> Result<(), StoreError> {
        for (name, definition) in [(self.config_table(), CONFIG), (self.usage_table(), USAGE)] {
            // Time to live is switched on last: where it is on, all else is done.
            if self.has_ttl(name, definition).await? {
                continue;
            }
            self.ensure_table(name, definition).await?;
            self.enable_ttl(name, definition).await?;
        }
        Ok(())
    }

    /// As [`Store::create_tables`], on a DynamoDB that has no time to live, as
    /// some that are for tests: nothing expires by itself.
    ///
    /// # Errors
    /// As those of [`Store::create_tables`].
    pub async fn create_tables_without_ttl(&self) -> Result<(), StoreError> {
        self.ensure_table(self.config_table(), CONFIG).await?;
        self.ensure_table(self.usage_table(), USAGE).await
    }

    /// Whether the config table and, if it is to be used, the usage table are
    /// there, of the shape that they should have; none is made.
    ///
    /// # Errors
    /// Names the table that is absent or of another shape.
    pub async fn check_tables(&self, and_usage: bool) -> Result<(), TableError> {
        self.check_table(self.config_table(), CONFIG).await?;
        if and_usage {
            self.check_table(self.usage_table(), USAGE).await?;
        }
        Ok(())
    }

    async fn check_table(&self, name: &str, definition: Definition) -> Result<(), TableError> {
        let name_of = || name.to_owned();
        let table = self.describe(name).await?.ok_or_else(|| TableError::NotFound { name: name_of() })?;
        let has_index = |wanted: IndexDefinition| {
            let mut indexes = table.global_secondary_indexes().iter();
            indexes.any(|index| index.index_name() == Some(wanted.name) && has_key(index.key_schema(), wanted.key))
        };
        if !has_key(table.key_schema(), definition.key) || !definition.index.is_none_or(has_index) {
            return Err(TableError::Shape { name: name_of() });
        }
        match table.table_status {
            Some(TableStatus::Active | TableStatus::Updating) => Ok(()),
            _ => Err(TableError::Inactive { name: name_of() }),
        }
    }

    async fn ensure_table(&self, name: &str, definition: Definition) -> Result<(), StoreError> {
        if self.status(name).await?.is_none() {
            self.create_table(name, definition).await?;
        }
        self.wait_until_active(name).await
    }

    async fn create_table(&self, name: &str, definition: Definition) -> Result<(), StoreError> {
        let mut request = self
            .client()
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(key_schema(definition.key)?));
        let mut attributes = definition.key.to_vec();
        if let Some(index) = definition.index {
            attributes.extend(index.key);
            request = request.global_secondary_indexes(index_of(index)?);
        }
        for attribute in attributes {
            let attribute = AttributeDefinition::builder()
                .attribute_name(attribute)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .map_err(|error| StoreError::unbuildable("CreateTable", &error))?;
            request = request.attribute_definitions(attribute);
        }
        match request.send().await {
            Ok(_) => Ok(()),
            // Another process was faster.
            Err(error) if error.code() == Some("ResourceInUseException") => Ok(()),
            Err(error) => Err(StoreError::unavailable("CreateTable", &error)),
        }
    }

    async fn status(&self, name: &str) -> Result<Option<TableStatus>, StoreError> {
        Ok(self.describe(name).await?.and_then(|table| table.table_status))
    }

    async fn describe(&self, name: &str) -> Result<Option<TableDescription>, StoreError> {
        match self.client().describe_table().table_name(name).send().await {
            Ok(described) => Ok(described.table),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(StoreError::unavailable("DescribeTable", &error)),
        }
    }

    async fn wait_until_active(&self, name: &str) -> Result<(), StoreError> {
        for _ in 0..PATIENCE {
            if self.status(name).await? == Some(TableStatus::Active) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(StoreError::Unavailable { operation: "CreateTable", detail: format!("{name} does not become active") })
    }

    async fn has_ttl(&self, name: &str, definition: Definition) -> Result<bool, StoreError> {
        match self.client().describe_time_to_live().table_name(name).send().await {
            Ok(described) => {
                let attribute = described.time_to_live_description.and_then(|ttl| ttl.attribute_name);
                Ok(attribute.is_some_and(|attribute| attribute == definition.ttl))
            }
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(false),
            Err(error) => Err(StoreError::unavailable("DescribeTimeToLive", &error)),
        }
    }

    async fn enable_ttl(&self, name: &str, definition: Definition) -> Result<(), StoreError> {
        let specification = TimeToLiveSpecification::builder()
            .attribute_name(definition.ttl)
            .enabled(true)
            .build()
            .map_err(|error| StoreError::unbuildable("UpdateTimeToLive", &error))?;
        match self
            .client()
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(specification)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            // Another process was faster.
            Err(error) if error.code() == Some("ValidationException") => Ok(()),
            Err(error) => Err(StoreError::unavailable("UpdateTimeToLive", &error)),
        }
    }
}

fn has_key(schema: &[KeySchemaElement], wanted: [&str; 2]) -> bool {
    let kinds = [KeyType::Hash, KeyType::Range];
    schema.len() == wanted.len()
        && wanted.iter().zip(&kinds).all(|(name, kind)| {
            schema.iter().any(|element| element.attribute_name() == *name && element.key_type() == kind)
        })
}

fn key_schema([hash, range]: [&str; 2]) -> Result<Vec<KeySchemaElement>, StoreError> {
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .map_err(|error| StoreError::unbuildable("CreateTable", &error))
        })
        .collect()
}

fn index_of(index: IndexDefinition) -> Result<GlobalSecondaryIndex, StoreError> {
    let projection = Projection::builder()
        .projection_type(ProjectionType::Include)
        .set_non_key_attributes(Some(index.projects.map(str::to_owned).to_vec()))
        .build();
    GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .set_key_schema(Some(key_schema(index.key)?))
        .projection(projection)
        .build()
        .map_err(|error| StoreError::unbuildable("CreateTable", &error))
}
