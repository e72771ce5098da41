//! HTTP_PROXY through the local stack: answers stream, and certificates count.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use keyplan_tests::{Call, RestApi, Stack};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn http_proxy(uri: &str) -> Value {
    json!({
        "type": "HTTP_PROXY", "httpMethod": "ANY", "uri": uri,
        "requestParameters": {"integration.request.path.proxy": "method.request.path.proxy"},
    })
}

fn proxied<'s>(stack: &'s Stack, uri: &str) -> RestApi<'s> {
    let mut api = RestApi::create(stack, json!({}));
    let settings = json!({"requestParameters": {"method.request.path.proxy": true}});
    api.method("ANY", "/{proxy+}", settings, &http_proxy(uri));
    api.deploy("prod", &json!({}));
    api
}

/// A backend that sends the first half of its answer, and the other when it is told to.
fn halves() -> (SocketAddr, Sender<()>, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ((go_on, told), (head, got)) = (channel(), channel());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let read: Vec<String> = lines.by_ref().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        head.send(read.join("\n")).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        stream.write_all(b"5\r\nfirst\r\n").unwrap();
        told.recv().unwrap();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").unwrap();
    });
    (address, go_on, got)
}

#[test]
fn the_first_of_an_answer_arrives_before_its_last_is_sent() {
    let (address, go_on, head) = halves();
    let stack = Stack::start();
    let api = proxied(&stack, &format!("http://{address}/base/{{proxy}}"));
    let url = api.url("prod", "/a/b%20c?x=1");
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut client = TcpStream::connect(host).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(client, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut seen = Vec::new();
    let mut piece = [0; 1_024];
    while !seen.windows(5).any(|window| window == b"first") {
        let read = client.read(&mut piece).unwrap();
        assert!(read > 0, "the answer ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..read]);
    }
    assert!(head.recv().unwrap().starts_with("GET /base/a/b%20c?x=1 HTTP/1.1"));
    go_on.send(()).unwrap();
    client.read_to_end(&mut seen).unwrap();
    let answer = String::from_utf8(seen).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("second"), "{answer}");
}

#[test]
fn an_answer_that_breaks_off_does_not_end_as_if_it_were_whole() {
    let (address, go_on, _head) = halves();
    drop(go_on);
    let stack = Stack::start();
    let api = proxied(&stack, &format!("http://{address}/{{proxy}}"));
    let url = api.url("prod", "/a");
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut client = TcpStream::connect(host).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(client, "GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
    let mut seen = Vec::new();
    let _ = client.read_to_end(&mut seen);
    assert!(!seen.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&seen));
    assert_eq!(Call::get(stack.url("none", "prod", "/")).send().status, 403);
}

/// A backend with a certificate of `localhost` that nobody but its holder signed.
fn over_tls() -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve_over_tls(listener, TlsAcceptor::from(Arc::new(config))));
    });
    (address, made.cert.pem())
}

async fn serve_over_tls(listener: TcpListener, acceptor: TlsAcceptor) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        let mut request = [0; 4_096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsecure").await;
        let _ = stream.shutdown().await;
    }
}

#[test]
fn a_certificate_is_verified_by_name_and_by_who_signed_it() {
    let (address, certificate) = over_tls();
    let mut roots = NamedTempFile::new().unwrap();
    roots.write_all(certificate.as_bytes()).unwrap();
    let trusting = [("SSL_CERT_FILE", roots.path().to_str().unwrap())];
    let named = format!("https://localhost:{}/", address.port());
    let numbered = format!("https://127.0.0.1:{}/", address.port());
    let outcome = |stack: &Stack, uri: &str| {
        let answer = proxied(stack, uri).get("/x").send();
        (answer.status, answer.body)
    };
    let unreachable = (504, "{\"message\":\"Network error communicating with endpoint\"}".to_owned());
    let trusts = Stack::with_variables(&trusting, &[]);
    assert_eq!(outcome(&trusts, &named), (200, "secure".to_owned()));
    assert_eq!(outcome(&trusts, &numbered), unreachable);
    assert_eq!(outcome(&Stack::start(), &named), unreachable);
}
