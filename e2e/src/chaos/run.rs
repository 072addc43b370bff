//! A run: rounds of faults under load. After each round, every view must become right.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use service::clock;
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::chaos::exposure::{ExposureWatch, Exposures};
use crate::chaos::fault::{Fault, Target};
use crate::chaos::figures::Figures;
use crate::chaos::injector;
use crate::chaos::plan;
use crate::chaos::progress::{ActiveFaults, Recovery, UnderWay};
use crate::chaos::quiet_point::QuietPoint;
use crate::chaos::recovery;
use crate::chaos::report::Report;
use crate::chaos::roaming_client::RoamingClient;
use crate::chaos::sent_events::SentEvents;
use crate::chaos::settings::{STALE_AFTER, Settings, set_deanonymizer_faults};
use crate::eventually::eventually;
use crate::oracle::{HiddenCompanies, LateReading};
use crate::processes::{Pipeline, Role};

/// The precision with which faults begin and end.
const STEP: Duration = Duration::from_millis(10);

/// How long a page that roams without a reason stays at one gateway.
const STAYS: Duration = Duration::from_secs(7);

/// The number of exposed rows that an error names.
const MAX_PRINTED_EXPOSURES: usize = 5;

/// Runs all rounds.
///
/// # Errors
/// Fails if a view stays wrong after a round, or a target does not recover. The preceding faults are printed.
pub async fn run(settings: Settings) -> Result<Report> {
    // Recoveries are awaited while other faults begin.
    Box::pin(LocalSet::new().run_until(rounds(settings))).await
}

async fn rounds(settings: Settings) -> Result<Report> {
    let mut chaos = Chaos::start(&settings).await?;
    for number in 0..settings.rounds {
        println!("round {number}");
        let faults = plan::round(
            settings.counts(),
            settings.pace,
            &settings.categories,
            settings.seed,
            number,
        );
        chaos.round(&faults).await?;
        chaos.quiet_point().await?;
    }
    chaos.report().await
}

struct Chaos {
    settings: Settings,
    site: Pipeline,
    pages: Vec<RoamingClient>,
    hidden: watch::Sender<HiddenCompanies>,
    exposures: Arc<Mutex<Exposures>>,
    /// In order and without overlaps, because only one ingestor has a fault at a time.
    late: Vec<LateReading>,
    figures: Figures,
    sent: SentEvents,
    report: Report,
}

impl Chaos {
    async fn start(settings: &Settings) -> Result<Self> {
        let site = settings.site().await?;
        let gateways: Vec<_> = site
            .instances(Role::Gateway)
            .map(|gateway| gateway.http.base().to_owned())
            .collect();
        let in_reverse = gateways.iter().rev().cloned().collect();
        let (hidden, rules) = watch::channel(HiddenCompanies::default());
        let exposures: Arc<Mutex<Exposures>> = Arc::default();
        let world = site.deanonymizer.world();
        let page = |number: usize, gateways, stays| {
            let name = format!("page {number}");
            let watch = ExposureWatch::new(&name, world, rules.clone(), Arc::clone(&exposures));
            RoamingClient::start(gateways, stays, watch)
        };
        let pages = vec![
            page(0, gateways.clone(), None),
            page(1, in_reverse, None),
            page(2, gateways, Some(STAYS)),
        ];
        eventually("every page shows somebody from a company", async || {
            for page in &pages {
                let view = page.view().context("a page is not connected")?;
                let mut rows = view.sessions.values();
                ensure!(rows.any(|row| row.company.is_some()), "{view:?}");
            }
            Ok(())
        })
        .await?;
        let figures = Figures::new(site.nats.client("operator").await?).await?;
        Ok(Self {
            settings: settings.clone(),
            site,
            pages,
            hidden,
            exposures,
            late: Vec::new(),
            figures,
            sent: SentEvents::default(),
            report: Report::default(),
        })
    }

    /// Injects the faults of a round, and waits until all targets have recovered.
    async fn round(&mut self, faults: &[Fault]) -> Result<()> {
        set_deanonymizer_faults(&self.site.deanonymizer, true);
        let mut began = Instant::now();
        let mut active = ActiveFaults::default();
        for fault in faults {
            let due = began + fault.at;
            while Instant::now() < due || active.must_wait_for_recovery(fault) {
                self.advance(&mut active).await?;
            }
            // If the machine is too slow for the plan, the plan waits.
            began += due.elapsed();
            self.begin(fault).await?;
            active.under_way.push(UnderWay::new(*fault));
        }
        while !active.is_over() {
            self.advance(&mut active).await?;
        }
        Ok(())
    }

    /// Continues faults of several steps, ends those that are due, and reports recoveries.
    async fn advance(&mut self, active: &mut ActiveFaults) -> Result<()> {
        let enrichers = self.settings.counts().enrichers;
        for under_way in &mut active.under_way {
            if let Some(enricher) = under_way.enricher_to_update(enrichers) {
                let hidden = self.hidden.borrow().clone();
                injector::set_rules(&mut self.site, enricher, &hidden).await?;
                under_way.updated_enrichers += 1;
            }
        }
        let over = |under_way: &mut UnderWay| {
            under_way.is_over() && under_way.enricher_to_update(enrichers).is_none()
        };
        for under_way in active.under_way.extract_if(.., over) {
            let recovery = self.end(&under_way).await?;
            active.recoveries.push(recovery);
        }
        let back = active
            .recoveries
            .extract_if(.., |recovery| recovery.back.is_finished());
        for Recovery { fault, back } in back {
            let Fault { target, kind, .. } = fault;
            let after = back.await?.with_context(|| format!("{target} after {kind}"))?;
            self.report.recovered(target, kind, after);
        }
        self.sent.add(self.site.emitter.take_sent());
        sleep(STEP).await;
        Ok(())
    }

    async fn begin(&mut self, fault: &Fault) -> Result<()> {
        let Fault {
            at,
            target,
            kind,
            lasting,
            clock_step,
        } = fault;
        print!(
            "{:>6.1} s  {target} {kind}, for {:.1} s",
            at.as_secs_f64(),
            lasting.as_secs_f64()
        );
        if !clock_step.is_zero() {
            print!(" by {} s", clock_step.as_secs());
        }
        println!();
        if *target == Target::HiddenCompanies {
            self.change_hidden_companies()?;
        }
        if matches!(target, Target::Nats(_) | Target::Cluster | Target::Stored(_)) {
            // NATS may be unreachable, and then there is nothing to read.
            let _ = self.figures.look().await;
        }
        injector::begin(&mut self.site, fault, self.settings.clock_skew(*target))
            .await
            .with_context(|| format!("{target} {kind}"))
    }

    /// Hides one more company or, if one is hidden, shows it again.
    fn change_hidden_companies(&mut self) -> Result<()> {
        if self.hidden.borrow().companies().next().is_some() {
            println!("          nobody but the data centres is hidden any longer");
            self.hidden.send_modify(HiddenCompanies::release_all);
            return Ok(());
        }
        let company = self.company_with_most_rows().context("no company is shown")?;
        println!("          {company} is hidden");
        self.hidden.send_modify(|hidden| hidden.hide(&company));
        Ok(())
    }

    /// The company with the most sessions, among those that were never hidden.
    fn company_with_most_rows(&self) -> Option<String> {
        let mut rows: BTreeMap<String, usize> = BTreeMap::new();
        for session in self.pages.first()?.last_view().sessions.into_values() {
            if let Some(company) = session.company {
                *rows.entry(company.guid.to_lowercase()).or_default() += 1;
            }
        }
        let hidden = self.hidden.borrow();
        let never_hidden = rows.into_iter().filter(|(company, _)| !hidden.knows(company));
        let most = never_hidden.max_by_key(|(_, rows)| *rows)?;
        Some(most.0)
    }

    async fn end(&mut self, under_way: &UnderWay) -> Result<Recovery> {
        let fault = under_way.fault;
        let Fault { target, kind, .. } = fault;
        injector::end(&mut self.site, &fault, self.settings.clock_skew(target)).await?;
        if fault.delays_receipts() {
            self.late.push(LateReading {
                from: under_way.began_at,
                to: clock::now(),
            });
        }
        if target == Target::HiddenCompanies {
            self.hidden
                .send_modify(|hidden| hidden.rules_applied(clock::now()));
        }
        let over = Instant::now();
        let back = recovery::back(&self.site, target, kind).await?;
        let back = spawn_local(async move {
            back.await?;
            Ok(over.elapsed())
        });
        Ok(Recovery { fault, back })
    }

    /// Waits until every gateway and every page shows what it should.
    async fn quiet_point(&mut self) -> Result<()> {
        set_deanonymizer_faults(&self.site.deanonymizer, false);
        let hidden = self.hidden.borrow().clone();
        let quiet_point = QuietPoint::new(&hidden, &self.late);
        let called_at = quiet_point.called_at();
        let settling = quiet_point
            .every_view_is_right(&self.site, &self.pages, &mut self.sent)
            .await?;
        println!("every view is right after {:.1} s", settling.as_secs_f64());
        self.report.quiet_points += 1;
        self.report.settling.push(settling);
        self.nothing_was_exposed()?;
        self.figures.look().await?;
        self.sent.forget_closed(called_at - STALE_AFTER);
        self.nobody_panicked()
    }

    fn nobody_panicked(&self) -> Result<()> {
        for instance in Role::ALL.into_iter().flat_map(|role| self.site.instances(role)) {
            let panicked = instance.process.log()?.contains("panicked");
            ensure!(!panicked, "{} panicked", instance.process.name());
        }
        Ok(())
    }

    /// Checks that no page was ever sent what must not be shown.
    fn nothing_was_exposed(&self) -> Result<()> {
        let exposures = self.exposures.lock().unwrap_or_else(PoisonError::into_inner);
        let first: Vec<_> = exposures.iter().take(MAX_PRINTED_EXPOSURES).collect();
        ensure!(
            exposures.is_empty(),
            "{} rows of hidden companies were shown, such as {first:?}",
            exposures.len()
        );
        Ok(())
    }

    async fn report(mut self) -> Result<Report> {
        let calls = self.site.deanonymizer.stats();
        let pages: Vec<_> = self.pages.iter().map(RoamingClient::last_view).collect();
        self.report.sent = self.sent.sent();
        self.report.redelivered = self.figures.redelivered();
        self.report.streams_lost = self.figures.streams_lost();
        self.report.rejected = self.figures.rejected();
        self.report.dropped = self
            .site
            .metric(Role::Ingestor, "visitor_ingestor_events_dropped_total")
            .await?;
        self.report.snapshots = pages.iter().map(|view| view.snapshots).sum();
        self.report.gaps = pages.iter().map(|view| view.gaps).sum();
        self.report.returned = pages.iter().map(|view| view.returned).sum();
        self.report.calls = (calls.calls, calls.distinct_ips);
        Ok(self.report)
    }
}
