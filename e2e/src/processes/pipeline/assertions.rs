//! What a test waits for and asserts about a running pipeline.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::Context;
use protocol::Timestamp;
use protocol::frame::VisibleSession;
use protocol::stream;
use service::clock;
use simulator::world::Kind;
use tokio::time::sleep;

use super::handle::Pipeline;
use crate::clients::Viewer;
use crate::eventually::eventually;
use crate::oracle::{self, Circumstances, ExpectedView, HiddenCompanies};
use crate::processes::instance::Role;
use crate::times::{SentAt, StampedAt as _};
use crate::visitor::Visitor;

/// How long an event may take from the emitter to the view. A view may show events that are younger than this, or not.
const IN_TRANSIT: Duration = Duration::from_millis(200);

/// The pause between two comparisons of all sessions of a load.
const PAUSE_BETWEEN_COMPARISONS: Duration = Duration::from_millis(200);

/// How precisely it is known when an event was received, and when a session has gone stale.
const SLACK: Duration = Duration::from_secs(1);

impl Pipeline {
    /// Waits until the session is shown, and returns it.
    ///
    /// # Errors
    /// Fails if it is not shown in time.
    pub async fn shows(&self, visitor: &Visitor) -> Result<VisibleSession> {
        eventually(&format!("{} is shown", visitor.guid), async || {
            let sessions = self.sessions().await?;
            let session = sessions.get(&visitor.guid.to_lowercase()).cloned();
            session.with_context(|| format!("only {:?} are shown", sessions.keys()))
        })
        .await
    }

    /// Waits until the session is not shown.
    ///
    /// # Errors
    /// Fails if it is still shown at the deadline.
    pub async fn shows_no(&self, visitor: &Visitor) -> Result<()> {
        eventually(&format!("{} is not shown", visitor.guid), async || {
            let session = self.sessions().await?.remove(&visitor.guid.to_lowercase());
            ensure!(session.is_none(), "it is: {session:?}");
            Ok(())
        })
        .await
    }

    /// Waits until every gateway's view equals that of the oracle, for all events that were sent before this call and
    /// meanwhile.
    ///
    /// # Errors
    /// Fails with the differences at the deadline.
    pub async fn view_is_right(&self) -> Result<()> {
        // The emitter's clock may be a few ms ahead of this process's.
        let last = self.emitter.sent().last().map(SentAt::sent_at);
        let called_at = last.unwrap_or(Timestamp::MIN).max(clock::now());
        eventually("the view is right", async || self.judge(called_at).await).await
    }

    /// Waits until the first gateway and every viewer show exactly these sessions.
    ///
    /// # Errors
    /// Fails with the differences when the time is up.
    pub async fn shows_exactly(&self, expected: &ExpectedView, viewers: &[Viewer]) -> Result<()> {
        let compare = async || {
            oracle::check(&expected.differences(&self.sessions().await?))?;
            viewers
                .iter()
                .try_for_each(|viewer| oracle::check(&expected.differences(&viewer.view().sessions)))
        };
        eventually("the view is right", async || {
            let compared = compare().await;
            if compared.is_err() {
                // Every comparison is a pass over all sessions; it should not be a load of its own.
                sleep(PAUSE_BETWEEN_COMPARISONS).await;
            }
            compared
        })
        .await
    }

    /// Waits until all earlier events have taken effect, by sending a session and waiting for it. Do not use it while lookups
    /// fail.
    ///
    /// # Errors
    /// Fails if the session is not shown in time.
    pub async fn settle(&self) -> Result<()> {
        let last = Visitor::from(&self.ip(Kind::CompanyOnly, 9_999_999));
        self.send(&[last.opened(0)]);
        self.shown_everywhere(&last).await?;
        // Its events may have overtaken others in the queue, but not in the streams behind it.
        self.queue_is_empty().await?;
        let touch = last.keep_alive(0);
        self.send(std::slice::from_ref(&touch));
        eventually("the last keep-alive is seen", async || {
            for gateway in self.instances(Role::Gateway) {
                let session = gateway.http.sessions().await?.remove(&last.guid);
                let at = session.map(|session| session.last_activity_at);
                ensure!(at >= touch.stamped_at(), "{at:?}");
            }
            Ok(())
        })
        .await?;
        self.send(&[last.closed(0)]);
        eventually("the last session is gone", async || {
            for gateway in self.instances(Role::Gateway) {
                ensure!(!gateway.http.sessions().await?.contains_key(&last.guid));
            }
            Ok(())
        })
        .await
    }

    /// Waits until the enrichers have handled all events that the ingestors have read.
    ///
    /// # Errors
    /// Fails if the queue is not empty in time.
    pub async fn queue_is_empty(&self) -> Result<()> {
        let operator = self.operator().await?;
        eventually("the queue is empty", async || {
            let (waiting, messages) = self.queued(&operator).await?;
            ensure!(waiting == 0, "{waiting} events are not in it yet");
            ensure!(messages == 0, "{messages} messages");
            Ok(())
        })
        .await
    }

    /// How many events wait in the ingestors for the queue, and how many messages there are in it.
    ///
    /// # Errors
    /// Fails if an ingestor or NATS does not answer.
    pub async fn queued(&self, operator: &Context) -> Result<(u64, u64)> {
        let waiting = self
            .metric(Role::Ingestor, "visitor_ingestor_events_waiting")
            .await?;
        let raw = operator.get_stream(stream::RAW).await?;
        Ok((waiting, raw.cached_info().state.messages))
    }

    /// The sum of a metric over all processes of a role.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub async fn metric(&self, role: Role, name: &str) -> Result<u64> {
        let mut sum = 0;
        for instance in self.instances(role) {
            sum += instance.http.metric(name).await?;
        }
        Ok(sum)
    }

    /// Calls that the enrichers have begun, including those that found no connection.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub async fn lookups_tried(&self) -> Result<u64> {
        let paid = self.metric(Role::Enricher, "visitor_enricher_lookups_paid_total");
        let unreachable = r#"visitor_enricher_lookups_failed_total{kind="unreachable"}"#;
        Ok(paid.await? + self.metric(Role::Enricher, unreachable).await?)
    }

    async fn shown_everywhere(&self, visitor: &Visitor) -> Result<()> {
        eventually(&format!("{} is shown everywhere", visitor.guid), async || {
            for gateway in self.instances(Role::Gateway) {
                ensure!(gateway.http.sessions().await?.contains_key(&visitor.guid));
            }
            Ok(())
        })
        .await
    }

    /// Events that were sent after `called_at` may still be in transit.
    async fn judge(&self, called_at: Timestamp) -> Result<()> {
        for gateway in self.instances(Role::Gateway) {
            let asked_at = clock::now();
            let shown = gateway.http.sessions().await?;
            let circumstances = Circumstances {
                world: self.deanonymizer.world(),
                hidden: &HiddenCompanies::none(),
                late: &[],
                stale_after: self.config.stale_after,
                slack: SLACK,
                now: clock::now(),
            };
            let sent = self.emitter.sent();
            let arrived_at = called_at.max(asked_at - IN_TRANSIT);
            let wrong = oracle::differences_in_transit(&sent, arrived_at, &shown, circumstances);
            oracle::check(&wrong).with_context(|| gateway.process.name().to_owned())?;
        }
        Ok(())
    }
}
