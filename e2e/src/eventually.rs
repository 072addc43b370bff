//! Waits for a condition with a deadline.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

/// The default deadline. It is long, because it says nothing about speed.
pub const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

/// The pause between two probes.
const PACE: Duration = Duration::from_millis(20);

/// Waits until `probe` succeeds, and returns its result.
///
/// # Errors
/// Fails after [`WAIT_TIMEOUT`] with `what` and the last error of the probe.
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    within(WAIT_TIMEOUT, what, probe).await
}

/// Waits until `probe` succeeds, at most `timeout`.
///
/// # Errors
/// As [`eventually`].
pub async fn within<T>(
    timeout: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let deadline = Instant::now() + timeout;
    loop {
        match probe().await {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).with_context(|| format!("waited {timeout:?} until {what}"));
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
    async fn returns_the_value_of_the_first_success() {
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
