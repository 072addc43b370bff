//! A WebSocket client of the gateway.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use flate2::read::GzDecoder;
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::frame::{Frame, Request};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::task::AbortOnDropHandle;

use crate::clients::connection::websocket_url;
use crate::clients::view::View;
use crate::eventually::WAIT_TIMEOUT;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Observes every frame that a viewer receives.
pub trait Observer: Send {
    /// A frame has been received, and `view` is what it has led to.
    fn received(&mut self, frame: &Frame<'_>, view: &View);
}

/// The state of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Connection {
    #[default]
    Open,
    /// The gateway has closed it with a close frame.
    Closed(CloseFrame),
    /// It ended without a close frame.
    Lost,
}

/// The state of a viewer.
#[derive(Clone, Debug, Default)]
struct Seen {
    view: View,
    frames: Vec<Utf8Bytes>,
    /// How many messages were compressed.
    compressed: usize,
    connection: Connection,
}

/// A connected client. It requests a snapshot after a gap.
#[derive(Debug)]
pub struct Viewer {
    seen: watch::Receiver<Seen>,
    say: mpsc::Sender<Message>,
    _reading: AbortOnDropHandle<()>,
}

impl Viewer {
    /// Connects to the gateway at `base`, such as `http://127.0.0.1:3000`.
    ///
    /// # Errors
    /// Fails if the gateway refuses the connection.
    pub async fn connect(base: &str) -> Result<Self> {
        Self::open(base, View::default(), false, None).await
    }

    /// Connects as a page that was connected before, perhaps to another gateway, and already has this view.
    ///
    /// # Errors
    /// As [`Viewer::connect`].
    pub async fn resume(base: &str, view: View, observer: Box<dyn Observer>) -> Result<Self> {
        Self::open(base, view, false, Some(observer)).await
    }

    /// Connects, and lets the gateway compress long messages.
    ///
    /// # Errors
    /// As [`Viewer::connect`].
    pub async fn compressed(base: &str) -> Result<Self> {
        let url = format!("{}?compress=gzip", websocket_url(base));
        Self::at(url, View::default(), true, None).await
    }

    /// Connects, and keeps the text of every frame.
    ///
    /// # Errors
    /// As [`Viewer::connect`].
    pub async fn recording(base: &str) -> Result<Self> {
        Self::open(base, View::default(), true, None).await
    }

    async fn open(
        base: &str,
        view: View,
        records: bool,
        observer: Option<Box<dyn Observer>>,
    ) -> Result<Self> {
        Self::at(websocket_url(base), view, records, observer).await
    }

    async fn at(url: String, view: View, records: bool, observer: Option<Box<dyn Observer>>) -> Result<Self> {
        let (socket, _) = connect_async(&url).await.with_context(|| url.clone())?;
        let (sender, seen) = watch::channel(Seen {
            view,
            ..Seen::default()
        });
        let (say, said) = mpsc::channel(16);
        let reading = tokio::spawn(read(socket, sender, said, records, observer));
        Ok(Self {
            seen,
            say,
            _reading: AbortOnDropHandle::new(reading),
        })
    }

    /// The view as it is now.
    #[must_use]
    pub fn view(&self) -> View {
        self.seen.borrow().view.clone()
    }

    /// Whether the connection is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.seen.borrow().connection == Connection::Open
    }

    /// How many messages were compressed so far.
    #[must_use]
    pub fn compressed_messages(&self) -> usize {
        self.seen.borrow().compressed
    }

    /// Every frame so far, if the viewer records.
    #[must_use]
    pub fn frames(&self) -> Vec<Utf8Bytes> {
        self.seen.borrow().frames.clone()
    }

    /// Waits until `is_it` is true for the view, and returns the view.
    ///
    /// # Errors
    /// Fails at the deadline, or if the connection ends before.
    pub async fn sees(&self, what: &str, is_it: impl Fn(&View) -> bool) -> Result<View> {
        let mut seen = self.seen.clone();
        let awaited = seen.wait_for(|seen| is_it(&seen.view) || seen.connection != Connection::Open);
        let found = match timeout(WAIT_TIMEOUT, awaited).await {
            Ok(Ok(seen)) if is_it(&seen.view) => Some(seen.view.clone()),
            _ => None,
        };
        found.with_context(|| {
            format!(
                "waited {WAIT_TIMEOUT:?} until the viewer sees {what}: {:?}",
                self.view()
            )
        })
    }

    /// Waits until the connection ends.
    pub async fn over(&self) {
        let mut seen = self.seen.clone();
        // Fails if the reading task has ended, which means the same.
        let _ = seen.wait_for(|seen| seen.connection != Connection::Open).await;
    }

    /// Waits until the gateway closes the connection. Returns the code and reason of its close frame.
    ///
    /// # Errors
    /// Fails if it does not, or closes it without a close frame.
    pub async fn closed(&self) -> Result<(u16, String)> {
        let mut seen = self.seen.clone();
        let over = seen.wait_for(|seen| seen.connection != Connection::Open);
        match &timeout(WAIT_TIMEOUT, over).await??.connection {
            Connection::Closed(frame) => Ok((frame.code.into(), frame.reason.as_str().to_owned())),
            Connection::Open | Connection::Lost => bail!("the connection ended without a close frame"),
        }
    }

    /// Sends a message to the gateway.
    ///
    /// # Errors
    /// Fails if the connection has ended.
    pub async fn say(&self, message: Message) -> Result<()> {
        self.say.send(message).await.context("the connection is over")
    }

    /// Checks that no frame was missing.
    ///
    /// # Errors
    /// Fails if one was.
    pub fn missed_nothing(&self) -> Result<()> {
        let gaps = self.seen.borrow().view.gaps;
        ensure!(gaps == 0, "{gaps} frames came after a gap");
        Ok(())
    }
}

async fn read(
    mut socket: Socket,
    seen: watch::Sender<Seen>,
    mut said: mpsc::Receiver<Message>,
    records: bool,
    mut observer: Option<Box<dyn Observer>>,
) {
    let connection = loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    let is_binary = message.is_binary();
                    let Some(text) = text(message) else { break Connection::Lost };
                    seen.send_modify(|seen| seen.compressed += usize::from(is_binary));
                    if !take(&seen, &text, records, &mut observer) && socket.send(snapshot_request()).await.is_err() {
                        break Connection::Lost;
                    }
                }
                Some(Ok(Message::Close(frame))) => break frame.map_or(Connection::Lost, Connection::Closed),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break Connection::Lost,
            },
            Some(message) = said.recv() => {
                if socket.send(message).await.is_err() {
                    break Connection::Lost;
                }
            }
        }
    };
    seen.send_modify(|seen| seen.connection = connection);
}

/// The text of a message, which is compressed where it is binary.
fn text(message: Message) -> Option<Utf8Bytes> {
    match message {
        Message::Text(text) => Some(text),
        Message::Binary(gzip) => {
            let mut text = String::new();
            GzDecoder::new(&gzip[..]).read_to_string(&mut text).ok()?;
            Some(text.into())
        }
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}

/// Applies a frame. Returns whether it was usable.
fn take(
    seen: &watch::Sender<Seen>,
    text: &Utf8Bytes,
    records: bool,
    observer: &mut Option<Box<dyn Observer>>,
) -> bool {
    let mut usable = false;
    seen.send_modify(|seen| {
        if let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) {
            usable = seen.view.apply(&frame);
            if let Some(observer) = observer {
                observer.received(&frame, &seen.view);
            }
        }
        if records {
            seen.frames.push(text.clone());
        }
    });
    usable
}

fn snapshot_request() -> Message {
    // Serializing an enum without content cannot fail.
    let request = serde_json::to_vec(&Request::Snapshot).unwrap_or_default();
    Utf8Bytes::try_from(Bytes::from(request)).map_or_else(|_| Message::text(""), Message::Text)
}
