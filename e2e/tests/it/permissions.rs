//! Each user of NATS may do what it needs, and nothing else (DESIGN 5).

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Pipeline, Visitor, eventually};
use simulator::world::Kind;
use tokio::sync::mpsc;

/// What each user must not publish to. Where a subject stands for a kind, one of the kind is enough.
const NOT_TO_PUBLISH: &[(&str, &[&str])] = &[
    (
        "ingestor",
        &[
            "visitor.session.a",
            "visitor.activity.a",
            "visitor.rejected.gateway.not-json",
            "visitor.status.enricher.a",
            "$KV.visitor_profiles.a",
            "$JS.API.STREAM.DELETE.VISITOR_RAW",
            "$JS.API.STREAM.PURGE.VISITOR_RAW",
            "$JS.API.CONSUMER.CREATE.VISITOR_RAW",
            "_INBOX.a",
            "_INBOX_gateway.a",
        ],
    ),
    (
        "enricher",
        &[
            "visitor.raw.keep-alive",
            "visitor.rejected.ingestor.not-json",
            "visitor.status.gateway.a",
            "$JS.API.STREAM.DELETE.VISITOR_SESSIONS",
            "$JS.API.CONSUMER.DELETE.VISITOR_RAW.enricher",
            "_INBOX.a",
        ],
    ),
    (
        "gateway",
        &[
            "visitor.raw.keep-alive",
            "visitor.activity.a",
            "$KV.visitor_profiles.a",
            "$JS.API.DIRECT.GET.KV_visitor_profiles.a",
            "$JS.API.CONSUMER.MSG.NEXT.VISITOR_RAW.enricher",
            "$JS.API.STREAM.PURGE.VISITOR_SESSIONS",
            "visitor.explain",
        ],
    ),
    (
        "operator",
        &[
            "visitor.raw.keep-alive",
            "visitor.session.a",
            "visitor.activity.a",
            "visitor.rejected.ingestor.not-json",
            "visitor.status.gateway.a",
            "$KV.visitor_profiles.a",
            "$JS.API.STREAM.CREATE.VISITOR_RAW",
            "$JS.API.STREAM.UPDATE.VISITOR_RAW",
            "$JS.API.STREAM.DELETE.VISITOR_RAW",
            "$JS.API.STREAM.PURGE.VISITOR_RAW",
            "$JS.API.STREAM.MSG.DELETE.VISITOR_SESSIONS",
            "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS",
            "$JS.API.CONSUMER.MSG.NEXT.VISITOR_RAW.enricher",
            "$JS.API.CONSUMER.DELETE.VISITOR_RAW.enricher",
            "$JS.ACK.VISITOR_RAW.enricher.1.1.1.1.1",
        ],
    ),
];

/// What each user must not listen to.
const NOT_TO_HEAR: &[(&str, &[&str])] = &[
    (
        "ingestor",
        &[
            "visitor.session.>",
            "visitor.raw.>",
            "_INBOX.>",
            "_INBOX_enricher.>",
            ">",
        ],
    ),
    (
        "enricher",
        &[
            "visitor.session.>",
            "visitor.status.>",
            "_INBOX.>",
            "_INBOX_gateway.>",
            ">",
        ],
    ),
    (
        "gateway",
        &[
            "visitor.raw.>",
            "visitor.session.>",
            "_INBOX.>",
            "_INBOX_enricher.>",
            ">",
        ],
    ),
    ("operator", &["_INBOX_gateway.>", "$KV.>", ">"]),
];

/// A client whose refusals can be awaited.
async fn watched(
    site: &Pipeline,
    user: &str,
) -> Result<(async_nats::Client, mpsc::UnboundedReceiver<String>)> {
    let (sender, refusals) = mpsc::unbounded_channel();
    let client = site
        .nats
        .client_with_events(user, move |event| {
            if let async_nats::Event::ServerError(error) = event {
                // The test may have ended.
                let _ = sender.send(error.to_string());
            }
        })
        .await?;
    Ok((client, refusals))
}

async fn refused(refusals: &mut mpsc::UnboundedReceiver<String>, user: &str, what: &str) -> Result<()> {
    let refusal = tokio::time::timeout(Duration::from_secs(30), refusals.recv());
    let refusal = refusal
        .await
        .with_context(|| format!("{user} may {what}"))?
        .context("no client")?;
    ensure!(
        refusal.to_lowercase().contains("permissions violation"),
        "{user}, {what}: {refusal}"
    );
    Ok(())
}

#[tokio::test]
async fn nobody_publishes_what_is_not_theirs() -> Result<()> {
    let site = Pipeline::start().await?;
    for (user, subjects) in NOT_TO_PUBLISH {
        let (client, mut refusals) = watched(&site, user).await?;
        for subject in *subjects {
            client.publish(*subject, "{}".into()).await?;
            client.flush().await?;
            refused(&mut refusals, user, &format!("publish to {subject}")).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn nobody_hears_what_is_not_for_them() -> Result<()> {
    let site = Pipeline::start().await?;
    for (user, subjects) in NOT_TO_HEAR {
        let (client, mut refusals) = watched(&site, user).await?;
        for subject in *subjects {
            let _subscription = client.subscribe(*subject).await?;
            client.flush().await?;
            refused(&mut refusals, user, &format!("listen to {subject}")).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_sees_everything_with_the_nats_cli() -> Result<()> {
    let Some(cli) = std::env::var_os("NATS_CLI") else {
        println!("*** SKIPPED: NATS_CLI names no nats CLI, so nothing was tried with it ***");
        return Ok(());
    };
    let site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    let run = async |arguments: &[&str]| -> Result<String> {
        let mut command = Command::new(&cli);
        command
            .args([
                "--server",
                &site.nats.url(),
                "--user",
                "operator",
                "--password",
                "operator",
            ])
            .args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        ensure!(output.status.success(), "nats {arguments:?}: {text}");
        Ok(text)
    };
    let streams = run(&["stream", "ls"]).await?;
    for stream in [
        "VISITOR_RAW",
        "VISITOR_SESSIONS",
        "VISITOR_ACTIVITY",
        "VISITOR_REJECTED",
    ] {
        ensure!(streams.contains(stream), "{streams}");
    }
    let subject = format!("visitor.session.{}", visitor.guid);
    let record = run(&["stream", "get", "VISITOR_SESSIONS", "-S", &subject]).await?;
    ensure!(record.contains(&visitor.ip), "{record}");
    ensure!(
        run(&["consumer", "info", "VISITOR_RAW", "enricher"])
            .await?
            .contains("Shared by all enrichers")
    );
    ensure!(
        run(&["sub", "visitor.status.>", "--count", "1"])
            .await?
            .contains("visitor.status.")
    );
    ensure!(
        run(&["req", "visitor.explain", &visitor.ip, "--raw"])
            .await?
            .contains("\"verdict\":\"shown\"")
    );
    eventually("every process is among the services", async || {
        let services = run(&["micro", "ping"]).await?;
        for process in ["visitor-ingestor", "visitor-enricher", "visitor-gateway"] {
            ensure!(services.contains(process), "{services}");
        }
        Ok(())
    })
    .await?;
    ensure!(
        run(&["stream", "purge", "VISITOR_RAW", "--force"]).await.is_err(),
        "an operator must write nothing"
    );
    Ok(())
}
