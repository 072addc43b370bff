//! WebSocket clients of a gateway in a process of their own, so that their cost is measured separately. They
//! read a frame no further than to find its revision and the probes in it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use e2e::clients::connection;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hdrhistogram::Histogram;
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::probes;

type Socket = WebSocketStream<TcpStream>;

/// How many connections are made at once.
const CONNECTING: usize = 64;

/// Small, because there may be ten thousand clients.
const READ_BUFFER: usize = 16 * 1024;

/// How every delta begins, up to its revision.
const DELTA: &[u8] = br#"{"type":"delta","revision":"#;

/// The highest latency that is distinguished from higher ones, in microseconds.
const LONGEST: u64 = 600_000_000;

/// How long a slow client sleeps between two frames.
const NAP: Duration = Duration::from_secs(1);

/// The number and kinds of clients.
#[derive(Args)]
pub struct Flags {
    /// The gateway's WebSocket.
    #[arg(long)]
    url: String,

    /// The number of clients.
    #[arg(long)]
    clients: usize,

    /// The number of additional clients that read one frame per second.
    #[arg(long, default_value_t = 0)]
    slow: usize,
}

/// What the clients have received since the last request.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Watched {
    /// Frames, over all clients.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that were missing.
    pub gaps: u64,
    /// Clients whose connection has ended.
    pub lost: u64,
    /// Probes seen, over all clients.
    pub probes: u64,
    /// The median from sending to receiving, in milliseconds.
    pub p50: f64,
    /// The same.
    pub p99: f64,
    /// The same.
    pub p999: f64,
}

struct Tally {
    frames: u64,
    bytes: u64,
    gaps: u64,
    lost: u64,
    latencies: Histogram<u64>,
}

impl Tally {
    fn new() -> Result<Self> {
        Ok(Self {
            frames: 0,
            bytes: 0,
            gaps: 0,
            lost: 0,
            latencies: Histogram::new_with_max(LONGEST, 3)?,
        })
    }

    fn watched(&self) -> Watched {
        let millis = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e3;
        Watched {
            frames: self.frames,
            bytes: self.bytes,
            gaps: self.gaps,
            lost: self.lost,
            probes: self.latencies.len(),
            p50: millis(0.5),
            p99: millis(0.99),
            p999: millis(0.999),
        }
    }
}

/// Connects all clients and prints a line, and then answers each line with what they have received since the last.
pub async fn watch(flags: &Flags) -> Result<()> {
    let tally = Arc::new(Mutex::new(Tally::new()?));
    let url = flags.url.as_str();
    for _ in 0..flags.slow {
        tokio::spawn(read_slowly(connect(url, true).await?));
    }
    let connect = || async move { connect(url, false).await };
    let sockets: Vec<_> = stream::repeat_with(connect)
        .take(flags.clients)
        .buffer_unordered(CONNECTING)
        .try_collect()
        .await?;
    for socket in sockets {
        tokio::spawn(follow(socket, Arc::clone(&tally)));
    }
    print_line(&Watched::default())?;
    let mut questions = BufReader::new(stdin()).lines();
    while questions.next_line().await?.is_some() {
        let seen = std::mem::replace(&mut *lock(&tally), Tally::new()?);
        print_line(&seen.watched())?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the parent reads it there")]
fn print_line(watched: &Watched) -> Result<()> {
    println!("{}", serde_json::to_string(watched)?);
    Ok(())
}

/// A client that has its snapshot.
async fn connect(url: &str, narrow: bool) -> Result<Socket> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(None)
        .max_frame_size(None);
    let address: SocketAddr = url.trim_start_matches("ws://").trim_end_matches("/ws").parse()?;
    let stream = if narrow {
        connection::connect_narrow(address).await?
    } else {
        TcpStream::connect(address).await?
    };
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async_with_config(url, stream, Some(config))
        .await
        .with_context(|| url.to_owned())?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(part))) if connection::remaining(&part)? == 0 => return Ok(socket),
            Some(Ok(Message::Text(_))) => {}
            other => bail!("no snapshot but {other:?}"),
        }
    }
}

async fn follow(mut socket: Socket, tally: Arc<Mutex<Tally>>) {
    let touched = Finder::new(probes::TOUCHED);
    let mut last = None;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let (frame, now) = (text.as_bytes(), micros_now());
        let revision = revision(frame);
        let mut tally = lock(&tally);
        tally.frames += 1;
        tally.bytes += frame.len() as u64;
        if let (Some(last), Some(revision)) = (last, revision) {
            tally.gaps += u64::from(revision != last + 1);
        }
        last = revision;
        for place in touched.find_iter(frame) {
            if let Some(sent_at) = probes::sent_at(&frame[place..]) {
                // Higher latencies count as the highest.
                tally
                    .latencies
                    .saturating_record(now.saturating_sub(sent_at * 1_000));
            }
        }
    }
    lock(&tally).lost += 1;
}

/// A client that reads much less than it is sent.
async fn read_slowly(mut socket: Socket) {
    while let Some(Ok(_)) = socket.next().await {
        sleep(NAP).await;
    }
}

/// A delta's revision; a snapshot has none, so the delta after it follows no other.
fn revision(frame: &[u8]) -> Option<u64> {
    probes::leading_number(frame.strip_prefix(DELTA)?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of the processes knows no microseconds"
)]
fn micros_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_of_a_delta() {
        assert_eq!(revision(br#"{"type":"delta","revision":17,"now":1}"#), Some(17));
        assert_eq!(revision(br#"{"type":"snapshot","revision":17,"now":1}"#), None);
    }
}
