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

/// The shares of what an overrun drains that are verified at full length, until one is sustained.
const SHARES: [f64; 2] = [0.9, 0.9 * 0.85];

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
         steps close one and open another. The rate is {} of what an \
         overrun drains, or {:.3} of it where that is too much, so the true limit may lie a tenth or two higher.",
        lasting.as_secs(),
        SHARES[0],
        SHARES[1],
    ));
    Ok(Throughput {
        section: section.table(&table),
        most_of_a_real_mix,
    })
}

/// The run at the highest rate that was sustained at full length, and the lookups per address.
async fn most(plan: Plan, lasting: Duration) -> Result<Option<(Run, f64)>> {
    let mut site = Site::start(plan).await?;
    let drained = site.overrun(lasting / 8).await?;
    for share in SHARES {
        let rate = drained * share;
        let run = site.run(rate, lasting).await?;
        match judge(&run, rate) {
            Ok(()) => {
                site.is_right().await?;
                return Ok(Some((run, site.lookups_per_ip())));
            }
            Err(error) => eprintln!("  {}/s is not sustained: {error:#}", whole(rate)),
        }
        site.is_drained().await?;
    }
    Ok(None)
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
