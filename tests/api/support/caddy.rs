//! Caddy with the real Caddyfile, certificates of its own authority, and clients that reach it by TLS and keep their
//! connections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio_rustls::TlsConnector;

use super::{Answer, TestFolder, eventually};

/// The name that Caddy serves.
pub const SITE: &str = "api.repduel.com";

/// What may go wrong with a connection.
pub type Broken = Box<dyn std::error::Error + Send + Sync>;

/// Caddy in a process of its own; killed when dropped.
pub struct Caddy {
    /// Where it takes TLS.
    pub https: SocketAddr,
    /// Where it takes what is not encrypted.
    pub http: SocketAddr,
    backend: String,
    child: Option<Child>,
    folder: TestFolder,
}

/// What makes connections.
#[derive(Clone)]
pub struct Connector {
    tls: TlsConnector,
    address: SocketAddr,
}

impl Connector {
    /// A connection, encrypted and verified.
    pub async fn connect(&self) -> Result<Kept, Broken> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let stream = self.tls.connect(ServerName::try_from(SITE)?, stream).await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Kept(sender))
    }
}

/// A connection to Caddy that is kept.
pub struct Kept(SendRequest<Full<Bytes>>);

/// Caddy's program, from the machine or from where the Makefile unpacked it.
pub fn program() -> Command {
    let unpacked = concat!(env!("CARGO_MANIFEST_DIR"), "/.dev/tools/usr/bin/caddy");
    Command::new(if std::path::Path::new(unpacked).exists() { unpacked } else { "caddy" })
}

/// The real Caddyfile.
pub const CADDYFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Caddyfile");

async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

impl Caddy {
    /// Caddy in front of this server; answers when it serves.
    pub async fn start(backend: &str) -> Self {
        let (https, http) = (free_address().await, free_address().await);
        let mut caddy = Self { https, http, backend: backend.to_owned(), child: None, folder: TestFolder::new() };
        caddy.start_again().await;
        caddy
    }

    /// Starts it on the same ports; answers when it serves.
    pub async fn start_again(&mut self) {
        let mut command = program();
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        command.args(["run", "--config", CADDYFILE, "--adapter", "caddyfile"]).env_clear();
        command.env("HOME", self.folder.name()).env("XDG_DATA_HOME", self.folder.name());
        command.env("XDG_CONFIG_HOME", self.folder.name()).env("CADDY_ADMIN", "off");
        command.env("CADDY_HTTPS_PORT", self.https.port().to_string());
        command.env("CADDY_HTTP_PORT", self.http.port().to_string());
        command.env("CADDY_TLS_ISSUER", "internal").env("REPDUEL_BACKEND", &self.backend);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut command = tokio::process::Command::from(command);
        let child = command.kill_on_drop(true).spawn().expect("Caddy is there: `make test` installs it");
        self.child = Some(child);
        eventually("Caddy", async || self.connect().await.is_ok()).await;
    }

    /// Ends it without a chance to say anything.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("caddy/pki/authorities/local/root.crt")
    }

    /// What makes connections to it.
    ///
    /// # Errors
    /// While it has no certificate yet.
    pub fn connector(&self) -> Result<Connector, Broken> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.authority())?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
        Ok(Connector { tls, address: self.https })
    }

    /// A connection, encrypted and verified.
    pub async fn connect(&self) -> Result<Kept, Broken> {
        self.connector()?.connect().await
    }

    /// Sends one request on a connection of its own.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.connect().await.unwrap().send(method, path, headers, body).await.unwrap()
    }
}

impl Kept {
    /// Whether it can take another request.
    pub fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    /// Sends one request; `Err` if the connection breaks before the whole answer is there.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, Broken> {
        self.0.ready().await?;
        let mut request = hyper::Request::builder().method(method).uri(path).header("host", SITE);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.0.send_request(request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}
