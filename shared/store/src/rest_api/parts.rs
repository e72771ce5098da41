//! Reading the partition of an API.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyplan_domain::api::{RestApi, RestApiDefinition};

use super::Ahead;
use super::contents::{Contents, Parts};
use crate::StoreError;
use crate::item::{Item, attribute};
use crate::keys;

/// An API as kept.
#[derive(Debug)]
pub(crate) struct StoredApi {
    pub(crate) contents: Arc<Contents>,
    pub(crate) version: u64,
    /// Records of what was written ahead.
    pub(crate) ahead: Vec<Ahead>,
    /// The edit that is decided and not carried out everywhere in what was read.
    pub(crate) unfinished_edit: Option<String>,
}

/// What an API's own item says, and what was written ahead of it: whether anything
/// has changed.
#[derive(Debug)]
pub(crate) struct Head {
    api: RestApi,
    version: u64,
    seal: Option<u64>,
    ahead: Vec<Ahead>,
    unfinished_edit: Option<String>,
}

impl Head {
    /// `None` when the API's own item is not among `items`.
    pub(crate) fn read(items: &[Item]) -> Result<Option<Self>, StoreError> {
        let is_api = |item: &&Item| item.text(attribute::SK).is_ok_and(|sk| sk == keys::API);
        let Some(item) = items.iter().find(is_api) else { return Ok(None) };
        Ok(Some(Self {
            api: item.data()?,
            version: item.version()?,
            seal: item.counter_if_any(attribute::SEAL)?,
            ahead: StoredApi::ahead(items)?,
            unfinished_edit: item.text_if_any(attribute::EDIT),
        }))
    }

    /// The API, if it still is what is known of it.
    pub(crate) fn of_known(self, known: Arc<Contents>) -> Option<StoredApi> {
        let is_known = self.seal == known.seal && self.api == known.definition.api && self.unfinished_edit.is_none();
        is_known.then_some(StoredApi {
            contents: known,
            version: self.version,
            ahead: self.ahead,
            unfinished_edit: None,
        })
    }
}

impl StoredApi {
    /// The state that was read.
    pub(crate) fn definition(&self) -> &RestApiDefinition {
        &self.contents.definition
    }

    /// From all items of its partition; `None` when the API itself is not among
    /// them.
    pub(crate) fn read(items: &[Item]) -> Result<Option<Self>, StoreError> {
        let Some(Head { api, version, seal, ahead, unfinished_edit }) = Head::read(items)? else {
            return Ok(None);
        };
        let mut resources = BTreeMap::new();
        let mut methods: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
        let mut authorizers = BTreeMap::new();
        let mut models = BTreeMap::new();
        let mut request_validators = BTreeMap::new();
        let mut gateway_responses = BTreeMap::new();
        let mut stages = BTreeMap::new();
        for item in items {
            let sk = item.text(attribute::SK)?;
            if let Some(resource) = sk.strip_prefix(keys::RESOURCE) {
                match resource.split_once('#') {
                    None => {
                        resources.insert(resource.to_owned(), item.data()?);
                    }
                    Some((resource, verb)) => {
                        methods.entry(resource.to_owned()).or_default().insert(verb.to_owned(), item.data()?);
                    }
                }
            } else if let Some(id) = sk.strip_prefix(keys::AUTHORIZER) {
                authorizers.insert(id.to_owned(), item.data()?);
            } else if let Some(name) = sk.strip_prefix(keys::MODEL) {
                models.insert(name.to_owned(), item.data()?);
            } else if let Some(id) = sk.strip_prefix(keys::VALIDATOR) {
                request_validators.insert(id.to_owned(), item.data()?);
            } else if sk.starts_with(keys::RESPONSE) {
                let response: keyplan_domain::api::GatewayResponse = item.data()?;
                gateway_responses.insert(response.response_type, response);
            } else if let Some(name) = sk.strip_prefix(keys::STAGE) {
                stages.insert(name.to_owned(), item.data()?);
            }
            // What a newer version keeps here is left as it is.
        }
        let definition = RestApiDefinition {
            api,
            resources,
            methods,
            authorizers,
            models,
            request_validators,
            gateway_responses,
            stages,
        };
        let contents = Contents {
            definition: Arc::new(definition),
            parts: Parts::read(items)?,
            seal,
            bytes: items.iter().map(Item::size).sum(),
        };
        Ok(Some(Self { contents: Arc::new(contents), version, ahead, unfinished_edit }))
    }

    /// The records among items of its partition.
    pub(crate) fn ahead(items: &[Item]) -> Result<Vec<Ahead>, StoreError> {
        let is_ahead = |item: &&Item| item.text(attribute::SK).is_ok_and(|sk| sk.starts_with(keys::AHEAD));
        items.iter().filter(is_ahead).map(Item::data).collect()
    }
}
