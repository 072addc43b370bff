//! Three NATS servers, each with a copy of every stream.

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::message::PublishMessage;
use clap::Parser as _;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use futures_util::future::join_all;
use protocol::stream;
use service::flags::Common;
use service::health::Health;
use service::metrics::Metrics;
use service::{Nats, streams};
use simulator::world::Kind;

#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    common: Common,
}

/// The JetStream context with an enricher's permissions.
async fn writer(site: &Pipeline) -> Result<Nats> {
    let flags = Flags::try_parse_from(["enricher", "--nats-url", &site.nats.url()])?;
    let health = Health::starting(&[]);
    let nats = Nats::connect("enricher", "test", &flags.common, &health, &Metrics::new("test")).await?;
    nats.connected().await;
    Ok(nats)
}

#[tokio::test]
async fn one_of_many_concurrent_writes_succeeds() -> Result<()> {
    let site = Pipeline::builder()
        .cluster()
        .with(Role::Gateway, 0)
        .start()
        .await?;
    let nats = writer(&site).await?;
    for round in 0..20 {
        let write = |content: usize| {
            let message = PublishMessage::build()
                .expected_last_subject_sequence(0)
                .payload(content.to_string().into());
            nats.replace(message.outbound_message(format!("visitor.session.{round}")))
        };
        let written: Result<Vec<_>, _> = join_all((0..32).map(write)).await.into_iter().collect();
        let winners = written?.into_iter().flatten().count();
        assert_eq!(winners, 1, "round {round}");
    }
    Ok(())
}

#[tokio::test]
async fn killed_server_loses_no_stream() -> Result<()> {
    let mut site = Pipeline::builder().cluster().start().await?;
    let operator = async_nats::jetstream::new(
        site.nats_peers
            .first()
            .context("a peer")?
            .client("operator")
            .await?,
    );
    let stays = Visitor::from(&site.ip(Kind::Full, 1));
    let leaves = Visitor::from(&site.ip(Kind::Full, 2));
    site.send(&[stays.opened(1_000), leaves.opened(0)]);
    site.shows(&stays).await?;
    site.shows(&leaves).await?;
    let incarnations = async || -> Result<Vec<_>> {
        let mut incarnations = Vec::new();
        for name in [
            stream::RAW,
            stream::SESSIONS,
            stream::ACTIVITY,
            "KV_visitor_profiles",
        ] {
            let stream = operator.get_stream(name).await?;
            ensure!(stream.cached_info().config.num_replicas == 3, "{name}");
            incarnations.push(streams::incarnation_id(&stream));
        }
        Ok(incarnations)
    };
    let before = incarnations().await?;
    site.nats.process.kill().await?;
    let new = Visitor::from(&site.ip(Kind::CompanyOnly, 3));
    site.send(&[new.opened(0), leaves.closed(0), stays.keep_alive(0)]);
    site.view_is_right().await?;
    site.shows(&new).await?;
    let after = eventually("the streams are answered for", incarnations).await?;
    assert!(before == after, "a stream was recreated");
    site.nats.process.start()?;
    site.ready().await?;
    // A gateway that starts only now gets all of it.
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn gateway_survives_the_loss_of_its_consumer() -> Result<()> {
    let mut site = Pipeline::builder().cluster().start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    // Whichever server holds the gateway's consumers, it is among those that are killed.
    for number in 0..3 {
        let server = site.nats_servers().nth(number).context("three servers")?;
        server.process.kill().await?;
        let new = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
        site.send(&[new.opened(0), visitor.keep_alive(0)]);
        site.shows(&new).await?;
        site.view_is_right().await?;
        let server = site.nats_servers().nth(number).context("three servers")?;
        server.process.start()?;
        site.ready().await?;
    }
    Ok(())
}

/// Visitors arrive and leave while NATS is unreachable. A process that starts afterwards must have all of them.
async fn is_right_after(
    site: &mut Pipeline,
    interruption: impl AsyncFnOnce(&mut Pipeline) -> Result<()>,
) -> Result<()> {
    let visitors: Vec<_> = (0..200)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(20_000), visitor.keep_alive(10_000)]);
    }
    site.settle().await?;
    site.view_is_right().await?;
    interruption(site).await?;
    let (stay, leave) = visitors.split_at(150);
    for visitor in leave {
        site.send(&[visitor.closed(0)]);
    }
    for visitor in stay {
        site.send(&[visitor.keep_alive(0)]);
    }
    site.ready().await?;
    site.view_is_right().await?;
    site.settle().await?;
    for gateway in 0..2 {
        site.instance_mut(Role::Gateway, gateway)?
            .process
            .restart()
            .await?;
    }
    site.ready().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn servers_that_restart_together_lose_nothing() -> Result<()> {
    let mut site = Pipeline::builder()
        .cluster()
        .with(Role::Gateway, 2)
        .start()
        .await?;
    is_right_after(&mut site, async |site| {
        for server in site.nats_servers() {
            server.process.kill().await?;
        }
        for role in Role::ALL {
            eventually("every process misses NATS", async || {
                for instance in site.instances(role) {
                    let reason = instance.http.reason().await?;
                    ensure!(reason.contains("nats"), "{reason}");
                }
                Ok(())
            })
            .await?;
        }
        for server in site.nats_servers() {
            server.process.start()?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn leader_of_streams_with_one_replica_restarts_and_nothing_is_lost() -> Result<()> {
    let builder = Pipeline::builder().cluster().with(Role::Gateway, 2);
    let builder = Role::ALL.iter().fold(builder, |builder, role| {
        builder.flag(*role, "--nats-replicas", "1")
    });
    let mut site = builder.start().await?;
    is_right_after(&mut site, async |site| {
        let operator = site.operator().await?;
        let sessions = operator.get_stream(stream::SESSIONS).await?;
        let cluster = sessions.cached_info().cluster.clone().context("a cluster")?;
        let leader = cluster.leader.context("a leader")?;
        let number: usize = leader.trim_start_matches("visitor-").parse()?;
        let server = site.nats_servers().nth(number - 1).context("three servers")?;
        server.process.restart().await
    })
    .await
}
