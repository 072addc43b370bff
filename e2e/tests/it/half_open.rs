//! Packets to NATS are dropped without a reset: processes detect it, report it and reconnect.

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role, TcpProxy};
use e2e::{Visitor, eventually};
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
