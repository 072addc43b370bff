//! A trial of lookups: new visitors arrive alongside known ones while the Deanonymizer has one fault.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use simulator::deanonymizer::{Deanonymizer, Failure, Latency};
use simulator::world::Kind;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::eventually::eventually;
use crate::load::latency::Latencies;
use crate::processes::Pipeline;
use crate::visitor::Visitor;

/// How often events are sent.
const TICK: Duration = Duration::from_millis(100);
const TICKS_PER_SECOND: usize = 10;

/// The one fault of a Deanonymizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// No fault.
    Healthy,
    /// Answers this share of calls with 500.
    Errors(f64),
    /// Resets the connection of this share of calls.
    Resets(f64),
    /// Cuts off the JSON of this share of answers.
    Truncated(f64),
    /// Answers every call correctly after this long.
    Late(Duration),
    /// Never answers this share of calls.
    Hangs(f64),
}

impl Condition {
    /// The conditions that every fleet must tolerate.
    pub const ALL: [Self; 8] = [
        Self::Healthy,
        Self::Errors(0.1),
        Self::Resets(0.1),
        Self::Truncated(0.1),
        Self::Errors(0.5),
        Self::Late(Duration::from_secs(2)),
        Self::Late(Duration::from_secs(4)),
        Self::Hangs(0.1),
    ];

    /// Maximum number of calls that an address may cost on average.
    #[must_use]
    pub fn most_calls_per_ip(self) -> f64 {
        match self {
            Self::Healthy | Self::Late(_) => 1.0,
            Self::Errors(share) | Self::Resets(share) | Self::Truncated(share) | Self::Hangs(share) => {
                if share > 0.1 {
                    2.1
                } else {
                    1.12
                }
            }
        }
    }

    /// Sets this condition.
    pub fn apply(self, deanonymizer: &Deanonymizer) {
        match self {
            Self::Healthy => {}
            Self::Errors(share) => deanonymizer.set_error_rate(share),
            Self::Resets(share) => deanonymizer.set_garbage(share, &[Failure::Reset]),
            Self::Truncated(share) => deanonymizer.set_garbage(share, &[Failure::TruncatedJson]),
            Self::Late(latency) => deanonymizer.set_latency(Latency::fixed(latency)),
            Self::Hangs(share) => deanonymizer.set_hang_rate(share),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f64| share * 100.0;
        match self {
            Self::Healthy => write!(f, "healthy"),
            Self::Errors(share) => write!(f, "{:.0} % 500", percent(share)),
            Self::Resets(share) => write!(f, "{:.0} % resets", percent(share)),
            Self::Truncated(share) => write!(f, "{:.0} % cut-off JSON", percent(share)),
            Self::Late(latency) => write!(f, "right, {:.0} s late", latency.as_secs_f64()),
            Self::Hangs(share) => write!(f, "{:.0} % never answer", percent(share)),
        }
    }
}

/// The load and duration of a trial.
#[derive(Clone, Copy, Debug)]
pub struct LookupTrial {
    /// New visitors per second, each from a different address.
    pub new_per_second: usize,
    /// The number of known visitors. Each sends a keep-alive per second.
    pub known: usize,
    /// For how long new visitors come.
    pub lasting: Duration,
    /// How long after that they are counted, unless all of them are shown before.
    pub grace: Duration,
}

/// The result of a trial.
#[derive(Clone, Debug)]
pub struct LookupOutcome {
    /// New visitors that came.
    pub came: usize,
    /// Those of them that were not shown when they were counted.
    pub never_shown: usize,
    /// Known visitors that were not shown when they were counted.
    pub known_missing: usize,
    /// Calls for addresses of new visitors, per address.
    pub calls_per_ip: f64,
    /// Calls for addresses of known visitors, whose verdicts were paid for before.
    pub calls_for_known: u64,
    /// The highest number of calls in flight at once.
    pub max_in_flight: u64,
    /// How long keep-alives of a known visitor took to the viewer.
    pub known_latencies: Latencies,
}

impl LookupTrial {
    /// Sends visitors to a pipeline that has had none.
    ///
    /// # Errors
    /// Fails if known visitors are not shown before the trial, or a keep-alive is not seen in time.
    pub async fn run(&self, site: &Pipeline, condition: Condition) -> Result<LookupOutcome> {
        let known: Vec<_> = (0..=self.known)
            .map(|number| Visitor::from(&site.ip(Kind::Full, number_of(number))))
            .collect();
        introduce(site, &known).await?;
        let calls_before = calls_for(site, &known);
        site.deanonymizer.forget_most_in_flight();
        condition.apply(&site.deanonymizer);

        let viewer = site.viewer().await?;
        let (watched, others) = known.split_first().context("at least one visitor is known")?;
        let arrivals = RefCell::new(Vec::<Visitor>::new());
        let measured = async {
            let latencies = Latencies::measure(site, &viewer, watched, self.lasting).await?;
            let arrivals = arrivals.borrow().clone();
            let all_are_shown = viewer.sees("all new visitors", |view| {
                arrivals.iter().all(|new| view.sessions.contains_key(&new.guid))
            });
            // Visitors who are not shown by then are counted.
            drop(timeout(self.grace, all_are_shown).await);
            anyhow::Ok(latencies)
        };
        let known_latencies = tokio::select! {
            never = self.come(site, others, &arrivals) => match never {},
            measured = measured => measured?,
        };
        let view = viewer.view();
        let is_missing = |visitor: &&Visitor| !view.sessions.contains_key(&visitor.guid);
        let new = arrivals.into_inner();
        let stats = site.deanonymizer.stats();
        Ok(LookupOutcome {
            came: new.len(),
            never_shown: new.iter().filter(is_missing).count(),
            known_missing: known.iter().filter(is_missing).count(),
            calls_per_ip: calls_for(site, &new) as f64 / new.len().max(1) as f64,
            calls_for_known: calls_for(site, &known) - calls_before,
            max_in_flight: stats.most_in_flight,
            known_latencies,
        })
    }

    /// New visitors arrive for the duration of the trial. Known visitors never leave.
    async fn come(&self, site: &Pipeline, known: &[Visitor], arrivals: &RefCell<Vec<Visitor>>) -> Infallible {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut known = known.iter().cycle();
        let ends = Instant::now() + self.lasting;
        for number in 0_usize.. {
            ticks.tick().await;
            let staying = known.by_ref().take(self.known / TICKS_PER_SECOND);
            let mut events: Vec<_> = staying.map(|known| known.keep_alive(0)).collect();
            if Instant::now() < ends {
                let at_once = self.new_per_second / TICKS_PER_SECOND;
                let numbers = number * at_once..(number + 1) * at_once;
                let new: Vec<_> = numbers
                    .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number_of(number))))
                    .collect();
                events.extend(new.iter().map(|new| new.opened(0)));
                arrivals.borrow_mut().extend(new);
            }
            site.send(&events);
        }
        std::future::pending().await
    }
}

/// Sends visitors from known addresses. Waits until all of them are shown: those whose events nobody received, because an ingestor
/// was reconnecting, would be looked up during the trial.
async fn introduce(site: &Pipeline, known: &[Visitor]) -> Result<()> {
    for known in known.chunks(100) {
        site.send(&known.iter().map(|known| known.opened(0)).collect::<Vec<_>>());
    }
    site.view_is_right().await?;
    eventually("the known visitors are shown", async || {
        let shown = site.sessions().await?;
        let missing: Vec<_> = known
            .iter()
            .filter(|known| !shown.contains_key(&known.guid))
            .collect();
        site.send(
            &missing
                .iter()
                .map(|missing| missing.keep_alive(0))
                .collect::<Vec<_>>(),
        );
        ensure!(missing.is_empty(), "{} are missing", missing.len());
        Ok(())
    })
    .await
}

fn calls_for(site: &Pipeline, visitors: &[Visitor]) -> u64 {
    let calls = visitors
        .iter()
        .map(|visitor| site.deanonymizer.calls_for(&visitor.ip).calls);
    calls.sum()
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
