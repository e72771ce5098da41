//! Deployments: immutable, compressed snapshots of an API.
//!
//! Chunks go first, as `rest_api::ahead` says; the deployment's own item, which
//! says which chunks are its, the stage that is pointed at it and the API's version
//! then go in one transaction, on condition that the API still is what was frozen.
//! A deletion takes the deployment's own item away and leaves the chunks as those
//! of an attempt that failed.

use std::io::{Read, Write};
use std::num::NonZeroUsize;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use keyplan_domain::api::{Deployment, RestApiDefinition, Snapshot, SnapshotError};
use keyplan_domain::id::RestApiId;

use crate::item::{Item, attribute};
use crate::keys::{self, list};
use crate::race::{Attempt, until_decided};
use crate::rest_api::{Ahead, Published};
use crate::transaction::Expect;
use crate::{Page, PageRequest, Store, StoreError, UpdateError};

/// Bytes of a chunk: an item holds 400 kB, keys and names included.
const CHUNK_BYTES: usize = 380_000;
/// Chunks in one transaction: each takes most of what a partition takes in a second.
const CHUNKS_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN;
/// Bytes that a snapshot may have when it is unpacked.
const MAX_SNAPSHOT_BYTES: u64 = 64 * 1024 * 1024;
const BYTES: &str = "bytes";
/// How many chunks a deployment has.
const CHUNKS: &str = "chunks";
/// Which attempt wrote them.
const ATTEMPT: &str = "attempt";

/// Why an API was not deployed; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError<E> {
    /// There is no such API.
    #[error("no such API")]
    NotFound,
    /// The API cannot be deployed as it is.
    #[error(transparent)]
    Invalid(#[from] SnapshotError),
    /// The API is larger than what can be deployed.
    #[error("the API has more than {MAX_SNAPSHOT_BYTES} bytes")]
    TooLarge,
    /// What should be published with it was refused.
    #[error("the deployment was refused")]
    Rejected(E),
    /// The tables failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of deleting a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteDeployment {
    /// It is gone.
    Deleted,
    /// There was none.
    NotFound,
    /// A stage points at it.
    InUse,
}

impl Store {
    /// Freezes an API as it stands and publishes it with the edit `publish`,
    /// which points a stage at it, or does nothing.
    ///
    /// # Errors
    /// [`DeployError`]; nothing has changed then.
    pub async fn create_deployment<E>(
        &self,
        api: &RestApiId,
        deployment: &Deployment,
        mut publish: impl FnMut(&mut RestApiDefinition) -> Result<(), E>,
    ) -> Result<(), DeployError<E>> {
        let _turn = self.inner.turns.take(api).await;
        until_decided!({
            let stored = self.stored_api(api).await?.ok_or(DeployError::NotFound)?;
            let snapshot = stored.definition().snapshot();
            snapshot.validate()?;
            let mut after = stored.definition().clone();
            publish(&mut after).map_err(DeployError::Rejected)?;
            let packed = pack(&snapshot)?.ok_or(DeployError::TooLarge)?;
            let attempt = Ahead::new_id();
            let mut items = Vec::new();
            for (number, chunk) in packed.chunks(CHUNK_BYTES).enumerate() {
                let bytes = aws_sdk_dynamodb::types::AttributeValue::B(chunk.to_vec().into());
                items.push(Item::new(&keys::chunk(api, &deployment.id, &attempt, number), &())?.with(BYTES, bytes));
            }
            let meta = meta_item(api, deployment, items.len(), Some(attempt.clone()))?;
            let ahead = chunks_of(api, &deployment.id, stored.version, attempt);
            if let Attempt::Again = self.write_ahead(&ahead, items, CHUNKS_AT_ONCE).await? {
                return Ok(Attempt::Again);
            }
            let published = Published { deployment: meta, chunks: &ahead };
            let written = self.write_changes(&stored, after, Some(published)).await?;
            if let Attempt::Again = written {
                self.discard_if_possible(&ahead).await;
            }
            Ok(written)
        })
    }

    /// A deployment by its id.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn deployment(&self, api: &RestApiId, id: &str) -> Result<Option<Deployment>, StoreError> {
        self.item_below(api, &keys::deployment(api, id)).await?.map(|item| item.data()).transpose()
    }

    /// A page of an API's deployments, newest first.
    ///
    /// # Errors
    /// When the table fails or the position is none.
    pub async fn deployments(&self, api: &RestApiId, request: &PageRequest) -> Result<Page<Deployment>, StoreError> {
        self.page(&list::deployments(api), request, |id| keys::deployment(api, id), Item::data).await
    }

    /// Edits a deployment's description; the snapshot stays as it is.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing has changed then.
    pub async fn update_deployment<E>(
        &self,
        api: &RestApiId,
        id: &str,
        mut edit: impl FnMut(&mut Deployment) -> Result<(), E>,
    ) -> Result<Deployment, UpdateError<E>> {
        until_decided!({
            let item = self.item_below(api, &keys::deployment(api, id)).await?.ok_or(UpdateError::NotFound)?;
            let mut deployment: Deployment = item.data()?;
            edit(&mut deployment).map_err(UpdateError::Rejected)?;
            let chunks = usize::try_from(item.counter(CHUNKS)?).unwrap_or(usize::MAX);
            let mut transaction = self.transaction();
            transaction
                .put(meta_item(api, &deployment, chunks, item.text_if_any(ATTEMPT))?, Expect::Version(item.version()?));
            Ok(Attempt::of(transaction.commit().await, deployment)?)
        })
    }

    /// Deletes a deployment that no stage points at.
    ///
    /// # Errors
    /// When the table fails; nothing has changed then.
    pub async fn delete_deployment(&self, api: &RestApiId, id: &str) -> Result<DeleteDeployment, StoreError> {
        let _turn = self.inner.turns.take(api).await;
        until_decided!({
            let Some(stored) = self.stored_api(api).await? else {
                return Ok(Attempt::Done(DeleteDeployment::NotFound));
            };
            // Of this very deployment, when it is deleted again.
            self.discard_left_over(&stored).await;
            let at = keys::deployment(api, id);
            let Some(item) = self.config_item(&at).await? else {
                return Ok(Attempt::Done(DeleteDeployment::NotFound));
            };
            if stored.definition().stages.values().any(|stage| stage.deployment_id == id) {
                return Ok(Attempt::Done(DeleteDeployment::InUse));
            }
            let mut transaction = self.transaction();
            transaction.raise(&keys::api(api), attribute::VERSION, stored.version);
            transaction.delete(&at, item.version()?);
            let attempt = item.text_if_any(ATTEMPT).unwrap_or_default();
            let chunks = chunks_of(api, id, stored.version, attempt);
            chunks.put(&mut transaction)?;
            let deleted = Attempt::of(transaction.commit().await, DeleteDeployment::Deleted)?;
            if let Attempt::Done(_) = deleted {
                self.discard_if_possible(&chunks).await;
            }
            Ok(deleted)
        })
    }

    /// What a deployment froze: one Query, of an item or a few.
    ///
    /// # Errors
    /// When the table fails or a chunk is missing.
    pub async fn snapshot(&self, api: &RestApiId, id: &str) -> Result<Option<Snapshot>, StoreError> {
        let items = self.partition(&keys::deployment_partition(api, id), "").await?;
        let at = keys::deployment(api, id);
        let Some(meta) = items.iter().find(|item| item.text(attribute::SK).is_ok_and(|sk| sk == at.sk)) else {
            return Ok(None);
        };
        let prefix = chunk_prefix(&meta.text_if_any(ATTEMPT).unwrap_or_default());
        let mut packed = Vec::new();
        let mut chunks = 0;
        for item in &items {
            if item.text(attribute::SK)?.starts_with(&prefix) {
                packed.extend_from_slice(item.bytes(BYTES)?);
                chunks += 1;
            }
        }
        let expected = meta.counter(CHUNKS)?;
        if expected != chunks {
            return Err(corrupt(format!("{chunks} chunks of {expected}")));
        }
        unpack(&packed).map(Some)
    }

    /// Deletes all deployments of an API that is gone.
    pub(crate) async fn delete_deployments_of(&self, api: &RestApiId) -> Result<(), StoreError> {
        let mut request = PageRequest { limit: 100, position: None };
        loop {
            let page = self.deployments(api, &request).await?;
            for deployment in page.items {
                self.delete_items(&keys::deployment_partition(api, &deployment.id), keys::CHUNK).await?;
                // Last, since it is what the list shows.
                self.batch_write(Vec::new(), &[keys::deployment(api, &deployment.id)]).await?;
            }
            request.position = page.position;
            if request.position.is_none() {
                return Ok(());
            }
        }
    }
}

fn meta_item(
    api: &RestApiId,
    deployment: &Deployment,
    chunks: usize,
    attempt: Option<String>,
) -> Result<Item, StoreError> {
    let place = list::place(deployment.created_date, &deployment.id);
    let item = Item::new(&keys::deployment(api, &deployment.id), deployment)?
        .listed(list::deployments(api), place)
        .with_number(CHUNKS, chunks);
    Ok(match attempt {
        Some(attempt) => item.with_text(ATTEMPT, attempt),
        None => item,
    })
}

/// What the sort keys of an attempt's chunks begin with; before attempts had names,
/// a deployment had no others.
fn chunk_prefix(attempt: &str) -> String {
    if attempt.is_empty() { keys::CHUNK.to_owned() } else { keys::chunks(attempt) }
}

/// The record of an attempt's chunks.
fn chunks_of(api: &RestApiId, deployment: &str, version: u64, attempt: String) -> Ahead {
    let prefix = chunk_prefix(&attempt);
    let id = format!("{deployment}#{attempt}");
    Ahead::new(api, version, id, keys::deployment_partition(api, deployment), prefix)
}

/// `None`: it is too large to be unpacked again.
fn pack(snapshot: &Snapshot) -> Result<Option<Vec<u8>>, StoreError> {
    let unpackable = |error: &dyn std::error::Error| corrupt(error.to_string());
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let json = serde_json::to_vec(snapshot).map_err(|error| unpackable(&error))?;
    if u64::try_from(json.len()).is_ok_and(|bytes| bytes > MAX_SNAPSHOT_BYTES) {
        return Ok(None);
    }
    encoder.write_all(&json).and_then(|()| encoder.finish()).map(Some).map_err(|error| unpackable(&error))
}

fn unpack(packed: &[u8]) -> Result<Snapshot, StoreError> {
    let mut json = Vec::new();
    DeflateDecoder::new(packed)
        .take(MAX_SNAPSHOT_BYTES)
        .read_to_end(&mut json)
        .map_err(|error| corrupt(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| corrupt(error.to_string()))
}

fn corrupt(detail: String) -> StoreError {
    StoreError::Corrupt { what: "of a deployment", detail }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use keyplan_domain::api::{Method, Resource, RestApi};
    use keyplan_domain::time::Timestamp;

    use super::*;

    /// Of one method with a text of so many bytes.
    fn snapshot(bytes: usize) -> Snapshot {
        let method = Method { operation_name: Some(" ".repeat(bytes)), ..Method::new("GET") };
        Snapshot {
            api: RestApi::new(RestApiId::new("api"), "pets", "root", Timestamp::default()),
            resources: vec![Resource { id: "root".into(), parent_id: None, path_part: None, path: "/".into() }],
            methods: BTreeMap::from([("root".into(), BTreeMap::from([("GET".into(), method)]))]),
            authorizers: BTreeMap::new(),
            models: BTreeMap::new(),
            request_validators: BTreeMap::new(),
            gateway_responses: Vec::new(),
        }
    }

    /// An API has no limit of its own: its items, of 400 kB each, add up.
    #[test]
    fn what_cannot_be_unpacked_is_not_packed() {
        let small = snapshot(1_000_000);
        assert_eq!(unpack(&pack(&small).unwrap().unwrap()).unwrap(), small);
        assert_eq!(pack(&snapshot(64 * 1024 * 1024)).unwrap(), None);
    }
}
