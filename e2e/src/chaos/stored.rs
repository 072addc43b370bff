//! Deletes streams, buckets and consumers, as an administrator might by mistake, and waits until they are restored.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use protocol::stream;

use crate::chaos::fault::Stored;
use crate::clients::Http;
use crate::eventually::{eventually, within};
use crate::processes::{MAINTAINER, Pipeline};

/// A few visitors have always only just arrived.
pub const JUST_COME: u64 = 20;

/// How long the restoration may take: the processes notice the loss within seconds and then write back what they hold.
const PUT_BACK: Duration = Duration::from_mins(2);

/// Deletes it.
///
/// # Errors
/// Fails if it does not exist, or NATS does not delete it.
pub async fn delete(site: &Pipeline, what: Stored) -> Result<()> {
    let nats = maintainer(site).await?;
    eventually(&format!("{} is deleted", name(what)), async || {
        match what {
            Stored::Consumer => {
                let raw = nats.get_stream_no_info(stream::RAW).await?;
                raw.delete_consumer(stream::ENRICHER).await?;
            }
            _ => {
                nats.delete_stream(name(what)).await?;
            }
        }
        Ok(())
    })
    .await
}

/// Deletes all its messages.
///
/// # Errors
/// As [`delete`].
pub async fn purge(site: &Pipeline, what: Stored) -> Result<()> {
    let nats = maintainer(site).await?;
    eventually(&format!("{} is purged", name(what)), async || {
        stream_of(&nats, what).await?.purge().await?;
        Ok(())
    })
    .await
}

/// Waits until it exists again with its content.
///
/// # Errors
/// Fails if NATS cannot be asked.
pub async fn restored(
    site: &Pipeline,
    what: Stored,
    gateways: Vec<Http>,
) -> Result<impl Future<Output = Result<()>> + use<>> {
    let nats = maintainer(site).await?;
    Ok(async move {
        let all_is_there = async || {
            let mut stream = stream_of(&nats, what).await?;
            match what {
                Stored::Consumer => drop(stream.consumer_info(stream::ENRICHER).await?),
                Stored::Sessions => {
                    let active = most_active(&gateways).await?;
                    let records = stream.info().await?.state.messages;
                    let few = JUST_COME.max(active / 100);
                    ensure!(records + few >= active, "{records} records of {active} sessions");
                }
                Stored::Raw | Stored::Activity | Stored::Profiles | Stored::Rejected => {}
            }
            Ok(())
        };
        within(PUT_BACK, &format!("{} is put back", name(what)), all_is_there).await
    })
}

/// A gateway with a fault at the same time may hold less.
async fn most_active(gateways: &[Http]) -> Result<u64> {
    let mut most = None;
    for gateway in gateways {
        let active = gateway.stats().await.ok().map(|stats| stats.active_sessions);
        most = most.max(active);
    }
    most.context("no gateway answers")
}

async fn maintainer(site: &Pipeline) -> Result<Context> {
    Ok(jetstream::new(site.nats.client(MAINTAINER).await?))
}

async fn stream_of(nats: &Context, what: Stored) -> Result<Stream> {
    let name = match what {
        Stored::Consumer => stream::RAW,
        _ => name(what),
    };
    Ok(nats.get_stream(name).await?)
}

fn name(what: Stored) -> &'static str {
    what.into()
}
