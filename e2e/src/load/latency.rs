//! Measures the latency from the emitter to a viewer.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::clients::Viewer;
use crate::processes::Pipeline;
use crate::times::StampedAt as _;
use crate::visitor::Visitor;

/// The pause between two measurements.
const PACE: Duration = Duration::from_millis(20);

/// The measured latencies in ascending order.
#[derive(Clone, Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Sends keep-alives of a visitor who is shown, each when the one before has been seen, and measures until the viewer
    /// sees them.
    ///
    /// # Errors
    /// Fails if one is not seen in time.
    pub async fn measure(
        site: &Pipeline,
        viewer: &Viewer,
        visitor: &Visitor,
        lasting: Duration,
    ) -> Result<Self> {
        let mut latencies = Vec::new();
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = Instant::now() + lasting;
        while Instant::now() < end {
            ticks.tick().await;
            let event = visitor.keep_alive(0);
            let at = event.stamped_at();
            let sent = Instant::now();
            site.send(&[event]);
            viewer
                .sees("the last keep-alive", |view| {
                    let session = view.sessions.get(&visitor.guid);
                    session.map(|session| session.last_activity_at) >= at
                })
                .await?;
            latencies.push(sent.elapsed());
        }
        latencies.sort_unstable();
        Ok(Self(latencies))
    }

    /// A percentile; zero if nothing was measured.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let latencies = Latencies((1..=200).map(Duration::from_millis).collect());
        assert_eq!(latencies.percentile(50), Duration::from_millis(100));
        assert_eq!(latencies.percentile(99), Duration::from_millis(198));
        assert_eq!(latencies.percentile(100), Duration::from_millis(200));
        assert_eq!(Latencies(Vec::new()).percentile(99), Duration::ZERO);
    }
}
