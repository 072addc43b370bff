//! Waits for what must come true, without ever saying how fast.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

/// How long anything is waited for. Long, because it says nothing about speed.
pub const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

/// How often it is looked at.
const PACE: Duration = Duration::from_millis(20);

/// Waits until `probe` succeeds, and gives what it found.
///
/// # Errors
/// After [`WAIT_TIMEOUT`]: what was awaited, and the probe's last error.
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    within(WAIT_TIMEOUT, what, probe).await
}

/// Waits until `probe` succeeds, at most so long.
///
/// # Errors
/// As [`eventually`].
pub async fn within<T>(
    patience: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        match probe().await {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).with_context(|| format!("waited {patience:?} until {what}"));
            }
            Err(_) => sleep(PACE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::ensure;

    #[tokio::test]
    async fn gives_what_came_true() {
        let mut looks = 0;
        let found = eventually("it has been looked at twice", async || {
            looks += 1;
            ensure!(looks == 2, "{looks}");
            Ok(looks)
        });
        assert_eq!(found.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn says_what_was_awaited_and_seen() {
        let never = within(Duration::ZERO, "pigs fly", async || -> Result<()> {
            anyhow::bail!("a pig walks")
        });
        let error = format!("{:#}", never.await.unwrap_err());
        assert_eq!(error, "waited 0ns until pigs fly: a pig walks");
    }
}
