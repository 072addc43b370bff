//! Does what a plan says.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use simulator::deanonymizer::Failure;
use simulator::world::{NEXACORE, VERTEXCLOUD};

use crate::chaos::stored;
use crate::chaos::strike::{Harm, Strike, Victim};
use crate::member::Role;
use crate::oracle::HiddenCompanies;
use crate::pipeline::Pipeline;
use crate::process::Process;

/// Begins to harm. The clock of the victim is always wrong by `clock_skew` seconds.
///
/// # Errors
/// Where it cannot be done, or a process does not end well when it is told to.
pub async fn begin(site: &mut Pipeline, strike: &Strike, clock_skew: i64) -> Result<()> {
    let Strike { victim, harm, .. } = *strike;
    match (victim, harm) {
        (Victim::Emitter, Harm::Silence) => site.emitter.silence(true),
        (Victim::Emitter, Harm::Refuse) => {
            site.emitter_refuses(true).await?;
            site.emitter.close_all();
        }
        (Victim::Emitter, _) => site.emitter.close_all(),
        (Victim::Deanonymizer, Harm::Fail) => site.deanonymizer.fail_all(Some(Failure::ServerError)),
        (Victim::Deanonymizer, Harm::Hang) => site.deanonymizer.fail_all(Some(Failure::Hang)),
        (Victim::Deanonymizer, _) => site.deanonymizer_refuses(true).await?,
        (Victim::Cluster, _) => {
            for server in site.nats_servers() {
                server.process.kill().await?;
            }
        }
        (Victim::Stored(what), Harm::Purge) => stored::purge(site, what).await?,
        (Victim::Stored(what), _) => stored::delete(site, what).await?,
        // One enricher after the other is told by `tell_enricher`.
        (Victim::HiddenCompanies, _) => {}
        (Victim::Member(role, number), Harm::ClockForwards | Harm::ClockBackwards) => {
            let step = seconds(strike.clock_step)?;
            let step = if harm == Harm::ClockForwards { step } else { -step };
            site.member(role, number)?.set_clock_offset(clock_skew + step)?;
        }
        (Victim::Member(role, number), Harm::CutFromNats) => site.member(role, number)?.cut_from_nats()?,
        (Victim::Member(role, number), Harm::CutFromEmitter) => {
            site.member(role, number)?.cut_from_emitter()?;
        }
        (Victim::Member(..) | Victim::Nats(_), harm) => {
            let process = process(site, victim)?;
            match harm {
                Harm::Freeze | Harm::LongFreeze => process.pause()?,
                Harm::Stop => {
                    let status = process.stop().await?;
                    ensure!(
                        status.success() || matches!(victim, Victim::Nats(_)),
                        "{victim} ended with {status}"
                    );
                }
                _ => process.kill().await?,
            }
        }
    }
    Ok(())
}

/// The harm is over.
///
/// # Errors
/// Where a process cannot be started again.
pub async fn end(site: &mut Pipeline, strike: &Strike, clock_skew: i64) -> Result<()> {
    let Strike { victim, harm, .. } = *strike;
    match (victim, harm) {
        (Victim::Emitter, Harm::Silence) => site.emitter.silence(false),
        (Victim::Emitter, Harm::Refuse) => site.emitter_refuses(false).await?,
        (Victim::Emitter | Victim::Stored(_) | Victim::HiddenCompanies, _) => {}
        (Victim::Deanonymizer, Harm::Refuse) => site.deanonymizer_refuses(false).await?,
        (Victim::Deanonymizer, _) => site.deanonymizer.fail_all(None),
        (Victim::Cluster, _) => {
            for server in site.nats_servers() {
                server.process.start()?;
            }
        }
        (Victim::Member(role, number), Harm::ClockForwards | Harm::ClockBackwards) => {
            site.member(role, number)?.set_clock_offset(clock_skew)?;
        }
        (Victim::Member(role, number), Harm::CutFromNats) => site.member(role, number)?.restore_nats(),
        (Victim::Member(role, number), Harm::CutFromEmitter) => {
            site.member(role, number)?.restore_emitter();
        }
        (Victim::Member(..) | Victim::Nats(_), Harm::Freeze | Harm::LongFreeze) => {
            process(site, victim)?.resume()?;
        }
        (Victim::Member(..) | Victim::Nats(_), _) => process(site, victim)?.start()?,
    }
    Ok(())
}

/// Restarts an enricher with other companies to hide.
///
/// # Errors
/// Where it does not end well when it is told to, or cannot be started again.
pub async fn tell_enricher(site: &mut Pipeline, number: usize, hidden: &HiddenCompanies) -> Result<()> {
    let process = &mut site.member_mut(Role::Enricher, number)?.process;
    let data_centres = [NEXACORE, VERTEXCLOUD].into_iter();
    let companies: Vec<_> = data_centres.chain(hidden.companies()).collect();
    let status = process.stop().await?;
    ensure!(status.success(), "{} ended with {status}", process.name());
    process.set_flag("--hide-companies", &companies.join(","));
    process.start()
}

fn seconds(duration: Duration) -> Result<i64> {
    Ok(i64::try_from(duration.as_secs())?)
}

fn process(site: &mut Pipeline, victim: Victim) -> Result<&mut Process> {
    match victim {
        Victim::Member(role, number) => Ok(&mut site.member_mut(role, number)?.process),
        Victim::Nats(number) => {
            let server = site.nats_servers().nth(number);
            Ok(&mut server.context("there are fewer NATS servers")?.process)
        }
        Victim::Cluster
        | Victim::Stored(_)
        | Victim::HiddenCompanies
        | Victim::Emitter
        | Victim::Deanonymizer => bail!("{victim} is no process of ours"),
    }
}
