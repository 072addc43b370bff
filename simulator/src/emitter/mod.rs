//! The `SessionsEmitter`: a WebSocket server that sends the same events to all clients and ignores their messages.

mod broadcast;
mod client;
mod frame;
mod handshake;
mod lively;
mod play;
mod record;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

pub use frame::ProtocolError;
pub(crate) use frame::put_text_header;
pub use lively::{Lively, LivelyError};
pub use record::{EmitterStats, SentEvent, Tally};

use crate::{event::Event, listener::Listener, malformed, schedule::Schedule, world::World};
use broadcast::Broadcast;

/// The configuration of an emitter.
#[derive(Clone, Debug)]
pub struct EmitterConfig {
    /// The address to listen on. The default is a free port of 127.0.0.1.
    pub listen: SocketAddr,
    /// Seed of the [`World`] that a lively site's visitors are from. The Deanonymizer's should be the same.
    pub seed: u64,
    /// Seed of the arrivals at a simulated site. Two emitters with the same seed send the same GUIDs, so a pipeline that
    /// remembers closed sessions ignores those of the second one.
    pub course: u64,
    /// A site to simulate; `None`, the default, for an emitter that sends only what a test sends.
    pub lively: Option<Lively>,
    /// Whether to remember each event that is sent, for [`Emitter::sent`]. Off by default.
    pub record: bool,
    /// How many bytes may wait for one client before it is disconnected. 64 MiB by default.
    pub client_buffer: usize,
}

impl Default for EmitterConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            seed: 0,
            course: 0,
            lively: None,
            record: false,
            client_buffer: 64 << 20,
        }
    }
}

/// The clients that were waited for did not come, or go, in time.
#[derive(Debug, thiserror::Error)]
#[error("the emitter has {connected} clients, not {expected}, after {within:?}")]
pub struct WaitError {
    expected: usize,
    connected: usize,
    within: Duration,
}

/// A running emitter. It ends when it is dropped.
///
/// Events go to the clients that are connected at that moment, in the order of the calls; nothing is kept for later clients.
pub struct Emitter {
    listener: Arc<Listener>,
    broadcast: Arc<Broadcast>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Emitter {
    /// Binds and starts. Must be called in a Tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub fn start(config: EmitterConfig) -> io::Result<Self> {
        let broadcast = Arc::new(Broadcast::new(config.client_buffer, config.record));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let serve = {
            let (broadcast, tasks, stop) = (broadcast.clone(), tasks.clone(), stop.clone());
            move |stream| handshake::serve(stream, broadcast.clone(), tasks.clone(), stop.clone())
        };
        let listener = Arc::new(Listener::open(config.listen, tasks.clone(), stop.clone(), serve)?);
        if let Some(lively) = config.lively {
            let schedule = Schedule::new(World::new(config.seed), config.course, &lively);
            let play = play::play(schedule, config.course, broadcast.clone(), listener.clone());
            tasks.spawn(stop.clone().run_until_cancelled_owned(play));
        }
        Ok(Self {
            listener,
            broadcast,
            tasks,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// The address on which it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// The URL for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.addr())
    }

    /// Sends an event.
    pub fn send(&self, event: &Event) {
        self.send_all(std::slice::from_ref(event));
    }

    /// Sends many events, each as a frame of its own, with few writes.
    pub fn send_all(&self, events: &[Event]) {
        self.broadcast.send_events(events);
    }

    /// Sends any text as a frame.
    pub fn send_text(&self, text: &str) {
        self.broadcast
            .send_bytes(&frame::text(text.as_bytes()), Tally::other());
    }

    /// Sends any bytes as a binary frame.
    pub fn send_binary(&self, bytes: &[u8]) {
        self.broadcast.send_bytes(&frame::binary(bytes), Tally::other());
    }

    /// Sends a frame of a megabyte, of valid JSON that is not an event.
    pub fn megabyte_frame(&self) {
        self.send_text(&malformed::megabyte());
    }

    /// Breaks the WebSocket protocol. The connection is left open: the clients must close it.
    pub fn protocol_error(&self, error: ProtocolError) {
        self.broadcast.send_bytes(&error.bytes(), Tally::other());
    }

    /// Sends encoded frames. They are counted as given, and not recorded.
    pub(crate) fn send_frames(&self, frames: &Bytes, tally: Tally) {
        self.broadcast.send_bytes(frames, tally);
    }

    /// Closes all connections with a close frame, after what has been sent before.
    pub fn close_all(&self) {
        self.broadcast.close_all();
    }

    /// Resets all connections, without a close frame; what has not gone out yet is lost.
    pub fn drop_all(&self) {
        self.broadcast.drop_all();
    }

    /// Starts or stops refusing new connections; in force when it returns. Existing connections stay open, so close or
    /// drop them too to make the whole emitter unreachable. The port stays reserved meanwhile.
    ///
    /// # Errors
    /// If the port cannot be listened on again.
    pub async fn refuse(&self, refuse: bool) -> io::Result<()> {
        self.listener.refuse(refuse).await
    }

    /// Starts or stops being silent: connections stay open and are accepted, but nothing is read or answered, not even
    /// pings, and what is sent goes nowhere (and is not recorded).
    pub fn silence(&self, silent: bool) {
        self.broadcast.silence(silent);
    }

    /// How many clients are connected.
    #[must_use]
    pub fn clients(&self) -> usize {
        *self.broadcast.count().borrow()
    }

    /// Waits until exactly this number of clients is connected.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_clients(&self, expected: usize, within: Duration) -> Result<(), WaitError> {
        let mut count = self.broadcast.count();
        let reached = tokio::time::timeout(within, count.wait_for(|count| *count == expected)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(WaitError {
                expected,
                connected: self.clients(),
                within,
            }),
        }
    }

    /// How many bytes wait for the slowest client.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.broadcast.backlog()
    }

    /// The events sent so far, in order, if the configuration asks for a record.
    #[must_use]
    pub fn sent(&self) -> Vec<SentEvent> {
        self.broadcast.sent()
    }

    /// The events sent since this was last asked, in order; they are forgotten here. For runs too long to keep all.
    #[must_use]
    pub fn take_sent(&self) -> Vec<SentEvent> {
        self.broadcast.take_sent()
    }

    /// The counts of what has been sent so far. The same as `GET /stats` on the emitter's port.
    #[must_use]
    pub fn stats(&self) -> EmitterStats {
        self.broadcast.stats()
    }

    /// Ends it and waits until all its tasks are gone and the port is free.
    pub async fn stop(self) {
        self.stop.cancel();
        self.listener.close().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}
