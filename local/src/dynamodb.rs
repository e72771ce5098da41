//! The embedded DynamoDB: dynoxide, on SQLite, in memory or in a file.

mod expiry;
mod file;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use keyplan_store::Tables;
use keyplan_store::clock::Clock;
use tokio::net::TcpListener;

use file::DataFile;
pub(crate) use file::FileError;

/// A DynamoDB of this process's own; cheap to clone.
#[derive(Clone)]
pub(crate) struct Embedded {
    database: Database,
    /// Held as long as the database is: it keeps other processes away.
    _file: Option<Arc<DataFile>>,
}

impl Embedded {
    /// One that is gone when the process ends.
    pub(crate) fn in_memory() -> Result<Self, FileError> {
        let database = Database::memory().map_err(FileError::InMemory)?;
        Ok(Self { database, _file: None })
    }

    /// One that keeps everything in the file at `path`, which is made if absent.
    pub(crate) fn in_file(path: &Path) -> Result<Self, FileError> {
        let (file, database) = DataFile::open(path)?;
        Ok(Self { database, _file: Some(Arc::new(file)) })
    }

    /// Answers DynamoDB's API on `listener` until `shutdown`.
    pub(crate) async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) {
        if let Err(error) = dynoxide::server::serve_with_shutdown(listener, self.database, shutdown).await {
            tracing::error!(error, "the embedded DynamoDB stopped");
        }
    }

    /// Deletes what `clock` says has expired, for ever.
    pub(crate) async fn sweep_at_intervals(self, tables: Tables, clock: Arc<dyn Clock>) {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            self.sweep(&tables, &*clock).await;
        }
    }

    /// Deletes what has expired by now. DynamoDB itself takes up to days; whoever
    /// reads takes expired items for absent.
    pub(crate) async fn sweep(&self, tables: &Tables, clock: &dyn Clock) {
        let (database, tables, now) = (self.database.clone(), tables.clone(), clock.now());
        let sweep = tokio::task::spawn_blocking(move || {
            for table in [&tables.config, &tables.usage] {
                match expiry::sweep(&database, table, now) {
                    Ok(0) => {}
                    Ok(deleted) => tracing::debug!(table, deleted, "expired items deleted"),
                    Err(error) => tracing::warn!(table, %error, "expired items were not deleted"),
                }
            }
        });
        // A panic of the database is all that can have gone wrong.
        if sweep.await.is_err() {
            tracing::error!("deleting expired items failed");
        }
    }
}

const SWEEP_INTERVAL: Duration = Duration::from_secs(10 * 60);
