//! The previous release and this one run side by side, under load, in the order of `docs/upgrading.md` and in the opposite
//! one. `make test-upgrade` builds the previous release first.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role, previous_release, workspace_binary};
use e2e::{Visitor, eventually};
use simulator::emitter::Emitter;
use simulator::world::Kind;
use tokio_util::task::AbortOnDropHandle;

/// The order in which processes are upgraded.
const ORDER: [Role; 3] = [Role::Gateway, Role::Enricher, Role::Ingestor];

/// How many addresses the visitors of the load have.
const ADDRESSES: u32 = 300;

/// Each tick, one visitor comes, as many send a keep-alive, and one leaves: 500 events/s.
const TICK: Duration = Duration::from_millis(20);
const KEEP_ALIVES: usize = 8;

/// How many visitors are on the website.
const PRESENT: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Release {
    Previous,
    This,
}

impl Release {
    fn binary(self, role: Role) -> Result<PathBuf> {
        match self {
            Self::Previous => previous_release(role.name()).context("PREVIOUS_RELEASE names no folder"),
            Self::This => workspace_binary(role.name()),
        }
    }
}

/// Visitors who come, stay a while and leave, until it is dropped.
fn load(emitter: Arc<Emitter>, ips: Vec<String>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(TICK);
        let mut present = std::collections::VecDeque::new();
        for ip in ips.iter().cycle() {
            ticks.tick().await;
            let comes = Visitor::from(ip);
            let mut events = vec![comes.opened(0)];
            events.extend(
                present
                    .iter()
                    .rev()
                    .take(KEEP_ALIVES)
                    .map(|visitor: &Visitor| visitor.keep_alive(0)),
            );
            present.push_back(comes);
            if present.len() > PRESENT {
                events.extend(present.pop_front().map(|leaves| leaves.closed(0)));
            }
            emitter.send_all(&events);
        }
    }))
}

/// Two processes of each kind, all of one release.
async fn site_of(release: Release) -> Result<Pipeline> {
    let builder = Role::ALL
        .into_iter()
        .fold(Pipeline::builder(), |builder, role| builder.with(role, 2));
    let mut site = builder.large().launch().await?;
    for role in Role::ALL {
        for number in 0..2 {
            let process = &mut site.instance_mut(role, number)?.process;
            process.kill().await?;
            process.set_program(release.binary(role)?);
            process.start()?;
        }
    }
    site.nats.process.start()?;
    site.ready().await?;
    Ok(site)
}

/// Every gateway hears every process, so it reads the statuses of both releases.
async fn all_are_heard(site: &Pipeline) -> Result<()> {
    eventually("every gateway hears every process", async || {
        for gateway in site.instances(Role::Gateway) {
            let pipeline = gateway.http.pipeline().await?;
            for role in Role::ALL {
                let heard = pipeline.processes.iter().filter(|status| {
                    status.figures.process() == role.name() && status.ready && status.stopping != Some(true)
                });
                ensure!(heard.count() >= 2, "{}: {pipeline:?}", role.name());
            }
        }
        Ok(())
    })
    .await
}

async fn replace_all(from: Release, to: Release, order: impl IntoIterator<Item = Role>) -> Result<()> {
    let mut site = Box::pin(site_of(from)).await?;
    let kinds = [Kind::Full, Kind::CompanyOnly, Kind::NexaCore, Kind::Unknown];
    let ips = (0..ADDRESSES).map(|number| site.ip(kinds[number as usize % kinds.len()], number));
    let ips: Vec<_> = ips.collect();
    let different: BTreeSet<_> = ips.iter().cloned().collect();
    let load = load(Arc::clone(&site.emitter), ips);
    site.view_is_right().await?;
    for role in order {
        for number in 0..2 {
            let instance = site.instance_mut(role, number)?;
            instance.process.stop().await?;
            instance.process.set_program(to.binary(role)?);
            instance.process.start()?;
            instance.ready().await?;
            // Now one of this kind is of each release, then both of the new one.
            all_are_heard(&site).await?;
            site.view_is_right().await?;
        }
    }
    drop(load);
    site.view_is_right().await?;
    let calls = site.deanonymizer.stats().calls;
    ensure!(
        calls <= different.len() as u64,
        "{calls} calls for {} addresses",
        different.len()
    );
    Ok(())
}

#[tokio::test]
async fn upgrade_loses_nothing_and_pays_for_no_address_twice() -> Result<()> {
    if previous_release("gateway").is_none() {
        return Ok(());
    }
    Box::pin(replace_all(Release::Previous, Release::This, ORDER)).await
}

#[tokio::test]
async fn rollback_loses_nothing_and_pays_for_no_address_twice() -> Result<()> {
    if previous_release("gateway").is_none() {
        return Ok(());
    }
    let order = ORDER.into_iter().rev();
    Box::pin(replace_all(Release::This, Release::Previous, order)).await
}
