//! REST APIs and what belongs to them: one partition, edited as a whole.
//!
//! Every write under an API is conditional on the API's version and raises it,
//! so that an edit never acts on anything but what it was decided upon, and a
//! deployment freezes a state that was there.

mod ahead;
mod contents;
mod delete;
mod diff;
mod large_edit;
mod latest;
mod parts;
mod turn;

use std::collections::BTreeSet;
use std::sync::Arc;

use keyplan_domain::api::{Method, Model, Resource, RestApi, RestApiDefinition, Stage};
use keyplan_domain::id::RestApiId;

use crate::entropy;
use crate::item::{Item, attribute};
use crate::keys::{self, Key, list};
use crate::race::{Attempt, until_decided};
use crate::transaction::Expect;
use crate::{Page, PageRequest, Store, StoreError, UpdateError};

pub(crate) use ahead::Ahead;
use contents::Parts;
pub(crate) use diff::{Changes, Published};
pub(crate) use latest::Latest;
use parts::Head;
pub(crate) use parts::StoredApi;
pub(crate) use turn::Turns;

impl Store {
    /// Makes an API with its root resource and the models that every API begins
    /// with.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken.
    pub async fn create_rest_api(&self, api: &RestApi, root: &Resource) -> Result<(), StoreError> {
        until_decided!({
            let mut transaction = self.transaction();
            let mut parts = vec![Item::new(&keys::resource(&api.id, &root.id), root)?];
            for model in Model::defaults([entropy::part_id(), entropy::part_id()]) {
                parts.push(Item::new(&keys::model(&api.id, &model.name), &model)?);
            }
            let parts = Changes::new(parts);
            let seal = Parts::default().after(&parts, FIRST_VERSION)?.seal();
            transaction.put(api_item(api)?.with_number(attribute::SEAL, seal), Expect::Absent);
            for part in parts.puts {
                transaction.put(part, Expect::Absent);
            }
            transaction.check_not_buried(keys::api_partition(&api.id));
            let made = Attempt::of(transaction.commit().await, ())?;
            if let Attempt::Again = made {
                // Of an API of this id whose deletion was cut off.
                self.remove_remains_of_api(&api.id).await?;
            }
            Ok(made)
        })
    }

    /// An API by its id.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn rest_api(&self, id: &RestApiId) -> Result<Option<RestApi>, StoreError> {
        self.config_item(&keys::api(id)).await?.map(|item| item.data()).transpose()
    }

    /// A page of APIs, newest first.
    ///
    /// # Errors
    /// When the table fails or the position is none.
    pub async fn rest_apis(&self, request: &PageRequest) -> Result<Page<RestApi>, StoreError> {
        self.page(list::APIS, request, |id| keys::api(&RestApiId::new(id)), Item::data).await
    }

    /// An API and all that belongs to it: one Query, of a single item where this
    /// process has seen the API last as it is.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn definition(&self, id: &RestApiId) -> Result<Option<Arc<RestApiDefinition>>, StoreError> {
        Ok(self.stored_api(id).await?.map(|stored| Arc::clone(&stored.contents.definition)))
    }

    /// A resource by its id.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn resource(&self, api: &RestApiId, id: &str) -> Result<Option<Resource>, StoreError> {
        self.item_below(api, &keys::resource(api, id)).await?.map(|item| item.data()).transpose()
    }

    /// A method with its integration and responses.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn method(&self, api: &RestApiId, resource: &str, verb: &str) -> Result<Option<Method>, StoreError> {
        self.item_below(api, &keys::method(api, resource, verb)).await?.map(|item| item.data()).transpose()
    }

    /// A stage by its name, read consistently.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn stage(&self, api: &RestApiId, name: &str) -> Result<Option<Stage>, StoreError> {
        self.config_item(&keys::stage(api, name)).await?.as_ref().map(stage).transpose()
    }

    /// A stage by its name, for a cache: one read at half the price.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn stage_to_cache(&self, api: &RestApiId, name: &str) -> Result<Option<Stage>, StoreError> {
        self.cacheable_item(&keys::stage(api, name)).await?.as_ref().map(stage).transpose()
    }

    /// Edits an API: reads all of it, lets `edit` change it, and writes what
    /// has changed. A stage that is gone leaves the plans it was in. `edit` may
    /// be called more than once, when others write too.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing has changed then.
    pub async fn edit_rest_api<T, E>(
        &self,
        id: &RestApiId,
        mut edit: impl FnMut(&mut RestApiDefinition) -> Result<T, E>,
    ) -> Result<T, UpdateError<E>> {
        let _turn = self.inner.turns.take(id).await;
        until_decided!({
            let stored = self.stored_api(id).await?.ok_or(UpdateError::NotFound)?;
            let mut after = stored.definition().clone();
            let value = edit(&mut after).map_err(UpdateError::Rejected)?;
            Ok(self.write_changes(&stored, after, None).await?.with(value))
        })
    }

    /// As [`Store::edit_rest_api`], of an edit that points stages at
    /// `deployments`: `edit` is told which of them there are.
    ///
    /// A deployment goes with the API's version, so that one which is there after
    /// the API was read is there as long as the API stays what was read.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing has changed then.
    pub async fn edit_stages<T, E>(
        &self,
        id: &RestApiId,
        deployments: &BTreeSet<String>,
        mut edit: impl FnMut(&mut RestApiDefinition, &BTreeSet<String>) -> Result<T, E>,
    ) -> Result<T, UpdateError<E>> {
        let _turn = self.inner.turns.take(id).await;
        until_decided!({
            let stored = self.stored_api(id).await?.ok_or(UpdateError::NotFound)?;
            let mut there = BTreeSet::new();
            for deployment in deployments {
                if self.config_item(&keys::deployment(id, deployment)).await?.is_some() {
                    there.insert(deployment.clone());
                }
            }
            let mut after = stored.definition().clone();
            let value = edit(&mut after, &there).map_err(UpdateError::Rejected)?;
            Ok(self.write_changes(&stored, after, None).await?.with(value))
        })
    }

    /// An API and all its items, with its last edit carried out.
    pub(crate) async fn stored_api(&self, id: &RestApiId) -> Result<Option<StoredApi>, StoreError> {
        let partition = keys::api_partition(id);
        if let Some(known) = self.inner.latest.get(id) {
            // The API's own item is the next after the records of what is ahead.
            let Some(head) = Head::read(&self.between(&partition, keys::AHEAD, keys::API).await?)? else {
                return Ok(None);
            };
            if let Some(stored) = head.of_known(known) {
                return Ok(Some(stored));
            }
        }
        let mut torn = 0;
        until_decided!({
            let Some(stored) = StoredApi::read(&self.partition(&partition, "").await?)? else {
                return Ok(Attempt::Done(None));
            };
            if let Some(edit) = &stored.unfinished_edit {
                // Then it is read again, whoever carried it out.
                self.carry_out(id, edit).await?;
                return Ok(Attempt::Again);
            }
            if stored.contents.is_whole() {
                self.inner.latest.keep(&stored.contents);
            } else if torn < MOST_TORN {
                torn += 1;
                return Ok(Attempt::Again);
            }
            Ok(Attempt::Done(Some(stored)))
        })
    }

    /// An item below an API that is there, with the API's last edit carried out:
    /// one request.
    pub(crate) async fn item_below(&self, api: &RestApiId, key: &Key) -> Result<Option<Item>, StoreError> {
        let root = keys::api(api);
        let mut items = self.batch_get(&[root.clone(), key.clone()]).await?;
        let mut take = |key: &Key| {
            let at = items.iter().position(|item| item.key().is_ok_and(|of_item| of_item == *key))?;
            Some(items.swap_remove(at))
        };
        let (root, item) = (take(&root), take(key));
        match root {
            None => Ok(None),
            Some(root) if root.text_if_any(attribute::EDIT).is_some() => {
                self.stored_api(api).await?;
                self.config_item(key).await
            }
            Some(_) => Ok(item),
        }
    }
}

/// The version of an API when it is made.
const FIRST_VERSION: u64 = 1;
/// How often an API is read again that is not of one state. What is read last is
/// taken then: an edit of it is made only if the API's version still is what it was
/// before its parts were read.
const MOST_TORN: u32 = 4;

/// The stage that an item keeps. Its version is that of its API when it last
/// changed.
fn stage(item: &Item) -> Result<Stage, StoreError> {
    Ok(Stage { version: item.version()?, ..item.data()? })
}

pub(crate) fn api_item(api: &RestApi) -> Result<Item, StoreError> {
    Ok(Item::new(&keys::api(&api.id), api)?.listed(list::APIS, list::place(api.created_date, api.id.as_str())))
}
