//! Deployments: immutable, compressed snapshots of an API.
//!
//! Chunks go first, under an id that nothing names yet; the deployment's own
//! item, the stage that is pointed at it and the API's version then go in one
//! transaction, on condition that the API still is what was frozen.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use keyplan_domain::api::{Deployment, RestApiDefinition, Snapshot, SnapshotError};
use keyplan_domain::id::RestApiId;

use crate::item::{Item, attribute};
use crate::keys::{self, list};
use crate::race::{Attempt, until_decided};
use crate::transaction::Expect;
use crate::{Page, PageRequest, Store, StoreError, UpdateError};

/// Bytes of a chunk: an item holds 400 kB, keys and names included.
const CHUNK_BYTES: usize = 380_000;
/// Bytes that a snapshot may have when it is unpacked.
const MAX_SNAPSHOT_BYTES: u64 = 64 * 1024 * 1024;
const BYTES: &str = "bytes";
const CHUNKS: &str = "chunks";

/// Why an API was not deployed; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError<E> {
    /// There is no such API.
    #[error("no such API")]
    NotFound,
    /// The API cannot be deployed as it is.
    #[error(transparent)]
    Invalid(#[from] SnapshotError),
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
        until_decided!({
            let stored = self.stored_api(api).await?.ok_or(DeployError::NotFound)?;
            let snapshot = stored.definition.snapshot();
            snapshot.validate()?;
            let mut after = stored.definition.clone();
            publish(&mut after).map_err(DeployError::Rejected)?;
            let chunks = pack(&snapshot)?;
            let count = chunks.len();
            let mut items = Vec::new();
            for (number, chunk) in chunks.into_iter().enumerate() {
                let bytes = aws_sdk_dynamodb::types::AttributeValue::B(chunk.into());
                items.push(Item::new(&keys::chunk(api, &deployment.id, number), &())?.with(BYTES, bytes));
            }
            self.batch_write(items, &[]).await?;
            let meta = meta_item(api, deployment, count)?;
            Ok(self.write_changes(&stored, &after, vec![meta]).await?)
        })
    }

    /// A deployment by its id.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn deployment(&self, api: &RestApiId, id: &str) -> Result<Option<Deployment>, StoreError> {
        self.config_item(&keys::deployment(api, id)).await?.map(|item| item.data()).transpose()
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
            let item = self.config_item(&keys::deployment(api, id)).await?.ok_or(UpdateError::NotFound)?;
            let mut deployment: Deployment = item.data()?;
            edit(&mut deployment).map_err(UpdateError::Rejected)?;
            let chunks = usize::try_from(item.counter(CHUNKS)?).unwrap_or(usize::MAX);
            let mut transaction = self.transaction();
            transaction.put(meta_item(api, &deployment, chunks)?, Expect::Version(item.version()?));
            Ok(Attempt::of(transaction.commit().await, deployment)?)
        })
    }

    /// Deletes a deployment that no stage points at.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn delete_deployment(&self, api: &RestApiId, id: &str) -> Result<DeleteDeployment, StoreError> {
        let outcome = until_decided!({
            let Some(stored) = self.stored_api(api).await? else {
                return Ok(Attempt::Done(DeleteDeployment::NotFound));
            };
            let at = keys::deployment(api, id);
            let Some(item) = self.config_item(&at).await? else {
                return Ok(Attempt::Done(DeleteDeployment::NotFound));
            };
            if stored.definition.stages.values().any(|stage| stage.deployment_id == id) {
                return Ok(Attempt::Done(DeleteDeployment::InUse));
            }
            let mut transaction = self.transaction();
            transaction.raise(&keys::api(api), attribute::VERSION, stored.version);
            transaction.delete(&at, item.version()?);
            Attempt::of(transaction.commit().await, DeleteDeployment::Deleted)
        })?;
        if outcome == DeleteDeployment::Deleted {
            self.delete_partition(&keys::deployment_partition(api, id)).await?;
        }
        Ok(outcome)
    }

    /// What a deployment froze: one Query, of an item or a few.
    ///
    /// # Errors
    /// When the table fails or a chunk is missing.
    pub async fn snapshot(&self, api: &RestApiId, id: &str) -> Result<Option<Snapshot>, StoreError> {
        let items = self.partition(&keys::deployment_partition(api, id), "").await?;
        let mut packed = Vec::new();
        let mut chunks = 0;
        let mut expected = None;
        for item in &items {
            if item.text(attribute::SK)?.starts_with(keys::CHUNK) {
                packed.extend_from_slice(item.bytes(BYTES)?);
                chunks += 1;
            } else {
                expected = Some(item.counter(CHUNKS)?);
            }
        }
        match expected {
            None => Ok(None),
            Some(expected) if expected == chunks => unpack(&packed).map(Some),
            Some(expected) => Err(corrupt(format!("{chunks} chunks of {expected}"))),
        }
    }

    /// Deletes all deployments of an API that is gone.
    pub(crate) async fn delete_deployments_of(&self, api: &RestApiId) -> Result<(), StoreError> {
        let mut request = PageRequest { limit: 100, position: None };
        loop {
            let page = self.deployments(api, &request).await?;
            for deployment in page.items {
                self.delete_partition(&keys::deployment_partition(api, &deployment.id)).await?;
            }
            request.position = page.position;
            if request.position.is_none() {
                return Ok(());
            }
        }
    }

    async fn delete_partition(&self, pk: &str) -> Result<(), StoreError> {
        let items = self.partition(pk, "").await?;
        let keys = items.iter().map(Item::key).collect::<Result<Vec<_>, _>>()?;
        self.batch_write(Vec::new(), &keys).await
    }
}

fn meta_item(api: &RestApiId, deployment: &Deployment, chunks: usize) -> Result<Item, StoreError> {
    let place = list::place(deployment.created_date, &deployment.id);
    Ok(Item::new(&keys::deployment(api, &deployment.id), deployment)?
        .listed(list::deployments(api), place)
        .with_number(CHUNKS, chunks))
}

fn pack(snapshot: &Snapshot) -> Result<Vec<Vec<u8>>, StoreError> {
    let unpackable = |error: &dyn std::error::Error| corrupt(error.to_string());
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let json = serde_json::to_vec(snapshot).map_err(|error| unpackable(&error))?;
    let packed = encoder.write_all(&json).and_then(|()| encoder.finish()).map_err(|error| unpackable(&error))?;
    Ok(packed.chunks(CHUNK_BYTES).map(<[u8]>::to_vec).collect())
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
