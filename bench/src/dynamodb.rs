//! A DynamoDB for benchmarks, spoken to over HTTP like any other.

use std::io;

use aws_credential_types::Credentials;
use dynoxide::Database;
use keyplan_store::connect::Connection;
use keyplan_store::{Store, StoreError, Tables};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A database that is served until this is stopped.
pub(crate) struct Served {
    url: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(database: Database) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let end = async {
                let _ = stopped.await;
            };
            let _ = dynoxide::server::serve_with_shutdown(listener, database, end).await;
        });
        Ok(Self { url, stop, server })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A store over tables that are there.
    pub(crate) async fn store(&self) -> Result<Store, StoreError> {
        let store = store(&self.url);
        store.create_tables().await?;
        Ok(store)
    }

    /// Ends it; the file, if there is one, is closed soon after.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.server.await;
    }
}

/// A store over the tables at `url`, as every local stack takes them.
pub(crate) fn store(url: &str) -> Store {
    Store::new(connection(url).dynamodb(), Tables::default())
}

/// How every local stack connects.
pub(crate) fn connection(url: &str) -> Connection {
    Connection::new("us-east-1", Some(url.to_owned()), Credentials::new("local", "local", None, None, "bench"))
}

/// Has a function find the tables at `url`, as Lambda's environment would.
pub(crate) fn environment<'a>(command: &'a mut Command, url: &str) -> &'a mut Command {
    let Tables { config, usage } = Tables::default();
    command
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCOUNT_ID", "000000000000")
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_ENDPOINT_URL_DYNAMODB", url)
        .env("CONFIG_TABLE", config)
        .env("USAGE_TABLE", usage)
}
