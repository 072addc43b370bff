//! One client's connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc, sync::watch, time::timeout};
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tokio_util::sync::CancellationToken;

/// How long a client has to answer a close frame.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

enum Order {
    Write(Bytes),
    Close,
}

/// The end of a client's queue that is written to. The client is closed when it is dropped.
pub(super) struct Outbox {
    orders: mpsc::UnboundedSender<Order>,
    waiting: Arc<AtomicUsize>,
    reset: CancellationToken,
}

/// The end of a client's queue that the connection reads.
pub(super) struct Inbox {
    orders: mpsc::UnboundedReceiver<Order>,
    waiting: Arc<AtomicUsize>,
    reset: CancellationToken,
}

/// A client's queue. It has no limit of its own: the writer checks what is [waiting](Outbox::waiting).
pub(super) fn queue() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (waiting, reset) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let outbox = Outbox {
        orders: sender,
        waiting: waiting.clone(),
        reset: reset.clone(),
    };
    (
        outbox,
        Inbox {
            orders: receiver,
            waiting,
            reset,
        },
    )
}

impl Outbox {
    /// Bytes that have not been handed to the socket yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, bytes: Bytes) {
        self.waiting.fetch_add(bytes.len(), Ordering::Relaxed);
        // A client that has just disconnected is about to be removed from the list.
        let _ = self.orders.send(Order::Write(bytes));
    }

    /// Sends a close frame after the waiting frames.
    pub(super) fn close(&self) {
        let _ = self.orders.send(Order::Close);
    }

    /// Resets the connection at once.
    pub(super) fn reset(&self) {
        self.reset.cancel();
    }
}

/// Serves a client until either side ends the connection.
pub(super) async fn serve(
    mut socket: WebSocketStream<TcpStream>,
    inbox: Inbox,
    silent: watch::Receiver<bool>,
) {
    let reset = inbox.reset.clone();
    let ended = reset
        .run_until_cancelled(converse(&mut socket, inbox, silent))
        .await;
    match ended {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "a client's connection failed"),
        None => {
            if let Err(error) = socket.get_ref().set_zero_linger() {
                tracing::debug!(%error, "cannot reset a connection");
            }
        }
    }
}

async fn converse(
    socket: &mut WebSocketStream<TcpStream>,
    mut inbox: Inbox,
    mut silent: watch::Receiver<bool>,
) -> tungstenite::Result<()> {
    loop {
        // While silent, nothing is read either, because the reply to a ping would break the silence.
        if silent.wait_for(|silent| !silent).await.is_err() {
            return Ok(());
        }
        tokio::select! {
            changed = silent.changed() => if changed.is_err() { return Ok(()) },
            order = inbox.orders.recv() => match order {
                Some(Order::Write(bytes)) => {
                    // An answer to a ping may be half written; frames must not mix.
                    socket.flush().await?;
                    socket.get_mut().write_all(&bytes).await?;
                    inbox.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
                }
                Some(Order::Close) => return close(socket).await,
                None => return Ok(()),
            },
            // Reading answers pings and notices a closed connection. Messages of the client are ignored.
            message = socket.next() => match message {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
        }
    }
}

/// Sends a close frame and gives the client the time to answer it.
async fn close(socket: &mut WebSocketStream<TcpStream>) -> tungstenite::Result<()> {
    socket.close(None).await?;
    let answered = async { while let Some(Ok(_)) = socket.next().await {} };
    if timeout(CLOSE_GRACE, answered).await.is_err() {
        tracing::debug!("a client did not answer the close frame");
    }
    Ok(())
}
