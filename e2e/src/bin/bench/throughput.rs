//! Measures the highest event rate that the whole pipeline sustains.

use std::time::Duration;

use anyhow::Result;
use simulator::load::Mix;

use crate::number::whole;
use crate::part::Part;
use crate::report::{Section, Table};
use crate::site::{Plan, Run, Site};

/// The p99 that a sustained rate may have, in milliseconds.
const MAX_P99: f64 = 1_000.0;

/// The minimum share of the requested rate that a trial must have sent; below it, the load generator was too slow.
const MIN_SENT_SHARE: f64 = 0.98;

/// The rates of the first short runs, from which the search starts.
const FIRST_LIGHT: f64 = 400_000.0;
const FIRST_REAL: f64 = 130_000.0;

/// The p99 that a short run may have, in milliseconds: a pipeline that falls behind has no time to show it.
const MAX_SHORT_RUN_P99: f64 = 200.0;

/// How much shorter a short run is, the maximum number of them, and the factor between two rates.
const SHORTER: u32 = 15;
const MAX_SHORT_RUNS: usize = 6;
const STRIDE: f64 = 1.2;

/// The factor from the highest rate of the short runs to the first run at full length, and from a rate that is not
/// sustained to the next one; and the maximum number of full runs.
const STEP: f64 = 0.92;
const TRIALS: usize = 6;

/// The results.
pub struct Throughput {
    pub section: Section,
    /// With two enrichers and one client; none if none of the rates tried was sustained.
    pub most_of_a_real_mix: Option<f64>,
}

/// Each mix with fleets of three sizes, and the real one with many clients.
pub async fn measure(lasting: Duration) -> Result<Throughput> {
    let mut most_of_a_real_mix = None;
    let mut table = Table::new(&[
        "mix",
        "enrichers",
        "clients",
        "events/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "calls per IP",
    ]);
    for plan in plans() {
        let found = Box::pin(most(plan, lasting)).await?;
        if let Some((run, _)) = &found
            && (plan.mix, plan.enrichers, plan.clients) == (Mix::Real, 2, 1)
        {
            most_of_a_real_mix = Some(run.rate);
        }
        let row = row(&plan, found.as_ref());
        eprintln!("  {}", row.join(" "));
        table.row(&row);
    }
    let section = Section::new(Part::Throughput.title()).say(&format!(
        "A rate counts as sustained if for {} s the p99 from the emitter's send to a client's receive is under a second, \
         no frame is missed, no event is dropped, and every session is right at the end. 10,000 sessions are live. In the \
         real mix, 18 % of the steps close one session and open another; the light mix has only keep-alives of known \
         visitors. The search uses runs of a {SHORTER}th of the time, each at {STRIDE} times the rate before, until the p99 of two in a row is \
         over {MAX_SHORT_RUN_P99} ms. Then {STEP} of the highest rate before that runs at full length and, if it is not \
         sustained, {STEP} of that.",
        lasting.as_secs(),
    ));
    Ok(Throughput {
        section: section.table(&table),
        most_of_a_real_mix,
    })
}

fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for mix in [Mix::Light, Mix::Real] {
        for enrichers in [1, 2, 4] {
            plans.push(Plan {
                mix,
                enrichers,
                ..Plan::default()
            });
        }
    }
    plans.push(Plan {
        clients: 50,
        enrichers: 1,
        ..Plan::default()
    });
    plans
}

fn row(plan: &Plan, found: Option<&(Run, f64)>) -> Vec<String> {
    let name = format!("{:?}", plan.mix).to_lowercase();
    let mut row = vec![name, plan.enrichers.to_string(), plan.clients.to_string()];
    match found {
        Some((run, lookups)) => {
            let watched = run.watched;
            row.push(whole(run.rate));
            row.extend([watched.p50, watched.p99, watched.p999].map(|ms| format!("{ms:.1}")));
            row.push(format!("{lookups:.3}"));
        }
        None => row.push("none of those tried".into()),
    }
    row
}

/// The run at the highest of the rates tried that was sustained at full length, and the lookups per address.
async fn most(plan: Plan, lasting: Duration) -> Result<Option<(Run, f64)>> {
    let mut site = Site::start(plan).await?;
    let mut rate = search(&mut site, first(plan.mix), lasting / SHORTER).await?;
    let mut searched = Some(site);
    for _ in 0..TRIALS {
        rate *= STEP;
        // After an overload, the next run gets a new site, because the old one still remembers closings for ten minutes.
        let mut site = match searched.take() {
            Some(site) => site,
            None => Site::start(plan).await?,
        };
        let run = site.run(rate, lasting).await?;
        match judge(&run, rate, MAX_P99) {
            Ok(()) => {
                site.is_right().await?;
                return Ok(Some((run, site.lookups_per_ip())));
            }
            Err(error) => eprintln!("  {}/s is not sustained: {error:#}", whole(rate)),
        }
    }
    Ok(None)
}

const fn first(mix: Mix) -> f64 {
    match mix {
        Mix::Light => FIRST_LIGHT,
        Mix::Real => FIRST_REAL,
    }
}

/// The highest rate that a short run sustains: searches upwards from the first rate, or downwards if that fails.
async fn search(site: &mut Site, first: f64, lasting: Duration) -> Result<f64> {
    // A pipeline that has just been started is slower than it will be.
    site.run(first / STRIDE, lasting).await?;
    let mut rate = first;
    if is_sustained_briefly(site, rate, lasting).await? {
        for _ in 0..MAX_SHORT_RUNS {
            if !is_sustained_briefly(site, rate * STRIDE, lasting).await? {
                break;
            }
            rate *= STRIDE;
        }
    } else {
        for _ in 0..MAX_SHORT_RUNS {
            rate /= STRIDE;
            if is_sustained_briefly(site, rate, lasting).await? {
                break;
            }
        }
    }
    Ok(rate)
}

/// Whether one of two short runs sustains the rate: a single run can fail because the machine was busy for a moment.
async fn is_sustained_briefly(site: &mut Site, rate: f64, lasting: Duration) -> Result<bool> {
    for _ in 0..2 {
        let run = site.run(rate, lasting).await?;
        if judge(&run, rate, MAX_SHORT_RUN_P99).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Checks that the rate was sustained, with a p99 of at most this number of milliseconds.
fn judge(run: &Run, rate: f64, max_p99: f64) -> Result<()> {
    let Run {
        watched, rate: sent, ..
    } = run;
    anyhow::ensure!(!run.cut_short, "the queue grows");
    anyhow::ensure!(
        *sent >= rate * MIN_SENT_SHARE,
        "only {}/s were sent",
        whole(*sent)
    );
    anyhow::ensure!(watched.probes > 0, "no probe was seen");
    anyhow::ensure!(watched.p99 < max_p99, "p99 is {:.0} ms", watched.p99);
    anyhow::ensure!(watched.gaps == 0, "clients missed {} frames", watched.gaps);
    anyhow::ensure!(watched.lost == 0, "{} clients were lost", watched.lost);
    Ok(())
}
