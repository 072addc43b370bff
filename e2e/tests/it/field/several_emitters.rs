//! One ingestor reads several emitters, and a failing one does not disturb the others.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role, workspace_binary};
use e2e::{Visitor, WAIT_TIMEOUT, eventually};
use protocol::status::{Figures, IngestorFigures};
use simulator::emitter::{Emitter, EmitterConfig};
use simulator::world::Kind;

use super::scripted_emitter::{Script, ScriptedEmitter};
use super::standalone::{Standalone, folder};

async fn figures(site: &Pipeline) -> Result<IngestorFigures> {
    let processes = site.instance(Role::Gateway, 0)?.http.pipeline().await?.processes;
    let ingestor = processes.into_iter().find_map(|status| match status.figures {
        Figures::Ingestor(figures) => Some(figures),
        Figures::Enricher(_) | Figures::Gateway(_) | Figures::Notifier(_) => None,
    });
    ingestor.context("no ingestor is heard")
}

fn is_connected(figures: &IngestorFigures, name: &str) -> bool {
    let mut emitters = figures.emitters.iter();
    emitters.any(|emitter| emitter.name == name && emitter.connected)
}

#[tokio::test]
async fn each_emitter_has_its_own_connection_and_state() -> Result<()> {
    let emitters = [EmitterConfig::default(), EmitterConfig::default()].map(Emitter::start);
    let [first, second] = emitters;
    let (first, second) = (first?, second?);
    let urls = format!("{}/feed?token=s3cret,{}", first.url(), second.url());
    let site = Pipeline::builder()
        .flag(Role::Ingestor, "--emitter-url", &urls)
        .start()
        .await?;
    for emitter in [&first, &second] {
        emitter.wait_for_clients(1, WAIT_TIMEOUT).await?;
    }
    let visitors = [1, 2].map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)));
    first.send(&visitors[0].opened(0));
    second.send(&visitors[1].opened(0));
    for visitor in &visitors {
        site.shows(visitor).await?;
    }

    drop(second);
    let ingestor = &site.instance(Role::Ingestor, 0)?.http;
    let lost = urls.rsplit_once("//").context("no host")?.1.to_owned();
    let kept = first.addr().to_string();
    eventually(
        "/readyz names the emitter that is gone, and only that one",
        async || {
            let reason = ingestor.reason().await?;
            ensure!(
                reason.contains(&format!("emitter {lost}")) && !reason.contains(&kept),
                "{reason}"
            );
            Ok(())
        },
    )
    .await?;
    eventually("the status lists each emitter", async || {
        let figures = figures(&site).await?;
        let connected = |name: &str| is_connected(&figures, name);
        ensure!(figures.emitters.len() == 2, "{figures:?}");
        ensure!(connected(&kept) && !connected(&lost), "{figures:?}");
        ensure!(figures.emitter_connected, "one is still read: {figures:?}");
        Ok(())
    })
    .await?;
    let metrics = ingestor.get("/metrics").await?.text;
    for (emitter, connected) in [(&kept, 1), (&lost, 0)] {
        let line = format!("visitor_ingestor_emitter_connected{{emitter=\"{emitter}\"}} {connected}");
        ensure!(metrics.contains(&line), "no {line} in {metrics}");
    }
    let another = Visitor::from(&site.ip(Kind::CompanyOnly, 3));
    first.send(&another.opened(0));
    site.shows(&another).await?;

    let log = site.instance(Role::Ingestor, 0)?.process.log()?;
    for text in [log, metrics, ingestor.reason().await?] {
        ensure!(!text.contains("s3cret"), "a secret is exposed: {text}");
    }
    Ok(())
}

#[tokio::test]
async fn headers_reach_only_the_host_that_they_are_for() -> Result<()> {
    let first = ScriptedEmitter::start(Script::Send(Vec::new())).await?;
    let second = ScriptedEmitter::start(Script::Send(Vec::new())).await?;
    let (one, other) = (first.url(), format!("ws://localhost:{}", second.port()));
    let file = folder()?.join("headers");
    let second_port = second.port();
    let text = format!("[127.0.0.1]\nX-Api-Key: k1\n[localhost:{second_port}]\nX-Api-Key: k2\n");
    fs::write(&file, text)?;
    let path = file.to_string_lossy();
    let flags = [("--emitter-headers-file", path.as_ref())];
    let _ingestor = Standalone::ingestor(&format!("{one},{other}"), &flags, &[]).await?;
    for (emitter, own, foreign) in [(&first, "k1", "k2"), (&second, "k2", "k1")] {
        let head = emitter.wait_for(1).await?.remove(0).head;
        ensure!(head.contains(&format!("X-Api-Key: {own}\r\n")), "{head}");
        ensure!(!head.contains(foreign), "{head}");
    }

    fs::write(&file, "X-Api-Key: s3cret\n")?;
    let mut command = Command::new(workspace_binary("ingestor")?);
    command
        .env_clear()
        .args(["--emitter-url", "ws://a.invalid,ws://b.invalid"]);
    let output = command.arg("--emitter-headers-file").arg(&file).output()?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(64), "{said}");
    ensure!(
        said.contains("which of the emitters a.invalid:80, b.invalid:80") && !said.contains("s3cret"),
        "{said}"
    );
    Ok(())
}
