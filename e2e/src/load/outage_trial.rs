//! Measures the work that an outage of the Deanonymizer causes while visitors arrive.

use std::time::Duration;

use anyhow::{Context as _, Result};
use simulator::world::Kind;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::processes::{Pipeline, Role};
use crate::visitor::Visitor;

/// How often events are sent.
const TICK: Duration = Duration::from_millis(100);

/// The number of events in each tick: 390 per second in total.
const KNOWN_PER_TICK: usize = 18;
const WAITING_PER_TICK: usize = 20;

/// An outage, and when in it the work is measured.
#[derive(Clone, Debug)]
pub struct OutageTrial {
    /// Visitors who are known before.
    pub known: u32,
    /// After how long the work is measured, in ascending order.
    pub measured_at: Vec<Duration>,
    /// For how long before that it is counted.
    pub window: Duration,
}

/// How many events came in and were handled in a second.
#[derive(Clone, Copy, Debug)]
pub struct HandledRate {
    /// How long the outage had lasted.
    pub after: Duration,
    /// Events sent per second.
    pub incoming: f64,
    /// Events that the enrichers handled per second, including redeliveries.
    pub handled: f64,
}

impl HandledRate {
    /// How often each event is handled.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.handled / self.incoming.max(1.0)
    }
}

impl OutageTrial {
    /// Refuses connections on a site on which nobody has been yet, while ten new visitors a second come, stay and send
    /// keep-alives. It ends with the outage going on.
    ///
    /// # Errors
    /// Fails if known visitors are not shown before it, or figures cannot be read.
    pub async fn run(&self, site: &Pipeline) -> Result<Vec<HandledRate>> {
        let known: Vec<_> = (0..self.known)
            .map(|number| Visitor::from(&site.ip(Kind::Full, number)))
            .collect();
        site.send(&known.iter().map(|known| known.opened(0)).collect::<Vec<_>>());
        site.view_is_right().await?;
        site.deanonymizer_refuses(true).await?;

        let mut known = known.iter().cycle();
        let mut waiting: Vec<Visitor> = Vec::new();
        let (mut next, mut sent) = (0, 0_u64);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let began = Instant::now();
        let mut rates = Vec::new();
        for after in &self.measured_at {
            let (starts, ends) = (began + after.saturating_sub(self.window), began + *after);
            let mut start = None;
            while Instant::now() < ends {
                ticks.tick().await;
                let mut events: Vec<_> = known
                    .by_ref()
                    .take(KNOWN_PER_TICK)
                    .map(|known| known.keep_alive(0))
                    .collect();
                let new = Visitor::from(&site.ip(Kind::CompanyOnly, u32::try_from(waiting.len())?));
                events.push(new.opened(0));
                waiting.push(new);
                for _ in 0..WAITING_PER_TICK {
                    next = (next + 1) % waiting.len();
                    events.push(waiting[next].keep_alive(0));
                }
                site.send(&events);
                sent += events.len() as u64;
                if start.is_none() && Instant::now() >= starts {
                    start = Some((Instant::now(), sent, handled(site).await?));
                }
            }
            let (at, sent_before, handled_before) = start.context("the window is longer than the outage")?;
            let seconds = at.elapsed().as_secs_f64();
            rates.push(HandledRate {
                after: *after,
                incoming: (sent - sent_before) as f64 / seconds,
                handled: (handled(site).await? - handled_before) as f64 / seconds,
            });
        }
        Ok(rates)
    }
}

/// Events that the enrichers have handled.
async fn handled(site: &Pipeline) -> Result<u64> {
    let mut sum = 0;
    for kind in ["session-opened", "keep-alive", "session-closed"] {
        let metric = format!(r#"visitor_enricher_events_total{{kind="{kind}"}}"#);
        sum += site.metric(Role::Enricher, &metric).await?;
    }
    Ok(sum)
}
