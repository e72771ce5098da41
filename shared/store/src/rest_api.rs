//! REST APIs and what belongs to them: one partition, edited as a whole.
//!
//! Every write under an API is conditional on the API's version and raises it,
//! so that an edit never acts on anything but what it was decided upon, and a
//! deployment freezes a state that was there.

mod diff;
mod parts;

use keyplan_domain::api::{Method, Model, Resource, RestApi, RestApiDefinition, Stage};
use keyplan_domain::id::{RestApiId, UsagePlanId};

use crate::entropy;
use crate::item::Item;
use crate::keys::{self, list};
use crate::race::{Attempt, until_decided};
use crate::transaction::Expect;
use crate::{Page, PageRequest, Store, StoreError, UpdateError};

pub(crate) use parts::StoredApi;

impl Store {
    /// Makes an API with its root resource and the models that every API begins
    /// with.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken.
    pub async fn create_rest_api(&self, api: &RestApi, root: &Resource) -> Result<(), StoreError> {
        until_decided!({
            let mut transaction = self.transaction();
            transaction.put(api_item(api)?, Expect::Absent);
            transaction.put(Item::new(&keys::resource(&api.id, &root.id), root)?, Expect::Absent);
            for model in Model::defaults([entropy::part_id(), entropy::part_id()]) {
                transaction.put(Item::new(&keys::model(&api.id, &model.name), &model)?, Expect::Absent);
            }
            Attempt::of(transaction.commit().await, ())
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

    /// An API and all that belongs to it: one Query.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn definition(&self, id: &RestApiId) -> Result<Option<RestApiDefinition>, StoreError> {
        Ok(self.stored_api(id).await?.map(|stored| stored.definition))
    }

    /// A resource by its id.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn resource(&self, api: &RestApiId, id: &str) -> Result<Option<Resource>, StoreError> {
        self.config_item(&keys::resource(api, id)).await?.map(|item| item.data()).transpose()
    }

    /// A method with its integration and responses.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn method(&self, api: &RestApiId, resource: &str, verb: &str) -> Result<Option<Method>, StoreError> {
        self.config_item(&keys::method(api, resource, verb)).await?.map(|item| item.data()).transpose()
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
        until_decided!({
            let stored = self.stored_api(id).await?.ok_or(UpdateError::NotFound)?;
            let mut after = stored.definition.clone();
            let value = edit(&mut after).map_err(UpdateError::Rejected)?;
            Ok(match self.write_changes(&stored, &after, Vec::new()).await? {
                Attempt::Done(()) => Attempt::Done(value),
                Attempt::Again => Attempt::Again,
            })
        })
    }

    /// Deletes an API and all that belongs to it. Its stages leave their plans
    /// and stop serving before anything else goes. False when there is none.
    ///
    /// # Errors
    /// When the table fails; what is left then is no longer served or listed.
    pub async fn delete_rest_api(&self, id: &RestApiId) -> Result<bool, StoreError> {
        let stages_gone = self
            .edit_rest_api(id, |definition| {
                definition.stages.clear();
                Ok::<_, std::convert::Infallible>(())
            })
            .await;
        match stages_gone {
            Ok(()) => {}
            Err(UpdateError::NotFound) => return Ok(false),
            Err(UpdateError::Rejected(never)) => match never {},
            Err(UpdateError::Store(error)) => return Err(error),
        }
        let deleted = until_decided!({
            let Some(item) = self.config_item(&keys::api(id)).await? else {
                return Ok(Attempt::Done(false));
            };
            let mut transaction = self.transaction();
            transaction.delete(&keys::api(id), item.version()?);
            Attempt::of(transaction.commit().await, true)
        })?;
        self.delete_deployments_of(id).await?;
        let left = self.partition(&keys::api_partition(id), "").await?;
        let left = left.iter().map(Item::key).collect::<Result<Vec<_>, _>>()?;
        self.batch_write(Vec::new(), &left).await?;
        Ok(deleted)
    }

    pub(crate) async fn stored_api(&self, id: &RestApiId) -> Result<Option<StoredApi>, StoreError> {
        StoredApi::read(&self.partition(&keys::api_partition(id), "").await?)
    }
}

/// The stage that an item keeps. Its version is that of its API when it last
/// changed.
fn stage(item: &Item) -> Result<Stage, StoreError> {
    Ok(Stage { version: item.version()?, ..item.data()? })
}

pub(crate) fn api_item(api: &RestApi) -> Result<Item, StoreError> {
    Ok(Item::new(&keys::api(&api.id), api)?.listed(list::APIS, list::place(api.created_date, api.id.as_str())))
}

/// A stage and a plan that has it.
pub(crate) type StagePlan = (String, UsagePlanId);
