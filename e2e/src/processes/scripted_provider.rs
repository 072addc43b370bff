//! An identification service whose responses and connections a test scripts byte for byte.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

/// After how long an unanswered connection attempt shows that further ones are dropped.
const UNANSWERED: Duration = Duration::from_millis(300);

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The reply to a call.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These bytes: status line, headers and body.
    Bytes(Vec<u8>),
    /// These bytes, and the end of the connection.
    BytesThenClose(Vec<u8>),
    /// Nothing, with the connection open.
    Silence,
    /// A reset of the connection.
    Reset,
}

impl Reply {
    /// A status with headers, each ending in a line break, and a body.
    #[must_use]
    pub fn new(status: u16, headers: &str, body: &[u8]) -> Self {
        if status == 204 {
            return Self::Bytes(format!("HTTP/1.1 204 No Content\r\n{headers}\r\n").into_bytes());
        }
        let head = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        Self::Bytes([head.as_bytes(), body].concat())
    }

    /// 200 with JSON.
    #[must_use]
    pub fn json(body: &str) -> Self {
        Self::new(200, "content-type: application/json\r\n", body.as_bytes())
    }
}

#[derive(Debug, Default)]
struct State {
    replies: HashMap<String, Reply>,
    calls: HashMap<String, Vec<Instant>>,
}

/// The service. It ends when it is dropped.
#[derive(Debug)]
pub struct ScriptedProvider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    door: Option<Door>,
    serving: Option<AbortHandle>,
}

/// Its socket, before it serves.
#[derive(Debug)]
enum Door {
    /// Bound and not listened on: connections are refused.
    Refusing(TcpSocket),
    /// Listened on, with a full backlog: attempts to connect are not answered.
    Stalled(TcpListener, Vec<TcpStream>),
}

impl ScriptedProvider {
    /// Listens on a free port and serves.
    ///
    /// # Errors
    /// Fails if there is none.
    pub fn start() -> Result<Self> {
        let mut provider = Self::start_refusing()?;
        provider.serve()?;
        Ok(provider)
    }

    /// Refuses connections, until [`ScriptedProvider::serve`].
    ///
    /// # Errors
    /// Fails if there is no free port.
    pub fn start_refusing() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self {
            address: socket.local_addr()?,
            state: Arc::default(),
            door: Some(Door::Refusing(socket)),
            serving: None,
        })
    }

    /// Does not answer attempts to connect, until [`ScriptedProvider::serve`].
    ///
    /// # Errors
    /// Fails if there is no free port.
    pub async fn start_stalled() -> Result<Self> {
        let mut provider = Self::start_refusing()?;
        if let Some(Door::Refusing(socket)) = provider.door.take() {
            let listener = socket.listen(1)?;
            let mut filling = Vec::new();
            while let Ok(stream) = timeout(UNANSWERED, TcpStream::connect(provider.address)).await {
                filling.push(stream?);
            }
            provider.door = Some(Door::Stalled(listener, filling));
        }
        Ok(provider)
    }

    /// Begins to accept connections.
    ///
    /// # Errors
    /// Fails if it cannot listen.
    pub fn serve(&mut self) -> Result<()> {
        let listener = match self.door.take() {
            None => return Ok(()),
            Some(Door::Refusing(socket)) => socket.listen(BACKLOG)?,
            Some(Door::Stalled(listener, filling)) => {
                drop(filling);
                listener
            }
        };
        let state = Arc::clone(&self.state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    // The test does not depend on clients that disconnect.
                    drop(serve(stream, &state).await);
                });
            }
        });
        self.serving = Some(serving.abort_handle());
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the reply to calls for an address. Without one, the reply is 404.
    pub fn reply(&self, ip: &str, reply: Reply) {
        self.state().replies.insert(ip.to_owned(), reply);
    }

    /// When calls for an address came.
    #[must_use]
    pub fn calls(&self, ip: &str) -> Vec<Instant> {
        self.state().calls.get(ip).cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the calls of one connection.
async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> Result<()> {
    let mut read = Vec::new();
    loop {
        let Some(ip) = question(&mut stream, &mut read).await? else {
            return Ok(());
        };
        let reply = {
            let mut state = locked(state);
            state.calls.entry(ip.clone()).or_default().push(Instant::now());
            state.replies.get(&ip).cloned()
        };
        match reply.unwrap_or_else(|| Reply::new(404, "", b"")) {
            Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
            Reply::BytesThenClose(bytes) => return Ok(stream.write_all(&bytes).await?),
            Reply::Silence => std::future::pending::<()>().await,
            Reply::Reset => return Ok(stream.set_zero_linger()?),
        }
    }
}

/// Reads the next request. Returns the address that it asks about: `ip` of the body's JSON, or else the last part of the path.
async fn question(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<Option<String>> {
    loop {
        if let Some(head_end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..head_end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(Ok(0), |length| length.trim().parse::<usize>())?;
            let end = head_end + 4 + length;
            if read.len() >= end {
                let body: serde_json::Value =
                    serde_json::from_slice(&read[head_end + 4..end]).unwrap_or_default();
                let path = head.split_whitespace().nth(1).unwrap_or_default();
                let last = path.rsplit('/').next().unwrap_or_default();
                let ip = body["ip"].as_str().unwrap_or(last).to_owned();
                read.drain(..end);
                return Ok(Some(ip));
            }
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}
