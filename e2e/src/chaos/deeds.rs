//! Does what a plan says, and knows when who was struck is back.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use simulator::deanonymizer::Failure;

use crate::chaos::strike::{Harm, Victim};
use crate::eventually::{PATIENCE, eventually, within};
use crate::http::Http;
use crate::member::Role;
use crate::pipeline::Pipeline;
use crate::process::Process;

/// Begins to harm.
///
/// # Errors
/// Where it cannot be done, or a process does not end well when it is told to.
pub async fn begin(site: &mut Pipeline, victim: Victim, harm: Harm) -> Result<()> {
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
        (Victim::Member(..) | Victim::Nats(_), harm) => {
            let process = process(site, victim)?;
            match harm {
                Harm::Freeze => process.pause()?,
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
pub async fn end(site: &mut Pipeline, victim: Victim, harm: Harm) -> Result<()> {
    match (victim, harm) {
        (Victim::Emitter, Harm::Silence) => site.emitter.silence(false),
        (Victim::Emitter, Harm::Refuse) => site.emitter_refuses(false).await?,
        (Victim::Emitter, _) => {}
        (Victim::Deanonymizer, Harm::Refuse) => site.deanonymizer_refuses(false).await?,
        (Victim::Deanonymizer, _) => site.deanonymizer.fail_all(None),
        (Victim::Member(..) | Victim::Nats(_), Harm::Freeze) => process(site, victim)?.resume()?,
        (Victim::Member(..) | Victim::Nats(_), _) => process(site, victim)?.start()?,
    }
    Ok(())
}

/// Comes back when the victim does its job again: a process by its own word, NATS by that of all processes, the emitter
/// when all ingestors read it, the Deanonymizer when no more visitors wait to be
/// identified than always do.
///
/// # Errors
/// Where that does not come to pass in time.
pub fn back(site: &Pipeline, victim: Victim) -> Result<LocalBoxFuture<'static, Result<()>>> {
    let doors = |role: Role| -> Vec<Http> { site.members(role).map(|member| member.http.clone()).collect() };
    Ok(match victim {
        Victim::Member(role, number) => {
            all_ready(vec![site.member(role, number)?.http.clone()]).boxed_local()
        }
        Victim::Nats(_) => all_ready(Role::ALL.into_iter().flat_map(doors).collect()).boxed_local(),
        Victim::Emitter => {
            let (emitter, ingestors) = (site.emitter.clone(), doors(Role::Ingestor).len());
            async move { Ok(emitter.wait_for_clients(ingestors, PATIENCE).await?) }.boxed_local()
        }
        Victim::Deanonymizer => visitors_are_identified(doors(Role::Gateway)).boxed_local(),
    })
}

async fn all_ready(doors: Vec<Http>) -> Result<()> {
    eventually("all are ready", async || {
        for door in &doors {
            door.ready().await?;
        }
        Ok(())
    })
    .await
}

/// Of the visitors there are always a few who have only just come.
const JUST_COME: u64 = 20;

/// How long those who have waited may take to be identified: all at once, on a machine that has more to do.
const WORKED_OFF: Duration = Duration::from_mins(3);

async fn visitors_are_identified(gateways: Vec<Http>) -> Result<()> {
    within(WORKED_OFF, "visitors are identified", async || {
        let mut stats = Err(anyhow::anyhow!("there is no gateway"));
        for gateway in &gateways {
            stats = gateway.stats().await;
            if stats.is_ok() {
                break;
            }
        }
        let stats = stats?;
        let few = JUST_COME.max(stats.active_sessions / 100);
        ensure!(stats.being_identified <= few, "{stats:?}");
        Ok(())
    })
    .await
}

fn process(site: &mut Pipeline, victim: Victim) -> Result<&mut Process> {
    match victim {
        Victim::Member(role, number) => Ok(&mut site.member_mut(role, number)?.process),
        Victim::Nats(number) => {
            let server = site.nats_servers().nth(number);
            Ok(&mut server.context("there are fewer NATS servers")?.process)
        }
        Victim::Emitter | Victim::Deanonymizer => anyhow::bail!("{victim} is no process of ours"),
    }
}
