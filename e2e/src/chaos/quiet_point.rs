//! Waits until every view is right, while events are sent and there are no faults.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use protocol::Timestamp;
use protocol::frame::VisibleSession;
use service::clock;
use simulator::world::World;
use tokio::time::{Instant, sleep};

use crate::chaos::differences;
use crate::chaos::roaming_client::RoamingClient;
use crate::chaos::sent_events::SentEvents;
use crate::chaos::settings::STALE_AFTER;
use crate::eventually::within;
use crate::oracle;
use crate::oracle::{Circumstances, HiddenCompanies, LateReading};
use crate::processes::{Pipeline, Role};

/// How precisely it is known when an event was received by an ingestor that reads.
const SLACK: Duration = Duration::from_secs(4);

/// How long an event may take from the emitter to the view. A view may or may not show younger events.
const IN_TRANSIT: Duration = Duration::from_secs(2);

/// How long the views may take to become right.
const WAIT_TIMEOUT: Duration = Duration::from_mins(2);

/// The pause between two comparisons. Each is a pass over all sessions, and should not be a load of its own.
const COMPARE_INTERVAL: Duration = Duration::from_millis(500);

/// How often remaining differences are printed.
const PRINT_INTERVAL: Duration = Duration::from_secs(15);

/// What the views are compared with.
#[derive(Clone, Copy, Debug)]
pub struct QuietPoint<'a> {
    hidden: &'a HiddenCompanies,
    late: &'a [LateReading],
    called_at: Timestamp,
}

impl<'a> QuietPoint<'a> {
    /// Begins now.
    #[must_use]
    pub fn new(hidden: &'a HiddenCompanies, late: &'a [LateReading]) -> Self {
        Self {
            hidden,
            late,
            called_at: clock::now(),
        }
    }

    /// When it began.
    #[must_use]
    pub fn called_at(&self) -> Timestamp {
        self.called_at
    }

    /// Waits until every gateway and every page shows what it should. Returns how long that took.
    ///
    /// # Errors
    /// Fails at the deadline with the differences of one of them.
    pub async fn every_view_is_right(
        self,
        site: &Pipeline,
        pages: &[RoamingClient],
        sent: &mut SentEvents,
    ) -> Result<Duration> {
        let since = Instant::now();
        let mut printed_at = since;
        within(WAIT_TIMEOUT, "every view is right", async || {
            sleep(COMPARE_INTERVAL).await;
            let looked = self.look(site, pages, sent).await;
            if let Err(error) = &looked
                && printed_at.elapsed() >= PRINT_INTERVAL
            {
                printed_at = Instant::now();
                let error = error.to_string();
                let lines: Vec<_> = error.lines().take(2).collect();
                println!("not right yet: {}", lines.join(" "));
            }
            looked
        })
        .await?;
        Ok(since.elapsed())
    }

    async fn look(self, site: &Pipeline, pages: &[RoamingClient], sent: &mut SentEvents) -> Result<()> {
        let world = site.deanonymizer.world();
        for gateway in site.instances(Role::Gateway) {
            let asked_at = clock::now();
            let shown = gateway.http.sessions().await?;
            sent.add(site.emitter.take_sent());
            self.judge(world, sent, asked_at, &shown, gateway.process.name())?;
        }
        for (number, page) in pages.iter().enumerate() {
            let asked_at = clock::now();
            let view = page.view().context("a page is not connected")?;
            sent.add(site.emitter.take_sent());
            let whose = format!("page {number}");
            self.judge(world, sent, asked_at, &view.sessions, &whose)?;
        }
        Ok(())
    }

    /// Checks a view against the events up to the time at which it was requested.
    fn judge(
        self,
        world: World,
        sent: &SentEvents,
        asked_at: Timestamp,
        shown: &BTreeMap<String, VisibleSession>,
        whose: &str,
    ) -> Result<()> {
        let circumstances = Circumstances {
            world,
            hidden: self.hidden,
            late: self.late,
            stale_after: STALE_AFTER,
            slack: SLACK,
            now: clock::now(),
        };
        let arrived_at = self.called_at.max(asked_at - IN_TRANSIT);
        let wrong = oracle::differences_in_transit(sent.events(), arrived_at, shown, circumstances);
        if !wrong.is_empty() {
            bail!("{whose}: {}", differences::describe(&wrong, sent.events(), shown));
        }
        Ok(())
    }
}
