//! A DynamoDB of no stack's.

use tokio::runtime::Runtime;

/// A DynamoDB in memory, for as long as this lives.
#[derive(Debug)]
pub struct Dynamodb {
    /// Its address.
    pub url: String,
    _runtime: Runtime,
}

impl Dynamodb {
    /// An empty one, on a free port.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port's address"));
        let database = dynoxide::Database::memory().expect("a database");
        runtime.spawn(dynoxide::server::serve_on(listener, database));
        Self { url, _runtime: runtime }
    }
}
