//! `visitor.explain`, as an operator asks it with `nats request`.

use anyhow::{Context as _, Result, ensure};
use async_nats::Client;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use serde_json::{Value, json};
use simulator::deanonymizer::Failure;
use simulator::world::{Kind, NEXACORE};

async fn explain(operator: &Client, ip: &str) -> Result<Value> {
    let answer = operator.request("visitor.explain", ip.to_owned().into()).await?;
    ensure!(
        answer.headers.is_none_or(|headers| headers.is_empty()),
        "an error"
    );
    Ok(serde_json::from_slice(&answer.payload)?)
}

#[tokio::test]
async fn reports_the_source_of_a_verdict() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let operator = site.nats.client("operator").await?;
    let [known, unknown, hidden] =
        [Kind::CompanyOnly, Kind::Unknown, Kind::NexaCore].map(|kind| Visitor::from(&site.ip(kind, 1)));
    site.send(&[known.opened(0), unknown.opened(0), hidden.opened(0)]);
    site.settle().await?;

    let explanation = explain(&operator, &known.ip).await?;
    let answer = site.deanonymizer.world().answer(&known.ip);
    let company = answer.company().context("a company")?;
    assert_eq!(explanation["verdict"], "shown");
    assert_eq!(
        explanation["company"],
        json!({ "guid": company.guid, "name": company.name, "domain": company.domain })
    );
    assert_eq!(
        (&explanation["contact"], &explanation["attempts"]),
        (&Value::Null, &json!(1))
    );
    let [looked_up, expires] = ["lookedUpAt", "expiresAt"].map(|name| explanation[name].as_i64());
    assert_eq!(expires, looked_up.map(|at| at + 24 * 60 * 60 * 1_000));
    let by = explanation["by"].as_str().context("no enricher")?;
    eventually("the gateway has heard of who looked it up", async || {
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        let mut instances = pipeline.processes.iter().map(|process| &process.instance);
        ensure!(instances.any(|instance| instance == by), "{by}");
        Ok(())
    })
    .await?;

    let explanation = explain(&operator, &unknown.ip).await?;
    assert_eq!(explanation["verdict"], "unknown");
    assert_eq!(
        (&explanation["company"], &explanation["contact"]),
        (&Value::Null, &Value::Null)
    );

    let explanation = explain(&operator, &hidden.ip).await?;
    assert_eq!(explanation["verdict"], "hidden");
    assert_eq!(
        (&explanation["company"], &explanation["contact"]),
        (&Value::Null, &Value::Null)
    );
    let text = explanation.to_string();
    assert!(
        !text.contains(&hidden.ip) && !text.contains(NEXACORE) && !text.contains("NexaCore"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn reports_that_there_is_no_verdict_yet() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-timeout", "10m")
        .start()
        .await?;
    let operator = site.nats.client("operator").await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    assert_eq!(explain(&operator, &visitor.ip).await?["verdict"], "none");
    site.deanonymizer.fail_ip(&visitor.ip, Failure::Hang);
    site.send(&[visitor.opened(0)]);
    eventually("the address is being looked up", async || {
        let explanation = explain(&operator, &visitor.ip).await?;
        ensure!(explanation["verdict"] == "being looked up", "{explanation}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn rejects_invalid_addresses() -> Result<()> {
    let site = Pipeline::start().await?;
    let operator = site.nats.client("operator").await?;
    for nonsense in ["", "who is it?", "not-an-address", "1.2.3.4 1.2.3.4"] {
        let answer = operator.request("visitor.explain", nonsense.into()).await?;
        let headers = answer.headers.context("no error")?;
        let code = headers.get("Nats-Service-Error-Code").context("no code")?;
        assert_eq!(code.as_str(), "400", "{nonsense}");
        let error = headers.get("Nats-Service-Error").context("no error")?;
        assert!(error.as_str().contains("IP address"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn is_listed_among_the_services() -> Result<()> {
    let site = Pipeline::start().await?;
    let operator = site.nats.client("operator").await?;
    let info = operator.request("$SRV.INFO.visitor-enricher", "".into()).await?;
    let info: Value = serde_json::from_slice(&info.payload)?;
    let endpoints = info["endpoints"].as_array().context("no endpoints")?;
    assert!(
        endpoints
            .iter()
            .any(|endpoint| endpoint["subject"] == "visitor.explain"),
        "{info}"
    );
    Ok(())
}
