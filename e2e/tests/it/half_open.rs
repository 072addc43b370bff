//! Packets to NATS are dropped without a reset: processes detect it, report it and reconnect.

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role, TcpProxy};
use e2e::{Visitor, eventually};
use protocol::stream;
use simulator::world::Kind;

#[tokio::test]
async fn half_open_connection_is_detected_and_reported() -> Result<()> {
    let mut site = Pipeline::builder().through_proxies().start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    for role in Role::ALL {
        site.instance(role, 0)?.cut_from_nats()?;
        eventually(&format!("the {} misses NATS", role.name()), async || {
            let reason = site.instance(role, 0)?.http.reason().await?;
            ensure!(reason.contains("nats: not connected"), "{reason}");
            Ok(())
        })
        .await?;
        site.send(&[visitor.keep_alive(0)]);
        site.instance(role, 0)?.restore_nats();
        site.ready().await?;
    }
    let new = Visitor::from(&site.ip(Kind::Full, 2));
    site.send(&[new.opened(0)]);
    site.shows(&new).await?;
    site.view_is_right().await
}

#[tokio::test]
async fn process_moves_to_another_server_of_the_cluster() -> Result<()> {
    let mut site = Pipeline::builder().cluster().through_proxies().start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    for server in 0..3 {
        for role in Role::ALL {
            let proxies = &site.instance(role, 0)?.nats_proxies;
            proxies.get(server).map(TcpProxy::cut).context("three servers")?;
        }
        let new = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
        site.send(&[new.opened(0), visitor.keep_alive(0)]);
        site.shows(&new).await?;
        site.ready().await?;
        site.view_is_right().await?;
        for role in Role::ALL {
            site.instance(role, 0)?.restore_nats();
        }
    }
    Ok(())
}

/// A server that is frozen neither answers nor closes; one that is cut off from its cluster answers its clients' pings,
/// and no request to JetStream. The second is made by freezing both others.
#[tokio::test]
async fn server_on_which_jetstream_does_not_answer_is_left() -> Result<()> {
    let mut site = Pipeline::builder().cluster().start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    for peer in &site.nats_peers {
        peer.process.pause()?;
    }
    for role in Role::ALL {
        eventually(
            &format!("the {} says that it cannot work", role.name()),
            async || {
                // The server that is left may still answer for the queue, but it stores nothing.
                site.send(&[visitor.keep_alive(0)]);
                site.instance(role, 0)?.http.reason().await?;
                Ok(())
            },
        )
        .await?;
    }
    for peer in &site.nats_peers {
        peer.process.resume()?;
    }
    let new = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[new.opened(0), visitor.keep_alive(0)]);
    site.shows(&new).await?;
    site.ready().await?;
    site.view_is_right().await
}

/// Freezes all servers of a cluster except the one that leads the queue, so that nothing is stored. Returns their numbers.
async fn freeze_all_but_the_leader(site: &mut Pipeline) -> Result<Vec<usize>> {
    let queue = site.operator().await?.get_stream(stream::RAW).await?;
    let cluster = queue.cached_info().cluster.as_ref();
    let leader = cluster.and_then(|cluster| cluster.leader.clone());
    let leader = leader.context("the queue has a leader")?;
    let mut frozen = Vec::new();
    for (number, server) in site.nats_servers().enumerate() {
        // The server with the number 0 is called visitor-1.
        if leader != format!("visitor-{}", number + 1) {
            server.process.pause()?;
            frozen.push(number);
        }
    }
    Ok(frozen)
}

/// Resumes these servers. Then everything is right again.
async fn recovers(site: &mut Pipeline, frozen: &[usize]) -> Result<()> {
    for (number, server) in site.nats_servers().enumerate() {
        if frozen.contains(&number) {
            server.process.resume()?;
        }
    }
    site.ready().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    site.view_is_right().await
}

async fn ingestor_misses_the_quorum(site: &Pipeline) -> Result<()> {
    eventually("the ingestor says that nothing is stored", async || {
        let reason = site.instance(Role::Ingestor, 0)?.http.reason().await?;
        ensure!(reason.contains("no quorum"), "{reason}");
        Ok(())
    })
    .await
}

/// The remaining server keeps reporting the queue's state. An ingestor without anything to send learns only from that
/// state that nothing would be stored.
#[tokio::test]
async fn idle_ingestor_is_not_ready_without_a_quorum() -> Result<()> {
    let mut site = Pipeline::builder().cluster().start().await?;
    let frozen = freeze_all_but_the_leader(&mut site).await?;
    ingestor_misses_the_quorum(&site).await?;
    recovers(&mut site, &frozen).await
}
