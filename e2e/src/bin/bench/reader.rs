//! A bare client of the emitter: what reading and parsing costs with nothing behind it.

use std::hint::black_box;

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use protocol::event::Event;
use tokio_tungstenite::connect_async;

/// Reads until the emitter ends the connection.
pub async fn read(url: &str) -> Result<()> {
    let (mut socket, _) = connect_async(url).await.with_context(|| url.to_owned())?;
    while let Some(Ok(message)) = socket.next().await {
        let _ = black_box(Event::parse(&message.into_data()));
    }
    Ok(())
}
