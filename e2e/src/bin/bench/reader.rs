//! A bare client of the emitter, to measure the cost of reading alone.

use std::hint::black_box;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use futures_util::StreamExt as _;
use protocol::event::Event;
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::{MaybeTlsStream, connect_async};

/// The number of bytes that are read at once if they are not parsed.
const UNREAD_AT_ONCE: usize = 256 * 1024;

/// How much the client does.
#[derive(Args)]
pub struct Flags {
    /// The emitter's address.
    url: String,

    /// Take the bytes from the socket without looking for frames in them.
    #[arg(long)]
    unread: bool,
}

/// Reads until the emitter ends the connection.
pub async fn read(flags: &Flags) -> Result<()> {
    let (mut socket, _) = connect_async(&flags.url)
        .await
        .with_context(|| flags.url.clone())?;
    if flags.unread {
        let MaybeTlsStream::Plain(mut stream) = socket.into_inner() else {
            bail!("the connection is encrypted");
        };
        let mut bytes = vec![0; UNREAD_AT_ONCE];
        while stream.read(&mut bytes).await? > 0 {}
        return Ok(());
    }
    while let Some(Ok(message)) = socket.next().await {
        let _ = black_box(Event::parse(&message.into_data()));
    }
    Ok(())
}
