use std::sync::Arc;

use keyplan_gateway::{Settings, lambda_client};
use keyplan_store::clock::SystemClock;
use keyplan_store::connect::Connection;
use keyplan_store::{Store, Tables};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// A data plane without any API.
struct DataPlane {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl DataPlane {
    async fn start() -> Self {
        let dynamodb = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = Connection::new(
            "us-east-1",
            Some(format!("http://{}", dynamodb.local_addr().unwrap())),
            aws_credential_types::Credentials::new("local", "local", None, None, "test"),
        );
        tokio::spawn(dynoxide::server::serve_on(dynamodb, dynoxide::Database::memory().unwrap()));
        let store = Store::new(connection.dynamodb(), Tables::default());
        store.create_tables().await.unwrap();
        let settings = Settings {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
            cache_ttl: Duration::from_secs(5),
            lease_cap: std::num::NonZeroU32::MIN,
            on_failure: Default::default(),
            retry_after: true,
            address_rule: keyplan_gateway::AddressRule::Any,
            rate_limit_headers: false,
            default_target: None,
        };
        let gateway = Gateway::new(settings, store, lambda_client(&connection, None), Arc::new(SystemClock));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, gateway, async {
            let _ = stopped.await;
        }));
        Self { address, stop, server }
    }

    /// Sends bytes, and nothing more, and gives the status of every answer.
    async fn statuses(&self, sent: &[u8]) -> Vec<u16> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        let received = String::from_utf8(received).unwrap();
        received.split("HTTP/1.").skip(1).map(|answer| answer[2..5].parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let request = b"GET /api/stage/path HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(DataPlane::start().await.statuses(&request.repeat(3)).await, [403, 403, 403]);
}

#[tokio::test]
async fn what_is_malformed_is_a_400_or_its_kin() {
    let data_plane = DataPlane::start().await;
    let head = |line: &str, headers: &str| format!("{line}\r\nHost: localhost\r\n{headers}\r\n");
    let long = "x".repeat(11_000);
    for (request, status) in [
        ("\0\u{1}nonsense\r\n\r\n".to_owned(), 400),
        (head("G@T / HTTP/1.1", ""), 400),
        (head("GET /\0 HTTP/1.1", ""), 400),
        (head("GET / HTTP/1.1", "no colon\r\n"), 400),
        (head("POST / HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2\r\n"), 400),
        (head("POST / HTTP/1.1", "Content-Length: 100\r\n") + "too little", 400),
        (head("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n") + "no number\r\n", 400),
        (head("GET / HTTP/1.1", &format!("x: {long}\r\n")), 413),
        (head("GET / HTTP/1.1", &"x: y\r\n".repeat(200)), 431),
        (head(&format!("GET /{} HTTP/1.1", "x".repeat(70_000)), ""), 414),
        (head("ABSURD /x HTTP/1.1", ""), 403),
        (head("OPTIONS * HTTP/1.1", ""), 403),
    ] {
        assert_eq!(data_plane.statuses(request.as_bytes()).await, [status], "{}", request.escape_debug());
    }
}

#[tokio::test]
async fn whoever_sends_too_large_a_body_still_reads_the_answer() {
    let data_plane = DataPlane::start().await;
    let bytes = MAX_BODY_BYTES + 1;
    let mut request = format!("POST /api/stage HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n").into_bytes();
    request.resize(request.len() + bytes, b'x');
    assert_eq!(data_plane.statuses(&request).await, [413]);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let data_plane = DataPlane::start().await;
    let _idle = TcpStream::connect(data_plane.address).await.unwrap();
    assert_eq!(data_plane.statuses(b"GET /a/b HTTP/1.1\r\nHost: x\r\n\r\n").await, [403]);
    data_plane.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), data_plane.server).await.unwrap().unwrap();
    assert!(TcpStream::connect(data_plane.address).await.is_err());
}
