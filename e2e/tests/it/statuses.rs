//! The statuses of processes: counted once, and trusted only if they are plausible.

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::status::{Figures, Status};
use serde_json::Value;
use simulator::deanonymizer::Failure;
use simulator::world::Kind;

/// Maximum number of sessions that wait at any one time.
const WAITING: u64 = 12;

/// The number of waiting sessions that each enricher reports.
async fn by_enricher(site: &Pipeline) -> Result<Vec<u64>> {
    let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
    let figures = pipeline.processes.into_iter().map(|status| status.figures);
    Ok(figures
        .filter_map(|figures| match figures {
            Figures::Enricher(enricher) => Some(enricher.being_identified),
            Figures::Ingestor(_) | Figures::Gateway(_) | Figures::Notifier(_) => None,
        })
        .collect())
}

/// Waits until several enrichers hold the same sessions and the gateway counts each once. Which enricher takes a message is
/// a matter of chance, so the visitors go on sending.
async fn each_counts_once(site: &Pipeline, visitors: &[Visitor]) -> Result<()> {
    let keep_alives: Vec<_> = visitors.iter().map(|visitor| visitor.keep_alive(0)).collect();
    eventually("sessions wait at several enrichers and count once", async || {
        site.send(&keep_alives);
        let before = by_enricher(site).await?;
        let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
        ensure!(before.iter().sum::<u64>() > WAITING, "{before:?}");
        ensure!(stats.being_identified == WAITING, "{stats:?}, {before:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn session_held_by_several_enrichers_counts_once() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 3).start().await?;
    site.deanonymizer.fail_all(Some(Failure::ServerError));
    let visitors: Vec<_> = (0..u32::try_from(WAITING)?)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    let viewer = site.viewer().await?;
    each_counts_once(&site, &visitors).await?;
    site.instance_mut(Role::Enricher, 0)?.process.kill().await?;
    each_counts_once(&site, &visitors).await?;

    site.deanonymizer.fail_all(None);
    for visitor in &visitors {
        site.shows(visitor).await?;
    }
    viewer
        .sees("that nobody waits", |view| view.stats.being_identified == 0)
        .await?;
    Ok(())
}

#[tokio::test]
async fn killed_process_is_missing_until_it_is_replaced_and_a_stopped_one_is_not() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 3).start().await?;
    let running = eventually("the gateway has heard all", async || {
        let pipeline = site.gateway()?.http.pipeline().await?;
        ensure!(by_enricher(&site).await?.len() == 3, "{pipeline:?}");
        Ok(pipeline.processes)
    })
    .await?;
    ensure!(
        running.iter().all(|status| status.stopping.is_none()),
        "{running:?}"
    );
    // It has had more time to count as missing than the killed one.
    site.instance_mut(Role::Enricher, 0)?.process.stop().await?;
    site.instance_mut(Role::Enricher, 1)?.process.kill().await?;
    let counted = r#"visitor_gateway_processes_missing{process="enricher"}"#;
    let killed = eventually("one enricher is missing", async || {
        let missing = site.gateway()?.http.pipeline().await?.missing;
        ensure!(missing.len() == 1, "{missing:?}");
        ensure!(site.metric(Role::Gateway, counted).await? == 1);
        Ok(missing[0].clone())
    })
    .await?;
    let last = running.iter().find(|status| status.instance == killed.instance);
    let last = last.ok_or_else(|| anyhow::anyhow!("{killed:?} never ran"))?;
    ensure!(
        killed.process == "enricher" && killed.since >= last.at,
        "{killed:?}"
    );
    site.instance_mut(Role::Enricher, 1)?.process.start()?;
    eventually("its replacement is there, so none is missing", async || {
        let missing = site.gateway()?.http.pipeline().await?.missing;
        ensure!(missing.is_empty(), "{missing:?}");
        ensure!(site.metric(Role::Gateway, counted).await? == 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn implausible_or_mismatched_statuses_are_ignored() -> Result<()> {
    let site = Pipeline::start().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let genuine = eventually("the enricher has said how it is", async || {
        let pipeline = gateway.pipeline().await?;
        let mut processes = pipeline.processes.into_iter();
        let enricher = processes.find(|status| matches!(status.figures, Figures::Enricher(_)));
        enricher.ok_or_else(|| anyhow::anyhow!("no enricher"))
    })
    .await?;
    let enricher = site.nats.client("enricher").await?;
    let forged = |change: &dyn Fn(&mut Value)| -> Result<String> {
        let mut value = serde_json::to_value(&genuine)?;
        change(&mut value);
        Ok(value.to_string())
    };
    let name = &genuine.instance;
    let statuses = [
        ("forged", forged(&|_| ())?),
        (name, forged(&|value| value["process"] = "gateway".into())?),
        (name, forged(&|value| value["instance"] = "forged".into())?),
        (name, forged(&|value| value["lookups"]["paid"] = u64::MAX.into())?),
        (
            name,
            forged(&|value| value["reason"] = "x".repeat(100_000).into())?,
        ),
        ("forged", "nonsense".into()),
    ];
    let ignored = statuses.len() as u64;
    for (instance, status) in statuses {
        enricher
            .publish(format!("visitor.status.enricher.{instance}"), status.into())
            .await?;
    }
    enricher.flush().await?;
    eventually("all are ignored", async || {
        let counted = site
            .metric(Role::Gateway, "visitor_gateway_statuses_ignored_total")
            .await?;
        ensure!(counted == ignored, "{counted}");
        Ok(())
    })
    .await?;
    let pipeline = gateway.pipeline().await?;
    ensure!(pipeline.lookups.paid == 0, "{:?}", pipeline.lookups);
    let forged = |status: &Status| status.instance == "forged";
    ensure!(!pipeline.processes.iter().any(forged), "{pipeline:?}");
    Ok(())
}

#[tokio::test]
async fn number_of_invented_processes_is_bounded() -> Result<()> {
    let site = Pipeline::start().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let enricher = site.nats.client("enricher").await?;
    let status = eventually("the enricher has said how it is", async || {
        let pipeline = gateway.pipeline().await?;
        let mut processes = pipeline.processes.into_iter();
        let enricher = processes.find(|status| matches!(status.figures, Figures::Enricher(_)));
        enricher.ok_or_else(|| anyhow::anyhow!("no enricher"))
    })
    .await?;
    for n in 0..1_000 {
        let instance = format!("invented-{n}");
        let subject = protocol::subject::status("enricher", &instance);
        let status = Status {
            instance,
            ..status.clone()
        };
        enricher
            .publish(subject, serde_json::to_vec(&status)?.into())
            .await?;
    }
    enricher.flush().await?;
    eventually("the last is known and the first forgotten", async || {
        let processes = gateway.pipeline().await?.processes;
        let known = |name: &str| processes.iter().any(|status| status.instance == name);
        ensure!(known("invented-999") && !known("invented-0"));
        ensure!(processes.len() <= 128 + 2, "{}", processes.len());
        Ok(())
    })
    .await
}
