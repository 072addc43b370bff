//! Services, streams and consumers describe themselves, so that the nats CLI explains the pipeline without documents.

use anyhow::{Context as _, Result, ensure};
use e2e::Visitor;
use e2e::processes::{Pipeline, Role};
use futures_util::TryStreamExt as _;
use serde_json::Value;
use simulator::world::Kind;

use crate::contract;

#[tokio::test]
async fn endpoints_answer_as_their_metadata_says() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    let operator = site.nats.client("operator").await?;
    let mut answered = Vec::new();
    for role in Role::ALL {
        let subject = format!("$SRV.INFO.visitor-{}", role.name());
        let info = operator.request(subject, "".into()).await?;
        let info: Value = serde_json::from_slice(&info.payload)?;
        for endpoint in info["endpoints"].as_array().context("no endpoints")? {
            let subject = endpoint["subject"].as_str().context("no subject")?.to_owned();
            let metadata = |name: &str| {
                let text = endpoint["metadata"][name].as_str();
                text.with_context(|| format!("{subject} has no {name}"))
            };
            ensure!(!metadata("description")?.is_empty(), "{subject}");
            serde_json::from_str::<Value>(metadata("request_schema")?)?;
            let schema = serde_json::from_str(metadata("response_schema")?)?;
            let answer = operator
                .request(subject.clone(), visitor.ip.clone().into())
                .await?;
            contract::fits(&schema, &serde_json::from_slice(&answer.payload)?, &subject)?;
            answered.push(subject);
        }
    }
    answered.sort();
    assert_eq!(
        answered,
        [
            "visitor.explain",
            "visitor.service.enricher.status",
            "visitor.service.gateway.status",
            "visitor.service.ingestor.status",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn streams_and_consumers_say_whose_they_are_and_what_for() -> Result<()> {
    let site = Pipeline::start().await?;
    let jetstream = site.operator().await?;
    let names: Vec<_> = jetstream.stream_names().try_collect().await?;
    let mut readers = Vec::new();
    for name in &names {
        let stream = jetstream.get_stream(name).await?;
        let config = &stream.cached_info().config;
        ensure!(
            config.description.is_some() && config.metadata.contains_key("application"),
            "{config:?}"
        );
        let consumers: Vec<_> = stream.consumers().try_collect().await?;
        for consumer in consumers {
            let config = &consumer.config;
            ensure!(config.description.is_some(), "{config:?}");
            // The client's own watch of a bucket gives its consumer neither name nor metadata.
            if !name.starts_with("KV_") {
                ensure!(config.metadata.contains_key("application"), "{config:?}");
                let reader = consumer.name.split('-').next().unwrap_or_default();
                readers.push(format!("{reader} reads {name}"));
            }
        }
    }
    readers.sort();
    readers.dedup();
    for awaited in [
        "enricher reads VISITOR_RAW",
        "gateway reads VISITOR_ACTIVITY",
        "gateway reads VISITOR_SESSIONS",
    ] {
        ensure!(readers.iter().any(|reader| reader == awaited), "{readers:?}");
    }
    ensure!(
        readers
            .iter()
            .all(|reader| reader.starts_with("gateway") || reader.starts_with("enricher")),
        "{readers:?}"
    );
    Ok(())
}
