//! Clients that know nothing about the simulator.

use futures_util::{SinkExt, StreamExt};
use simulator::{emitter::Emitter, event::Event};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

use crate::TEST_TIMEOUT;

/// A client of HTTP.
pub(crate) fn http() -> reqwest::Client {
    // The client wants to know whose TLS it would use, if it ever did. Another test may have said so before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A connected client.
pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Connects, and waits until the emitter knows.
    pub(crate) async fn connect(emitter: &Emitter) -> Self {
        let before = emitter.clients();
        let (socket, _) = connect_async(emitter.url()).await.unwrap();
        emitter.wait_for_clients(before + 1, TEST_TIMEOUT).await.unwrap();
        Self(socket)
    }

    /// What comes next; `None` is the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Message, Error>> {
        timeout(TEST_TIMEOUT, self.0.next()).await.unwrap()
    }

    /// The next message, which must be an event.
    pub(crate) async fn event(&mut self) -> Event {
        let text = self.next().await.unwrap().unwrap().into_text().unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Returns the error with which the connection fails.
    pub(crate) async fn error(&mut self) -> Error {
        loop {
            match self.next().await {
                Some(Ok(message)) => {
                    assert!(!message.is_close(), "the connection is closed instead of failing");
                }
                Some(Err(error)) => return error,
                None => panic!("the connection ended as if nothing were wrong"),
            }
        }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Whether something arrives although nothing should, before `sign` has come true.
    pub(crate) async fn hears_before(&mut self, sign: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            _ = self.0.next() => true,
            () = sign => false,
        }
    }
}
