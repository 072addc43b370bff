//! Three NATS servers, each with a copy of every stream (DESIGN 4).

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::message::PublishMessage;
use clap::Parser as _;
use e2e::{Pipeline, Role, Visitor, eventually};
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

/// What an enricher writes with.
async fn writer(site: &Pipeline) -> Result<Nats> {
    let flags = Flags::try_parse_from(["enricher", "--nats-url", &site.nats.url()])?;
    let health = Health::starting(&[]);
    let nats = Nats::connect("enricher", "test", &flags.common, &health, &Metrics::new("test")).await?;
    nats.connected().await;
    Ok(nats)
}

#[tokio::test]
async fn of_many_who_write_the_same_at_once_one_is_told_to_have() -> Result<()> {
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
async fn a_server_that_dies_takes_no_stream_with_it() -> Result<()> {
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
    let lives = async || -> Result<Vec<_>> {
        let mut lives = Vec::new();
        for name in [
            stream::RAW,
            stream::SESSIONS,
            stream::ACTIVITY,
            "KV_visitor_profiles",
        ] {
            let stream = operator.get_stream(name).await?;
            ensure!(stream.cached_info().config.num_replicas == 3, "{name}");
            lives.push(streams::life(&stream));
        }
        Ok(lives)
    };
    let before = lives().await?;
    site.nats.process.kill().await?;
    let new = Visitor::from(&site.ip(Kind::CompanyOnly, 3));
    site.send(&[new.opened(0), leaves.closed(0), stays.keep_alive(0)]);
    site.view_is_right().await?;
    site.shows(&new).await?;
    let after = eventually("the streams are answered for", lives).await?;
    assert!(before == after, "a stream was made anew");
    site.nats.process.start()?;
    site.ready().await?;
    // Who starts only now is told all of it.
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn a_gateway_whose_consumer_died_with_its_server_goes_on() -> Result<()> {
    let mut site = Pipeline::builder().cluster().start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    // Wherever the gateway's consumers are: one of the servers is the one that they die with.
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
