//! Waits until a target has recovered from a fault.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use crate::chaos::fault::{FaultKind, Target};
use crate::chaos::stored;
use crate::clients::Http;
use crate::eventually::{WAIT_TIMEOUT, eventually, within};
use crate::processes::{Pipeline, Role};

/// How long the identification of all waiting visitors may take on a loaded machine.
const WORKED_OFF: Duration = Duration::from_mins(3);

/// Waits for the recovery of a target. A process has recovered when it is ready, NATS and its streams when all processes are
/// ready, the emitter when all ingestors read it, and the Deanonymizer when no more visitors than usual wait for their
/// identification.
///
/// # Errors
/// Fails if the target does not recover in time.
pub async fn back(
    site: &Pipeline,
    target: Target,
    kind: FaultKind,
) -> Result<LocalBoxFuture<'static, Result<()>>> {
    let doors = |role: Role| -> Vec<Http> {
        site.instances(role)
            .map(|instance| instance.http.clone())
            .collect()
    };
    let all = || all_ready(Role::ALL.into_iter().flat_map(doors).collect());
    let (emitter, ingestors) = (site.emitter.clone(), doors(Role::Ingestor).len());
    let read_by_all = async move { Ok(emitter.wait_for_clients(ingestors, WAIT_TIMEOUT).await?) };
    Ok(match target {
        Target::Instance(role, number) => {
            let ready = all_ready(vec![site.instance(role, number)?.http.clone()]);
            async move {
                ready.await?;
                if kind == FaultKind::CutFromEmitter {
                    read_by_all.await?;
                }
                Ok(())
            }
            .boxed_local()
        }
        Target::Nats(_) | Target::Cluster => all().boxed_local(),
        Target::Stored(what) => {
            let restored = stored::restored(site, what, doors(Role::Gateway)).await?;
            let all = all();
            async move {
                restored.await?;
                all.await
            }
            .boxed_local()
        }
        Target::HiddenCompanies => all_ready(doors(Role::Enricher)).boxed_local(),
        Target::Emitter => read_by_all.boxed_local(),
        Target::Deanonymizer => visitors_are_identified(doors(Role::Gateway)).boxed_local(),
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
        let few = stored::JUST_COME.max(stats.active_sessions / 100);
        ensure!(stats.being_identified <= few, "{stats:?}");
        Ok(())
    })
    .await
}
