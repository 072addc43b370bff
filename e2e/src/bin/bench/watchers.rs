//! The parent's side of [`crate::watch`].

use std::process::Stdio;

use anyhow::{Context as _, Result};
use e2e::clients::websocket_url;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::watch::Watched;

/// The name of the client process in `/proc`.
pub const CLIENTS: &str = "bench";

/// WebSocket clients in a process of their own, which ends when this is dropped.
pub struct Watchers {
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Watchers {
    /// Connects them to the gateway at `base`, and waits until each has its snapshot.
    pub async fn connect(base: &str, clients: usize, slow: usize) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["watch", "--url", &websocket_url(base)])
            .args(["--clients", &clients.to_string(), "--slow", &slow.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut watchers = Self {
            questions: child.stdin.take().context("no input")?,
            answers: BufReader::new(child.stdout.take().context("no output")?).lines(),
            _child: child,
        };
        watchers.answer().await?;
        Ok(watchers)
    }

    /// What they have received since the last request.
    pub async fn seen(&mut self) -> Result<Watched> {
        self.questions.write_all(b"\n").await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Watched> {
        let line = self.answers.next_line().await?.context("the clients are gone")?;
        Ok(serde_json::from_str(&line)?)
    }
}
