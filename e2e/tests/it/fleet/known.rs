//! Known visitors while lookups hang or fail: their keep-alives are all handled and shown, with the same work as beside a
//! healthy Deanonymizer. These are counts, so that the load of the machine does not matter; `make bench-lookups` measures
//! the latency.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use simulator::deanonymizer::Failure;
use simulator::event::Event;
use simulator::world::Kind;

/// How many visitors are known.
const KNOWN: u32 = 50;

/// How often each of them is heard of under each condition.
const ROUNDS: u64 = 20;

/// How many new visitors wait for their lookups meanwhile.
const WAITING: u32 = 300;

/// How many more come in each round.
const MORE: u32 = 5;

struct Trial {
    site: Pipeline,
    known: Vec<Visitor>,
    next: AtomicU32,
}

impl Trial {
    async fn start(lookup_timeout: &str) -> Result<Self> {
        let site = Pipeline::builder()
            .with(Role::Enricher, 2)
            .flag(Role::Enricher, "--lookup-timeout", lookup_timeout)
            .start()
            .await?;
        let ips = (0..KNOWN).map(|number| site.ip(Kind::Full, number));
        let known: Vec<_> = ips.map(|ip| Visitor::from(&ip)).collect();
        site.send(&openings(&known));
        for visitor in &known {
            site.shows(visitor).await?;
        }
        Ok(Self {
            site,
            known,
            next: AtomicU32::new(0),
        })
    }

    fn newcomers(&self, count: u32) -> Vec<Visitor> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        (first..first + count)
            .map(|number| Visitor::from(&self.site.ip(Kind::CompanyOnly, number)))
            .collect()
    }

    /// How many keep-alives the enrichers have handled; one that is delivered again counts again.
    async fn handled(&self) -> Result<u64> {
        let metric = r#"visitor_enricher_events_total{kind="keep-alive"}"#;
        self.site.metric(Role::Enricher, metric).await
    }

    /// Hears of every known visitor, round after round, among new ones. Returns these, and how many keep-alives were
    /// handled until each round was shown.
    async fn rounds(&self) -> Result<(Vec<Visitor>, u64)> {
        let before = self.handled().await?;
        let mut came = Vec::new();
        for round in 0..ROUNDS {
            let new = self.newcomers(MORE);
            // A moment ago, because an event from the future of its receipt would be shown with another time.
            let events: Vec<_> = self.known.iter().map(|known| known.keep_alive(1_000)).collect();
            self.site.send(&openings(&new));
            self.site.send(&events);
            came.extend(new);
            eventually(&format!("round {round} is shown"), async || {
                let sessions = self.site.sessions().await?;
                for (known, event) in self.known.iter().zip(&events) {
                    let shown = sessions.get(&known.guid).context("a known visitor is lost")?;
                    let sent = event.timestamp_ms().context("no time")?;
                    let at = shown.last_activity_at.unix_ms();
                    ensure!(at >= sent, "last activity {at}, not {sent}");
                }
                Ok(())
            })
            .await?;
        }
        Ok((came, self.handled().await? - before))
    }

    /// Those who wait now, of these visitors.
    async fn waiting(&self, visitors: &[Visitor]) -> Result<usize> {
        let sessions = self.site.sessions().await?;
        Ok(visitors
            .iter()
            .filter(|visitor| !sessions.contains_key(&visitor.guid))
            .count())
    }

    /// Compares the work for known visitors while these wait with that beside a healthy Deanonymizer.
    async fn compare(&self, mut waiting: Vec<Visitor>, healthy: u64) -> Result<Vec<Visitor>> {
        let (came, handled) = self.rounds().await?;
        waiting.extend(came);
        ensure!(
            handled * 5 <= healthy * 6,
            "{handled} keep-alives handled, and {healthy} beside a healthy Deanonymizer"
        );
        let still = self.waiting(&waiting).await?;
        ensure!(still == waiting.len(), "{still} of {} wait", waiting.len());
        Ok(waiting)
    }

    /// New visitors come and leave again once the Deanonymizer answers.
    async fn recovers(&self, waiting: &[Visitor]) -> Result<()> {
        let closings: Vec<_> = waiting.iter().map(|visitor| visitor.closed(0)).collect();
        self.site.send(&closings);
        self.site.deanonymizer.fail_all(None);
        for visitor in self.newcomers(3) {
            self.site.send(&[visitor.opened(0)]);
            self.site.shows(&visitor).await?;
        }
        Ok(())
    }
}

fn openings(visitors: &[Visitor]) -> Vec<Event> {
    visitors.iter().map(|visitor| visitor.opened(2_000)).collect()
}

#[tokio::test]
async fn hanging_calls_cost_known_visitors_nothing() -> Result<()> {
    // The calls end long after the test.
    let trial = Trial::start("10m").await?;
    let (_, healthy) = trial.rounds().await?;
    assert!(healthy >= ROUNDS * u64::from(KNOWN), "{healthy}");
    trial.site.deanonymizer.fail_all(Some(Failure::Hang));
    let waiting = trial.newcomers(WAITING);
    trial.site.send(&openings(&waiting));
    eventually("the calls hang", async || {
        let stats = trial.site.deanonymizer.stats();
        ensure!(stats.in_flight >= 100, "{stats:?}");
        Ok(())
    })
    .await?;
    trial.compare(waiting, healthy).await?;
    Ok(())
}

#[tokio::test]
async fn failing_calls_cost_known_visitors_nothing() -> Result<()> {
    let trial = Trial::start("5s").await?;
    let (_, healthy) = trial.rounds().await?;
    for failure in [
        Failure::ServerError,
        Failure::TooManyRequests,
        Failure::Reset,
        Failure::TruncatedJson,
        Failure::WrongTypes,
        Failure::Unauthorized,
    ] {
        let calls = trial.site.deanonymizer.stats().calls;
        trial.site.deanonymizer.fail_all(Some(failure));
        let waiting = trial.newcomers(WAITING);
        trial.site.send(&openings(&waiting));
        eventually("calls fail", async || {
            let made = trial.site.deanonymizer.stats().calls - calls;
            ensure!(made > 0, "no call");
            Ok(())
        })
        .await?;
        let compared = trial.compare(waiting, healthy).await;
        let waiting = compared.with_context(|| failure.to_string())?;
        trial
            .recovers(&waiting)
            .await
            .with_context(|| failure.to_string())?;
    }
    Ok(())
}
