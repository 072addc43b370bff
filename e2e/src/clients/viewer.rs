//! A WebSocket client of the gateway, as anybody would write one.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
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

/// Is told of every frame that a viewer receives.
pub trait Observer: Send {
    /// A frame has been received, and `view` is what it has led to.
    fn received(&mut self, frame: &Frame<'_>, view: &View);
}

/// How a connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Connection {
    #[default]
    Open,
    /// The gateway has said that it ends it, and why.
    Closed(CloseFrame),
    /// It ended without a word.
    Lost,
}

/// What a viewer has seen.
#[derive(Clone, Debug, Default)]
struct Seen {
    view: View,
    frames: Vec<Utf8Bytes>,
    connection: Connection,
}

/// A connected client. It asks for a snapshot where it sees a gap.
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
    /// Fails if it does not let the viewer in.
    pub async fn connect(base: &str) -> Result<Self> {
        Self::open(base, View::default(), false, None).await
    }

    /// The same as a page that was connected before, perhaps to another gateway, and has this view.
    ///
    /// # Errors
    /// As [`Viewer::connect`].
    pub async fn resume(base: &str, view: View, observer: Box<dyn Observer>) -> Result<Self> {
        Self::open(base, view, false, Some(observer)).await
    }

    /// The same, and keeps every frame as it came.
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
        let url = websocket_url(base);
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

    /// Whether the connection stands.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.seen.borrow().connection == Connection::Open
    }

    /// Every frame so far, if the viewer records.
    #[must_use]
    pub fn frames(&self) -> Vec<Utf8Bytes> {
        self.seen.borrow().frames.clone()
    }

    /// Waits for a view of which `is_it` is true, and gives it.
    ///
    /// # Errors
    /// Fails if none comes in time, or the connection ends before.
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

    /// Waits until the connection is over, in whatever way.
    pub async fn over(&self) {
        let mut seen = self.seen.clone();
        // It fails where the reading has ended, which is the same.
        let _ = seen.wait_for(|seen| seen.connection != Connection::Open).await;
    }

    /// Waits until the gateway ends the connection; gives the code and reason of its close frame.
    ///
    /// # Errors
    /// Fails if it does not, or without a close frame.
    pub async fn closed(&self) -> Result<(u16, String)> {
        let mut seen = self.seen.clone();
        let over = seen.wait_for(|seen| seen.connection != Connection::Open);
        match &timeout(WAIT_TIMEOUT, over).await??.connection {
            Connection::Closed(frame) => Ok((frame.code.into(), frame.reason.as_str().to_owned())),
            Connection::Open | Connection::Lost => bail!("the connection ended without a close frame"),
        }
    }

    /// Says something to the gateway.
    ///
    /// # Errors
    /// Fails if the connection is over.
    pub async fn say(&self, message: Message) -> Result<()> {
        self.say.send(message).await.context("the connection is over")
    }

    /// That no frame was ever missing.
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
                Some(Ok(Message::Text(text))) => {
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

/// Takes a frame over; gives whether it could be used.
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
    // An enum without content can always be written.
    let request = serde_json::to_vec(&Request::Snapshot).unwrap_or_default();
    Utf8Bytes::try_from(Bytes::from(request)).map_or_else(|_| Message::text(""), Message::Text)
}
