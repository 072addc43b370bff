//! No page is shown an opening time that contradicts an opened event which is known to a process or waits in the queue.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Viewer;
use e2e::processes::{Pipeline, Role};
use e2e::times::StampedAt as _;
use e2e::{Visitor, eventually};
use protocol::{Timestamp, stream};
use serde_json::Value;
use simulator::world::Kind;

/// Visitors with the opening times that may be shown.
struct Opened {
    visitors: Vec<Visitor>,
    opened_at: HashMap<String, Timestamp>,
}

impl Opened {
    /// Sends the opened event of each, in a message of its own.
    async fn send(site: &Pipeline, count: u32) -> Result<Self> {
        let mut opened = Self {
            visitors: Vec::new(),
            opened_at: HashMap::new(),
        };
        for n in 0..count {
            let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, n));
            let event = visitor.opened(30_000);
            let at = event.stamped_at().context("a time")?;
            site.send(&[event]);
            opened.opened_at.insert(visitor.guid.to_lowercase(), at);
            opened.visitors.push(visitor);
            let sent = u64::from(n) + 1;
            eventually("the event is in the queue", async || {
                let published = site
                    .metric(Role::Ingestor, "visitor_ingestor_events_published_total")
                    .await?;
                ensure!(published >= sent, "{published} of {sent}");
                Ok(())
            })
            .await?;
        }
        Ok(opened)
    }

    fn keep_alive(&self, site: &Pipeline) {
        for visitor in &self.visitors {
            site.send(&[visitor.keep_alive(0)]);
        }
    }

    async fn are_shown(&self, viewer: &Viewer) -> Result<()> {
        viewer
            .sees("everybody who was opened", |view| {
                self.opened_at.keys().all(|guid| view.sessions.contains_key(guid))
            })
            .await
            .map(drop)
    }

    /// Every frame that the viewer was sent shows the right opening time of everybody in it.
    fn were_always_right(&self, viewer: &Viewer) -> Result<()> {
        let mut seen = 0;
        for frame in viewer.frames() {
            let frame: Value = serde_json::from_str(&frame)?;
            for list in ["sessions", "changed"] {
                for session in frame[list].as_array().into_iter().flatten() {
                    let guid = session["guid"].as_str().context("a guid")?;
                    if let Some(opened_at) = self.opened_at.get(guid) {
                        ensure!(
                            session["openedAt"] == opened_at.unix_ms(),
                            "{session} opened at {opened_at}"
                        );
                        seen += 1;
                    }
                }
            }
        }
        ensure!(
            seen >= self.visitors.len(),
            "only {seen} sessions were in the frames"
        );
        Ok(())
    }
}

#[tokio::test]
async fn keep_alive_waits_for_the_opening_that_a_frozen_enricher_holds() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let viewer = site.viewer_recording().await?;
    site.enricher()?.process.pause()?;
    let opened = Opened::send(&site, 20).await?;
    opened.keep_alive(&site);
    opened.are_shown(&viewer).await?;
    site.enricher()?.process.resume()?;
    site.settle().await?;
    opened.were_always_right(&viewer)?;
    site.view_is_right().await
}

#[tokio::test]
async fn keep_alive_waits_for_the_openings_of_enrichers_that_were_killed() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let viewer = site.viewer_recording().await?;
    for number in 0..2 {
        site.instance_mut(Role::Enricher, number)?.process.pause()?;
    }
    let opened = Opened::send(&site, 20).await?;
    for number in 0..2 {
        site.instance_mut(Role::Enricher, number)?
            .process
            .restart()
            .await?;
    }
    opened.keep_alive(&site);
    opened.are_shown(&viewer).await?;
    opened.were_always_right(&viewer)?;
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn opening_times_are_right_after_a_quorum_loss() -> Result<()> {
    let mut site = Pipeline::builder()
        .cluster()
        .with(Role::Enricher, 2)
        .start()
        .await?;
    let viewer = site.viewer_recording().await?;
    let opened = Opened::send(&site, 30).await?;
    for peer in &site.nats_peers {
        peer.process.pause()?;
    }
    let meanwhile: Vec<_> = (100..130)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in &meanwhile {
        site.send(&[visitor.opened(10_000), visitor.keep_alive(0)]);
    }
    opened.keep_alive(&site);
    eventually("an ingestor says that it cannot work", async || {
        site.instance(Role::Ingestor, 0)?.http.reason().await?;
        Ok(())
    })
    .await?;
    for peer in &site.nats_peers {
        peer.process.resume()?;
    }
    for visitor in &meanwhile {
        site.send(&[visitor.keep_alive(0)]);
    }
    opened.are_shown(&viewer).await?;
    site.ready().await?;
    site.view_is_right().await?;
    opened.were_always_right(&viewer)
}

#[tokio::test]
async fn enrichers_remember_openings_of_a_lost_stream() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let opened = Opened::send(&site, 20).await?;
    site.settle().await?;
    // No gateway is there to put the records back.
    site.gateway()?.process.kill().await?;
    let maintainer = async_nats::jetstream::new(site.nats.client("maintainer").await?);
    maintainer.delete_stream(stream::SESSIONS).await?;
    eventually("the stream is made again", async || {
        maintainer.get_stream(stream::SESSIONS).await?;
        Ok(())
    })
    .await?;
    site.gateway()?.process.start()?;
    site.ready().await?;
    let viewer = site.viewer_recording().await?;
    opened.keep_alive(&site);
    opened.are_shown(&viewer).await?;
    opened.were_always_right(&viewer)?;
    site.view_is_right().await
}
