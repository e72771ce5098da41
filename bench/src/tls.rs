//! TLS before an HTTP server, by a certificate that a function is told to trust.

use std::io::{self, Write};
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::api::Error;

/// Where systems keep their root certificates: Debian and Ubuntu, Amazon Linux.
const SYSTEM_ROOTS: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Listens for as long as it lives.
pub(crate) struct TlsFront {
    pub(crate) url: String,
    /// Its certificate after those of the system, so that as many are read as on
    /// Lambda; what is spared is the folder that has them once more, one by one.
    roots: NamedTempFile,
    listening: JoinHandle<()>,
}

impl TlsFront {
    /// Hands what it is sent to the server at `url`, and back.
    pub(crate) async fn before(url: &str) -> Result<Self, Error> {
        let upstream = url.trim_start_matches("http://").to_owned();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)?;
        let mut roots = NamedTempFile::new()?;
        if let Some(system) = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read(path).ok()) {
            roots.write_all(&system)?;
        }
        roots.write_all(made.cert.pem().as_bytes())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                // Either side may hang up at any time.
                tokio::spawn(async move {
                    let _ = forward(acceptor, stream, &upstream).await;
                });
            }
        });
        Ok(Self { url, roots, listening })
    }

    /// Has a function trust it, and nobody that the system does not.
    pub(crate) fn trusted_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SSL_CERT_FILE", self.roots.path())
    }
}

async fn forward(acceptor: TlsAcceptor, stream: TcpStream, upstream: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut client = acceptor.accept(stream).await?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
