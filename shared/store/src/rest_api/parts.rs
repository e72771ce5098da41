//! Reading the partition of an API.

use std::collections::BTreeMap;

use keyplan_domain::api::RestApiDefinition;

use super::{Ahead, StagePlan};
use crate::StoreError;
use crate::item::{Item, attribute};
use crate::keys;

/// An API as kept: its parts, its version, and which plans have its stages.
#[derive(Debug)]
pub(crate) struct StoredApi {
    pub(crate) definition: RestApiDefinition,
    pub(crate) version: u64,
    pub(crate) stage_plans: Vec<StagePlan>,
    /// Records of what was written ahead.
    pub(crate) ahead: Vec<Ahead>,
    /// The edit that is decided and not carried out everywhere in what was read.
    pub(crate) unfinished_edit: Option<String>,
}

impl StoredApi {
    /// From all items of its partition; `None` when the API itself is not among
    /// them.
    pub(crate) fn read(items: &[Item]) -> Result<Option<Self>, StoreError> {
        let mut api = None;
        let mut resources = BTreeMap::new();
        let mut methods: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
        let mut authorizers = BTreeMap::new();
        let mut models = BTreeMap::new();
        let mut request_validators = BTreeMap::new();
        let mut gateway_responses = BTreeMap::new();
        let mut stages = BTreeMap::new();
        let mut stage_plans = Vec::new();
        for item in items {
            let sk = item.text(attribute::SK)?;
            if sk == keys::API {
                api = Some((item.data()?, item.version()?, item.text_if_any(attribute::EDIT)));
            } else if let Some(resource) = sk.strip_prefix(keys::RESOURCE) {
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
            } else if let Some((stage, _)) = sk.strip_prefix(keys::STAGE_PLAN).and_then(|rest| rest.split_once('#')) {
                stage_plans.push((stage.to_owned(), item.data()?));
            }
            // What a newer version keeps here is left as it is.
        }
        let ahead = Self::ahead(items)?;
        Ok(api.map(|(api, version, unfinished_edit)| Self {
            definition: RestApiDefinition {
                api,
                resources,
                methods,
                authorizers,
                models,
                request_validators,
                gateway_responses,
                stages,
            },
            version,
            stage_plans,
            ahead,
            unfinished_edit,
        }))
    }

    /// The records among items of its partition.
    pub(crate) fn ahead(items: &[Item]) -> Result<Vec<Ahead>, StoreError> {
        let is_ahead = |item: &&Item| item.text(attribute::SK).is_ok_and(|sk| sk.starts_with(keys::AHEAD));
        items.iter().filter(is_ahead).map(Item::data).collect()
    }
}
