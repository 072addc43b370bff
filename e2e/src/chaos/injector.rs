//! Injects the faults of a plan.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use simulator::deanonymizer::Failure;
use simulator::world::{NEXACORE, VERTEXCLOUD};

use crate::chaos::fault::{Fault, FaultKind, Target};
use crate::chaos::stored;
use crate::oracle::HiddenCompanies;
use crate::processes::{Pipeline, Process, Role};

/// Begins a fault. The clock of the target is always wrong by `clock_skew` seconds.
///
/// # Errors
/// Fails if the fault cannot be injected, or a process does not exit cleanly.
pub async fn begin(site: &mut Pipeline, fault: &Fault, clock_skew: i64) -> Result<()> {
    let Fault { target, kind, .. } = *fault;
    match (target, kind) {
        (Target::Emitter, FaultKind::Silence) => site.emitter.silence(true),
        (Target::Emitter, FaultKind::Refuse) => {
            site.emitter_refuses(true).await?;
            site.emitter.close_all();
        }
        (Target::Emitter, _) => site.emitter.close_all(),
        (Target::Deanonymizer, FaultKind::Fail) => site.deanonymizer.fail_all(Some(Failure::ServerError)),
        (Target::Deanonymizer, FaultKind::Hang) => site.deanonymizer.fail_all(Some(Failure::Hang)),
        (Target::Deanonymizer, _) => site.deanonymizer_refuses(true).await?,
        (Target::Cluster, _) => {
            for server in site.nats_servers() {
                server.process.kill().await?;
            }
        }
        (Target::Stored(what), FaultKind::Purge) => stored::purge(site, what).await?,
        (Target::Stored(what), _) => stored::delete(site, what).await?,
        // `set_rules` restarts one enricher after the other.
        (Target::HiddenCompanies, _) => {}
        (Target::Instance(role, number), FaultKind::ClockForwards | FaultKind::ClockBackwards) => {
            let step = seconds(fault.clock_step)?;
            let step = if kind == FaultKind::ClockForwards {
                step
            } else {
                -step
            };
            site.instance(role, number)?.set_clock_offset(clock_skew + step)?;
        }
        (Target::Instance(role, number), FaultKind::CutFromNats) => {
            site.instance(role, number)?.cut_from_nats()?;
        }
        (Target::Instance(role, number), FaultKind::CutFromEmitter) => {
            site.instance(role, number)?.cut_from_emitter()?;
        }
        (Target::Instance(..) | Target::Nats(_), kind) => {
            let process = process(site, target)?;
            match kind {
                FaultKind::Freeze | FaultKind::LongFreeze => process.pause()?,
                FaultKind::Stop => {
                    let status = process.stop().await?;
                    ensure!(
                        status.success() || matches!(target, Target::Nats(_)),
                        "{target} ended with {status}"
                    );
                }
                _ => process.kill().await?,
            }
        }
    }
    Ok(())
}

/// Ends a fault.
///
/// # Errors
/// Fails if a process cannot be started again.
pub async fn end(site: &mut Pipeline, fault: &Fault, clock_skew: i64) -> Result<()> {
    let Fault { target, kind, .. } = *fault;
    match (target, kind) {
        (Target::Emitter, FaultKind::Silence) => site.emitter.silence(false),
        (Target::Emitter, FaultKind::Refuse) => site.emitter_refuses(false).await?,
        (Target::Emitter | Target::Stored(_) | Target::HiddenCompanies, _) => {}
        (Target::Deanonymizer, FaultKind::Refuse) => site.deanonymizer_refuses(false).await?,
        (Target::Deanonymizer, _) => site.deanonymizer.fail_all(None),
        (Target::Cluster, _) => {
            for server in site.nats_servers() {
                server.process.start()?;
            }
        }
        (Target::Instance(role, number), FaultKind::ClockForwards | FaultKind::ClockBackwards) => {
            site.instance(role, number)?.set_clock_offset(clock_skew)?;
        }
        (Target::Instance(role, number), FaultKind::CutFromNats) => {
            site.instance(role, number)?.restore_nats();
        }
        (Target::Instance(role, number), FaultKind::CutFromEmitter) => {
            site.instance(role, number)?.restore_emitter();
        }
        (Target::Instance(..) | Target::Nats(_), FaultKind::Freeze | FaultKind::LongFreeze) => {
            process(site, target)?.resume()?;
        }
        (Target::Instance(..) | Target::Nats(_), _) => process(site, target)?.start()?,
    }
    Ok(())
}

/// Restarts an enricher with other companies to hide.
///
/// # Errors
/// Fails if it does not exit cleanly or cannot be started again.
pub async fn set_rules(site: &mut Pipeline, number: usize, hidden: &HiddenCompanies) -> Result<()> {
    let process = &mut site.instance_mut(Role::Enricher, number)?.process;
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

fn process(site: &mut Pipeline, target: Target) -> Result<&mut Process> {
    match target {
        Target::Instance(role, number) => Ok(&mut site.instance_mut(role, number)?.process),
        Target::Nats(number) => {
            let server = site.nats_servers().nth(number);
            Ok(&mut server.context("there are fewer NATS servers")?.process)
        }
        Target::Cluster
        | Target::Stored(_)
        | Target::HiddenCompanies
        | Target::Emitter
        | Target::Deanonymizer => bail!("{target} is not one of our processes"),
    }
}
