//! The most events a second that the whole pipeline sustains.

use std::time::Duration;

use anyhow::Result;
use simulator::load::Mix;

use crate::Part;
use crate::report::{Section, Table, whole};
use crate::site::{Plan, Run, Site};

/// The p99 that a sustained rate may have, in milliseconds.
const BEARABLE: f64 = 1_000.0;

/// What a trial must have sent of what it was told, or the load generator itself was too slow.
const SENT: f64 = 0.98;

/// The rate of the first short run, and the share of the machine's time that the next ones aim at.
const FIRST: f64 = 50_000.0;
const BUSY: f64 = 0.94;

/// How many short runs look for the rate, and the most by which one may go beyond the one before: what an event costs
/// falls as batches grow, so the first ones promise too little.
const LOOKS: usize = 4;
const STRIDE: f64 = 2.0;

/// The step down where a rate is not sustained, and how many are tried at full length.
const STEP: f64 = 0.9;
const TRIALS: usize = 4;

/// What was found.
pub struct Throughput {
    pub section: Section,
    /// With two enrichers and one client; none if none of the rates tried was sustained.
    pub most_of_a_real_mix: Option<f64>,
}

/// Each mix with fleets of three sizes, and the real one with many clients.
pub async fn measure(lasting: Duration) -> Result<Throughput> {
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
        ..Plan::default()
    });

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
    for plan in plans {
        let found = most(plan, lasting).await?;
        let name = format!("{:?}", plan.mix).to_lowercase();
        let mut row = vec![name, plan.enrichers.to_string(), plan.clients.to_string()];
        match found {
            Some((run, lookups)) => {
                if plan.mix == Mix::Real && plan.enrichers == 2 && plan.clients == 1 {
                    most_of_a_real_mix = Some(run.rate);
                }
                let watched = run.watched;
                row.push(whole(run.rate));
                row.extend([watched.p50, watched.p99, watched.p999].map(|ms| format!("{ms:.1}")));
                row.push(format!("{lookups:.3}"));
            }
            None => row.push("none of those tried".into()),
        }
        eprintln!("  {}", row.join(" "));
        table.row(&row);
    }
    let section = Section::new(Part::Throughput.title()).say(&format!(
        "Sustained for {} s: p99 from the emitter's send to a client's receive under a second, no frame missed, no \
         event given up, and every session right at the end. 10,000 sessions are live; in the real mix 18 % of the \
         steps close one and open another. The rate is looked for in short runs, by \
         what an event costs in them; where it is not sustained at full length, {STEP} of it is tried, and \
         none above the first: where that was sustained, the true limit lies higher.",
        lasting.as_secs(),
    ));
    Ok(Throughput {
        section: section.table(&table),
        most_of_a_real_mix,
    })
}

/// The run at the highest of the rates tried that was sustained at full length, and the lookups per address.
async fn most(plan: Plan, lasting: Duration) -> Result<Option<(Run, f64)>> {
    let mut site = Site::start(plan).await?;
    let mut rate = look_for(&mut site, lasting / 10).await?;
    for _ in 0..TRIALS {
        let run = site.run(rate, lasting).await?;
        match judge(&run, rate) {
            Ok(()) => {
                site.is_right().await?;
                return Ok(Some((run, site.lookups_per_ip())));
            }
            Err(error) => eprintln!("  {}/s is not sustained: {error:#}", whole(rate)),
        }
        rate *= STEP;
    }
    Ok(None)
}

/// The rate at which the machine should be as good as busy, from what events cost in short runs.
async fn look_for(site: &mut Site, lasting: Duration) -> Result<f64> {
    let (mut rate, mut best) = (FIRST, FIRST);
    for _ in 0..LOOKS {
        let run = site.run(rate, lasting).await?;
        if judge(&run, rate).is_err() {
            break;
        }
        best = rate;
        rate *= (BUSY / run.busy).min(STRIDE);
    }
    // What was not tried, or failed in a short run, is trusted half way.
    Ok(if rate > best {
        f64::midpoint(rate, best)
    } else {
        rate
    })
}

fn judge(run: &Run, rate: f64) -> Result<()> {
    let Run {
        watched, rate: sent, ..
    } = run;
    anyhow::ensure!(*sent >= rate * SENT, "only {}/s were sent", whole(*sent));
    anyhow::ensure!(watched.probes > 0, "no probe was seen");
    anyhow::ensure!(watched.p99 < BEARABLE, "p99 is {:.0} ms", watched.p99);
    anyhow::ensure!(watched.gaps == 0, "clients missed {} frames", watched.gaps);
    anyhow::ensure!(watched.lost == 0, "{} clients were lost", watched.lost);
    Ok(())
}
