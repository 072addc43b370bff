//! How the ingestor is let in by emitters, and what it says if it is not.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{WAIT_TIMEOUT, eventually};
use simulator::emitter::{Emitter, EmitterConfig};
use tokio::net::TcpListener;

use super::scripted_emitter::{Script, ScriptedEmitter};
use super::standalone::{Standalone, folder};

#[tokio::test]
async fn user_and_password_are_sent_and_connection_with_keep_alive_is_accepted() -> Result<()> {
    let emitter = ScriptedEmitter::start(Script::Send(Vec::new())).await?;
    let url = format!("ws://Aladdin:open%20sesame@127.0.0.1:{}/feed?x=1", emitter.port());
    let ingestor = Standalone::ingestor(&url, &[], &[]).await?;
    ingestor.connected().await?;
    let head = emitter.wait_for(1).await?.remove(0).head;
    ensure!(head.starts_with("GET /feed?x=1 HTTP/1.1\r\n"), "{head}");
    ensure!(
        head.contains("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
        "{head}"
    );
    ensure!(!ingestor.process.log()?.contains("sesame"));
    Ok(())
}

#[tokio::test]
async fn headers_come_from_a_file_that_is_read_for_each_connection() -> Result<()> {
    let emitter = ScriptedEmitter::start(Script::Close(1001, "")).await?;
    let file = folder()?.join("headers");
    fs::write(&file, "# the key\nX-Api-Key: first\n")?;
    let path = file.to_string_lossy();
    let flags = [("--emitter-headers-file", path.as_ref())];
    let _ingestor = Standalone::ingestor(&emitter.url(), &flags, &[]).await?;
    let head = emitter.wait_for(1).await?.remove(0).head;
    ensure!(head.contains("X-Api-Key: first\r\n"), "{head}");
    fs::write(&file, "X-Api-Key: second\n")?;
    eventually("the new key is sent", async || {
        let handshakes = emitter.handshakes();
        ensure!(
            handshakes
                .iter()
                .any(|handshake| handshake.head.contains("X-Api-Key: second\r\n"))
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn emitter_that_closes_at_once_is_failing_throughout_and_pauses_grow() -> Result<()> {
    let emitter = ScriptedEmitter::start(Script::Close(4001, "invalid api key")).await?;
    let ingestor = Standalone::ingestor(&emitter.url(), &[], &[]).await?;
    ingestor
        .says("closed by the emitter with code 4001: invalid api key")
        .await?;
    let handshakes = emitter.wait_for(6).await?;
    let took = handshakes[5].at - handshakes[0].at;
    // 0.1, 0.2, 0.4, 0.8 and 1.6 s, without the jitter.
    ensure!(took >= Duration::from_secs(3), "six connections within {took:?}");
    let log = ingestor.process.log()?;
    let about_it: Vec<_> = log
        .lines()
        .filter(|line| line.contains("part=\"emitter\""))
        .collect();
    ensure!(
        about_it.len() == 1 && about_it[0].contains("invalid api key"),
        "{about_it:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn event_proves_a_connection_after_others_were_closed_at_once() -> Result<()> {
    let emitter = ScriptedEmitter::start(Script::Close(4001, "starting")).await?;
    let ingestor = Standalone::ingestor(&emitter.url(), &[], &[]).await?;
    ingestor.says("code 4001: starting").await?;
    ensure!(!says_ok(&ingestor)?);
    let event = r#"{"eventType":"keep-alive","ip":"192.0.2.1","guid":"a"}"#;
    emitter.follow(Script::SendAndClose(vec![event.into()], 4001, "starting"));
    eventually("the emitter is ok", async || {
        ensure!(says_ok(&ingestor)?);
        Ok(())
    })
    .await
}

/// Whether the log says that the emitter is ok.
fn says_ok(ingestor: &Standalone) -> Result<bool> {
    let log = ingestor.process.log()?;
    Ok(log.lines().any(|line| line.contains("ok part=\"emitter\"")))
}

#[tokio::test]
async fn retry_after_is_respected() -> Result<()> {
    let response = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n";
    let emitter = ScriptedEmitter::start(Script::Respond(response.to_owned())).await?;
    let ingestor = Standalone::ingestor(&emitter.url(), &[], &[]).await?;
    ingestor
        .says("refused the handshake: 429 Too Many Requests")
        .await?;
    let handshakes = emitter.wait_for(2).await?;
    let pause = handshakes[1].at - handshakes[0].at;
    ensure!(pause >= Duration::from_secs(2), "{pause:?}");
    Ok(())
}

#[tokio::test]
async fn redirects_are_followed_without_secrets_for_another_host() -> Result<()> {
    let emitter = ScriptedEmitter::start(Script::Send(Vec::new())).await?;
    let to = format!("http://127.0.0.1:{}/there", emitter.port());
    let response = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let first = ScriptedEmitter::start(Script::Respond(response)).await?;
    let url = format!("ws://user:s3cret@127.0.0.1:{}", first.port());
    let ingestor = Standalone::ingestor(&url, &[], &[]).await?;
    ingestor.connected().await?;
    ensure!(first.wait_for(1).await?[0].head.contains("Authorization: "));
    let head = emitter.wait_for(1).await?.remove(0).head;
    ensure!(
        head.starts_with("GET /there ") && !head.contains("Authorization"),
        "{head}"
    );

    let circle = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    let emitter = ScriptedEmitter::start(Script::Respond(circle.to_owned())).await?;
    let ingestor = Standalone::ingestor(&emitter.url(), &[], &[]).await?;
    ingestor.says("redirects in circles").await?;
    Ok(())
}

#[tokio::test]
async fn failure_names_the_address_and_its_cause_once() -> Result<()> {
    let unused = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let ingestor = Standalone::ingestor(&format!("ws://{unused}/?token=s3cret"), &[], &[]).await?;
    ingestor
        .says(&format!(
            "emitter: cannot connect to {unused}: Connection refused"
        ))
        .await?;
    let log = ingestor.process.log()?;
    let expected = format!("cannot connect to {unused}: Connection refused");
    ensure!(
        log.matches(&expected).count() == 1 && !log.contains("s3cret"),
        "{log}"
    );
    let unknown = Standalone::ingestor("ws://nowhere.invalid", &[], &[]).await?;
    unknown
        .says("cannot find the address of nowhere.invalid:80")
        .await?;
    Ok(())
}

#[tokio::test]
async fn dead_first_address_of_a_name_is_passed_over() -> Result<()> {
    // `localhost` has an IPv6 and an IPv4 address here, and the emitter listens on one of them.
    let emitter = Emitter::start(EmitterConfig::default())?;
    let url = format!("ws://localhost:{}", emitter.addr().port());
    let ingestor = Standalone::ingestor(&url, &[], &[]).await?;
    emitter
        .wait_for_clients(1, WAIT_TIMEOUT)
        .await
        .context("no client")?;
    ingestor.connected().await
}
