//! An emitter that answers handshakes byte for byte as a test says.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::Certificates;
use e2e::{WAIT_TIMEOUT, within};
use futures_util::SinkExt as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

/// What the emitter does with a handshake.
#[derive(Clone)]
pub enum Script {
    /// Responds with this.
    Respond(String),
    /// Accepts it, and then closes with this code and reason.
    Close(u16, &'static str),
    /// Accepts it, sends these frames, and then closes with this code and reason.
    SendAndClose(Vec<Message>, u16, &'static str),
    /// Accepts it, sends these frames, and keeps the connection.
    Send(Vec<Message>),
}

/// A recorded handshake.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The request with its headers.
    pub head: String,
    /// When it came.
    pub at: Instant,
}

/// A running emitter.
pub struct ScriptedEmitter {
    port: u16,
    script: Arc<Mutex<Script>>,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl ScriptedEmitter {
    /// Follows the script with each connection.
    pub async fn start(script: Script) -> Result<Self> {
        Self::with_tls(script, None).await
    }

    /// Speaks TLS, and requires a certificate of the same authority.
    pub async fn encrypted(script: Script, certificates: &Certificates) -> Result<Self> {
        Self::with_tls(script, Some(acceptor(certificates)?)).await
    }

    async fn with_tls(script: Script, tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let handshakes = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&handshakes);
        let script = Arc::new(Mutex::new(script));
        let current = Arc::clone(&script);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, tls, seen) = (locked(&current).clone(), tls.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    // Errors on the client's side do not concern the emitter.
                    let _ = match tls {
                        None => serve(stream, script, &seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, script, &seen).await,
                            Err(error) => Err(error.into()),
                        },
                    };
                });
            }
        });
        Ok(Self {
            port,
            script,
            handshakes,
            serving,
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// The handshakes so far.
    pub fn handshakes(&self) -> Vec<Handshake> {
        locked(&self.handshakes).clone()
    }

    /// Follows another script from the next connection on.
    pub fn follow(&self, script: Script) {
        *locked(&self.script) = script;
    }

    /// Waits until there have been this many handshakes.
    pub async fn wait_for(&self, count: usize) -> Result<Vec<Handshake>> {
        within(WAIT_TIMEOUT, &format!("{count} handshakes"), async || {
            let handshakes = self.handshakes();
            ensure!(handshakes.len() >= count, "{}", handshakes.len());
            Ok(handshakes)
        })
        .await
    }
}

impl Drop for ScriptedEmitter {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve<S>(mut stream: S, script: Script, seen: &Mutex<Vec<Handshake>>) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-Websocket-Key: "));
    let accept = derive_accept_key(key.context("no key")?.as_bytes());
    let handshake = Handshake {
        head,
        at: Instant::now(),
    };
    locked(seen).push(handshake);
    let accepted = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let (frames, close) = match script {
        Script::Respond(response) => {
            stream.write_all(response.as_bytes()).await?;
            stream.shutdown().await?;
            return Ok(());
        }
        Script::Close(code, reason) => (Vec::new(), Some((code, reason))),
        Script::SendAndClose(frames, code, reason) => (frames, Some((code, reason))),
        Script::Send(frames) => (frames, None),
    };
    stream.write_all(accepted.as_bytes()).await?;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    for frame in frames {
        socket.send(frame).await?;
    }
    if let Some((code, reason)) = close {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        socket.close(Some(frame)).await?;
    }
    // Until the client disconnects.
    while futures_util::StreamExt::next(&mut socket)
        .await
        .is_some_and(|message| message.is_ok())
    {}
    Ok(())
}

/// Shows the certificate, and requires one of the same authority.
pub fn acceptor(certificates: &Certificates) -> Result<TlsAcceptor> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&fs::read(
        certificates.authority(),
    )?)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build()?;
    let chain = vec![CertificateDer::from_pem_slice(&fs::read(
        certificates.certificate(),
    )?)?];
    let key = PrivateKeyDer::from_pem_slice(&fs::read(certificates.key())?)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
