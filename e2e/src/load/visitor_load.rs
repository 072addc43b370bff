//! A load: many visitors from many addresses at a fixed rate, optionally while enrichers are killed.

use std::iter;
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use simulator::event::Event;
use simulator::world::Kind;
use tokio::time::{Instant, interval};

use crate::processes::{Pipeline, Role};
use crate::visitor::Visitor;

/// The kinds of addresses, in rotation.
const KINDS: [Kind; 5] = [
    Kind::Full,
    Kind::CompanyOnly,
    Kind::MixedEmails,
    Kind::NexaCore,
    Kind::Unknown,
];

/// Events of each session. A third of the sessions close with the last.
const EVENTS: usize = 5;

/// How often an enricher is killed and started again.
const KILL_EVERY: Duration = Duration::from_secs(1);

/// How many sessions begin between two events of one session.
const BETWEEN: usize = 400;

/// How often events go out.
const TICK: Duration = Duration::from_millis(10);
const TICKS_PER_SECOND: u32 = 100;

/// The settings of a load.
#[derive(Clone, Copy, Debug)]
pub struct VisitorLoad {
    /// The number of addresses. The sessions of an address begin one after the other, so that all enrichers get it at the
    /// same time.
    pub addresses: u32,
    /// The number of events.
    pub events: u32,
    /// The duration in seconds.
    pub seconds: u32,
    /// Whether an enricher is killed, and started again, each second.
    pub kills: bool,
    /// Determines which enrichers are killed.
    pub seed: u64,
}

impl VisitorLoad {
    /// The address of that number.
    #[must_use]
    pub fn ip(site: &Pipeline, number: u32) -> String {
        site.ip(KINDS[number as usize % KINDS.len()], number)
    }

    /// Sends all events. Returns the number of killed enrichers.
    ///
    /// # Errors
    /// Fails if an enricher cannot be killed or started.
    pub async fn run(&self, site: &mut Pipeline) -> Result<u32> {
        let visitors = self.visitors(site);
        let steps = steps(visitors.len());
        let enrichers = site.instances(Role::Enricher).count();
        let mut rng = StdRng::seed_from_u64(self.seed);
        let (mut kills, mut killed_at) = (0, Instant::now());
        let mut ticks = interval(TICK);
        let at_once = (self.events / self.seconds / TICKS_PER_SECOND).max(1) as usize;
        for batch in steps.chunks(at_once) {
            ticks.tick().await;
            let events: Vec<_> = batch.iter().map(|step| step.event(&visitors)).collect();
            site.send(&events);
            if self.kills && killed_at.elapsed() >= KILL_EVERY {
                let victim = rng.random_range(0..enrichers);
                site.instance_mut(Role::Enricher, victim)?
                    .process
                    .restart()
                    .await?;
                (kills, killed_at) = (kills + 1, Instant::now());
            }
        }
        Ok(kills)
    }

    fn visitors(&self, site: &Pipeline) -> Vec<Visitor> {
        let of_each = self.events as usize / EVENTS / self.addresses as usize;
        (0..self.addresses)
            .flat_map(|number| iter::repeat_n(Self::ip(site, number), of_each))
            .map(|ip| Visitor::from(&ip))
            .collect()
    }
}

/// The n-th event of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    session: usize,
    nth: usize,
}

impl Step {
    fn event(self, visitors: &[Visitor]) -> Event {
        let visitor = &visitors[self.session];
        match self.nth {
            0 => visitor.opened(0),
            last if last == EVENTS - 1 && self.session.is_multiple_of(3) => visitor.closed(0),
            _ => visitor.keep_alive(0),
        }
    }
}

/// Every event of this number of sessions, in the order in which they are sent.
fn steps(sessions: usize) -> Vec<Step> {
    let rounds = sessions + BETWEEN * (EVENTS - 1);
    let of_round = |round: usize| {
        (0..EVENTS).filter_map(move |nth| {
            let session = round.checked_sub(nth * BETWEEN)?;
            (session < sessions).then_some(Step { session, nth })
        })
    };
    (0..rounds).flat_map(of_round).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_has_its_events_in_order() {
        let steps = steps(1_000);
        assert_eq!(steps.len(), 1_000 * EVENTS);
        for session in [0, 1, 999] {
            let nths: Vec<_> = steps
                .iter()
                .filter(|step| step.session == session)
                .map(|step| step.nth)
                .collect();
            assert_eq!(nths, (0..EVENTS).collect::<Vec<_>>());
        }
    }
}
