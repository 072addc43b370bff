//! Shutdown: one token that all tasks watch, and one grace period.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a process may take to stop.
pub const GRACE: Duration = Duration::from_secs(10);

/// A token that SIGTERM or SIGINT cancels.
///
/// # Errors
/// Fails if signals cannot be watched.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        cancelled.cancel();
    });
    Ok(token)
}

/// Waits for the token, and then for the tasks, at most [`GRACE`].
pub async fn wait(shutdown: &CancellationToken, tasks: &TaskTracker) {
    shutdown.cancelled().await;
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!(tasks = tasks.len(), "stopped before everything was finished");
    }
}
