//! Sends the corpora of hostile input to the real processes, which must not be affected.

use anyhow::{Context as _, Result, ensure};
use async_nats::HeaderMap;
use e2e::clients::Viewer;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use hostile::{Door, Input};
use protocol::event::RECEIVED_AT_HEADER;
use protocol::subject;
use simulator::world::Kind;
use tokio_tungstenite::tungstenite::Message;

/// The address that the answers of the corpus are about.
const ANSWERED: &[u8] = b"203.0.113.7";

/// Checks that every process is ready, that none has panicked, and that the next visitor is shown.
async fn goes_on(site: &mut Pipeline, viewer: &Viewer) -> Result<()> {
    let next = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[next.opened(0)]);
    site.shows(&next).await?;
    viewer
        .sees("who comes next", |view| view.sessions.contains_key(&next.guid))
        .await?;
    for role in Role::ALL {
        let instance = site.instance_mut(role, 0)?;
        instance.process.running()?;
        instance.ready().await?;
        let log = instance.process.log()?;
        ensure!(!log.contains("panicked"), "{log}");
    }
    Ok(())
}

#[tokio::test]
async fn frames_of_the_emitter() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    let corpus = Door::Events.corpus()?;
    for input in &corpus {
        match std::str::from_utf8(input) {
            Ok(text) => site.emitter.send_text(text),
            Err(_) => site.emitter.send_binary(input),
        }
    }
    goes_on(&mut site, &viewer).await?;
    let read = site
        .metric(Role::Ingestor, "visitor_ingestor_frames_received_total")
        .await?;
    ensure!(read > corpus.len() as u64, "only {read} frames were read");
    assert_eq!(site.emitter.stats().connections, 1, "the connection was given up");
    Ok(())
}

/// The answer, about another address.
fn about(ip: &str, answer: &Input) -> Vec<u8> {
    match answer.windows(ANSWERED.len()).position(|part| part == ANSWERED) {
        Some(at) => [&answer[..at], ip.as_bytes(), &answer[at + ANSWERED.len()..]].concat(),
        None => answer.to_vec(),
    }
}

#[tokio::test]
async fn answers_of_the_deanonymizer() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    for (n, answer) in (0..).zip(Door::Answers.corpus()?) {
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        site.deanonymizer
            .answer_ip(&visitor.ip, &about(&visitor.ip, &answer));
        site.send(&[visitor.opened(0)]);
        eventually("the Deanonymizer has been asked", async || {
            ensure!(site.deanonymizer.calls_for(&visitor.ip).calls > 0);
            Ok(())
        })
        .await?;
        // A visitor who has left is not looked up again.
        site.send(&[visitor.closed(0)]);
    }
    goes_on(&mut site, &viewer).await
}

#[tokio::test]
async fn messages_in_the_streams() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    let rejected = site.tap("visitor.rejected.gateway.wrong-type").await?;
    let (enricher, ingestor) = (
        site.nats.client("enricher").await?,
        site.nats.client("ingestor").await?,
    );
    let publish =
        async |subject: String, input: &Input| enricher.publish(subject, input.to_vec().into()).await;
    for (n, input) in Door::Sessions.corpus()?.iter().enumerate() {
        let visitor = Visitor {
            guid: format!("hostile-{n}"),
            ip: site.ip(Kind::CompanyOnly, 2),
        };
        publish(format!("visitor.session.{}", visitor.guid), input).await?;
        enricher.flush().await?;
        // The enricher reads the stored record.
        site.send(&[visitor.keep_alive(0)]);
    }
    for input in Door::Activity.corpus()? {
        publish("visitor.activity.hostile".into(), &input).await?;
    }
    for (n, input) in Door::Statuses.corpus()?.iter().enumerate() {
        publish(format!("visitor.status.enricher.{n}"), input).await?;
    }
    for input in Door::Events.corpus()? {
        for times in ["", "-9223372036854775808", "9223372036854775807,0,,x", "1e9"] {
            let mut headers = HeaderMap::new();
            headers.insert(RECEIVED_AT_HEADER, times);
            let subject = subject::raw(protocol::EventKind::KeepAlive);
            ingestor
                .publish_with_headers(subject, headers, input.to_vec().into())
                .await?;
        }
    }
    ingestor.flush().await?;
    enricher.flush().await?;
    rejected
        .first("a time at which nothing can have happened", |heard| {
            heard.text().contains("9223372036854775807")
        })
        .await?;
    goes_on(&mut site, &viewer).await
}

#[tokio::test]
async fn messages_of_clients_to_the_gateway() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    for input in Door::Requests.corpus()? {
        let message = match std::str::from_utf8(&input) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(input.to_vec()),
        };
        viewer.say(message).await.context("the gateway has hung up")?;
    }
    goes_on(&mut site, &viewer).await?;
    viewer.missed_nothing()?;
    let understood = "visitor_gateway_requests_not_understood_total";
    ensure!(site.metric(Role::Gateway, understood).await? > 0);
    Ok(())
}
