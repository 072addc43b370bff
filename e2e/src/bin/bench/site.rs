//! A pipeline under load with clients that watch, and the measurements of one period.

use std::time::Duration;

use anyhow::{Result, ensure};
use async_nats::jetstream::Context;
use e2e::load::Usage;
use e2e::oracle::ExpectedView;
use e2e::processes::{Pipeline, Role};
use e2e::{eventually, within};
use simulator::emitter::EmitterConfig;
use simulator::load::{Load, LoadConfig, Mix};

use crate::hops::Hops;
use crate::probes::Probes;
use crate::watch::Watched;
use crate::watchers::Watchers;

/// How fast sessions open before anything is measured.
const OPENING: f64 = 30_000.0;

/// How long the opening of all sessions may take to be seen.
const OPENED_WITHIN: Duration = Duration::from_mins(5);

/// Maximum number of probes per second, and the maximum share of events that are probes.
const PROBES: f64 = 500.0;
const SHARE_OF_PROBES: f64 = 0.5;

/// How often the backlog of the pipeline is checked, and the limits beyond which a run is cut short: bytes that the
/// ingestor has not read, events that wait in it, and messages in the queue.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
const MAX_UNREAD: usize = 64 * 1024 * 1024;
const MAX_WAITING: u64 = 300_000;
const MAX_QUEUED: u64 = 2_000;

/// The configuration of a site.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub mix: Mix,
    pub enrichers: usize,
    pub sessions: usize,
    pub clients: usize,
    /// The minimum time between two frames; the gateway's own choice if none is given.
    pub frame_interval: Option<&'static str>,
}

impl Default for Plan {
    /// The default site: a realistic mix, two enrichers, one client.
    fn default() -> Self {
        Self {
            mix: Mix::Real,
            enrichers: 2,
            sessions: 10_000,
            clients: 1,
            frame_interval: None,
        }
    }
}

/// The result of a period of load.
pub struct Run {
    /// Events that were sent, probes included.
    pub events: u64,
    /// Events per second.
    pub rate: f64,
    /// Whether it was ended early, because the pipeline was too far behind.
    pub cut_short: bool,
    /// What the clients received.
    pub watched: Watched,
    /// CPU time and memory of the processes.
    pub usage: Usage,
    /// How long after the receipt events got to each hop.
    pub hops: Hops,
}

impl Run {
    /// CPU time of all processes of a name, in microseconds per event.
    pub fn cpu_per_event(&self, process: &str) -> f64 {
        self.usage.of(process).cpu_seconds * 1e6 / self.events.max(1) as f64
    }
}

/// A pipeline with its load and clients.
pub struct Site {
    pub pipeline: Pipeline,
    pub watchers: Watchers,
    /// How many sessions are shown once all are open.
    pub shown: usize,
    load: Load,
    probes: Probes,
}

impl Site {
    /// Starts it, opens all sessions, and waits until they are seen.
    pub async fn start(plan: Plan) -> Result<Self> {
        let mut builder = Pipeline::builder()
            .with(Role::Enricher, plan.enrichers)
            .stale_after(stale_after(plan.sessions))
            // All clients have one address, and those of the next measurement connect before the previous ones are closed.
            .flag(Role::Gateway, "--request-rate", "100000")
            .flag(Role::Gateway, "--max-clients", "16000")
            .emitter(EmitterConfig {
                client_buffer: usize::MAX,
                ..EmitterConfig::default()
            });
        if let Some(interval) = plan.frame_interval {
            builder = builder.flag(Role::Gateway, "--frame-interval", interval);
        }
        let pipeline = builder.start().await?;
        let mut load = Load::new(&LoadConfig {
            rate: OPENING,
            sessions: plan.sessions,
            mix: plan.mix,
            churn: match plan.mix {
                Mix::Light => 0.0,
                Mix::Real => LoadConfig::default().churn,
            },
            addresses: 2_000,
            ..LoadConfig::default()
        });
        let probes = Probes::open(&pipeline);
        load.open_all(&pipeline.emitter).await;
        let shown = ExpectedView::after_load(&load).count() + probes.count();
        shows(&pipeline, shown).await?;
        pipeline.queue_is_empty().await?;
        let base = pipeline.instance(Role::Gateway, 0)?.http.base();
        let watchers = Watchers::connect(base, plan.clients, 0).await?;
        Ok(Self {
            pipeline,
            watchers,
            shown,
            load,
            probes,
        })
    }

    /// Sends events at a rate for a time, unless the pipeline falls too far behind, and measures until the last is handled.
    pub async fn run(&mut self, rate: f64, lasting: Duration) -> Result<Run> {
        let probing = PROBES.min(rate * SHARE_OF_PROBES);
        self.load.set_rate(rate - probing);
        self.watchers.seen().await?;
        let (usage, hops) = (Usage::now()?, Hops::now(&self.pipeline).await?);
        let operator = self.pipeline.operator().await?;
        let (mut events, mut took, mut left, mut cut_short) = (0, Duration::ZERO, lasting, false);
        while !left.is_zero() && !cut_short {
            let step = CHECK_INTERVAL.min(left);
            left = left.saturating_sub(step);
            let (sent, probes) = tokio::join!(
                self.load.run(&self.pipeline.emitter, step),
                self.probes.send(&self.pipeline, probing, step),
            );
            events += sent.sent.events() + probes;
            took += sent.took;
            cut_short = self.is_far_behind(&operator).await?;
        }
        // Events in transit are part of the cost, and they are the slowest.
        self.is_drained().await?;
        let usage = Usage::now()?.since(&usage);
        Ok(Run {
            events,
            rate: events as f64 / took.as_secs_f64(),
            cut_short,
            usage,
            watched: self.watchers.seen().await?,
            hops: Hops::now(&self.pipeline).await?.since(&hops),
        })
    }

    async fn is_far_behind(&self, operator: &Context) -> Result<bool> {
        let (waiting, queued) = self.pipeline.queued(operator).await?;
        let unread = self.pipeline.emitter.backlog();
        Ok(unread > MAX_UNREAD || waiting > MAX_WAITING || queued > MAX_QUEUED)
    }

    /// Waits until all that was sent is read and handled.
    pub async fn is_drained(&self) -> Result<()> {
        eventually("the ingestor has read everything", async || {
            let backlog = self.pipeline.emitter.backlog();
            ensure!(backlog == 0, "{backlog} bytes are not read yet");
            Ok(())
        })
        .await?;
        self.pipeline.queue_is_empty().await
    }

    /// Waits until the expected number of sessions is shown.
    pub async fn is_complete(&self) -> Result<()> {
        let shown = ExpectedView::after_load(&self.load).count() + self.probes.count();
        shows(&self.pipeline, shown).await
    }

    /// Closes the probes, waits until every session in the view is right, and checks that no event was dropped.
    pub async fn is_right(&self) -> Result<()> {
        self.probes.close(&self.pipeline);
        let expected = ExpectedView::after_load(&self.load);
        self.pipeline.shows_exactly(&expected, &[]).await?;
        let dropped = "visitor_ingestor_events_dropped_total";
        let dropped = self.pipeline.metric(Role::Ingestor, dropped).await?;
        ensure!(dropped == 0, "{dropped} events were dropped");
        Ok(())
    }

    /// Calls to the Deanonymizer for each address that it was asked about.
    pub fn lookups_per_ip(&self) -> f64 {
        let stats = self.pipeline.deanonymizer.stats();
        stats.calls as f64 / (stats.distinct_ips as f64).max(1.0)
    }

    /// Memory of all processes of a name, in bytes.
    pub fn memory(process: &str) -> Result<u64> {
        Ok(Usage::now()?.of(process).memory)
    }
}

/// Long enough for the slowest load that keeps this number of sessions alive.
fn stale_after(sessions: usize) -> Duration {
    Duration::from_mins(1).max(Duration::from_millis(sessions as u64 / 5))
}

async fn shows(pipeline: &Pipeline, sessions: usize) -> Result<()> {
    within(OPENED_WITHIN, "all sessions are in the view", async || {
        let stats = pipeline.instance(Role::Gateway, 0)?.http.stats().await?;
        ensure!(
            stats.active_sessions == sessions as u64,
            "{stats:?} instead of {sessions}"
        );
        Ok(())
    })
    .await
}
