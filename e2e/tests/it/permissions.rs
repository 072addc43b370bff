//! The operator of NATS sees what people on call need to see (DESIGN 5); what nobody may is in `security::permissions`.

use std::process::Command;

use anyhow::{Result, ensure};
use e2e::{Pipeline, Visitor, eventually};
use simulator::world::Kind;

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
