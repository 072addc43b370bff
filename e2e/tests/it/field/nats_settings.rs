//! NATS servers with their own limits, accounts and streams.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType};
use e2e::eventually;
use e2e::processes::workspace_binary;
use nkeys::KeyPair;
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;

use super::nats::Server;
use super::scripted_emitter::{Script, ScriptedEmitter};
use super::standalone::{Standalone, folder};

fn event(guid: &str, padding: usize) -> String {
    let padding = "x".repeat(padding);
    format!(r#"{{"eventType":"keep-alive","ip":"192.0.2.1","guid":"{guid}","padding":"{padding}"}}"#)
}

async fn ready(process: &Standalone) -> Result<()> {
    eventually("the process is ready", async || process.http.ready().await).await
}

#[tokio::test]
async fn messages_fit_a_server_with_a_small_limit() -> Result<()> {
    let server = Server::start(&folder()?, "max_payload: 64KB\n").await?;
    // Together they fill many messages of 64 KiB. One fits into an event, and into no message.
    let mut frames: Vec<_> = (0..600).map(|number| event(&number.to_string(), 900)).collect();
    frames.insert(300, event("large", 65_200));
    let frames = frames.into_iter().map(Message::text).collect();
    let emitter = ScriptedEmitter::start(Script::Send(frames)).await?;
    let ingestor = Standalone::ingestor(&emitter.url(), &[("--nats-url", &server.url())], &[]).await?;
    eventually("all events but the large one are published", async || {
        let published = ingestor
            .http
            .metric("visitor_ingestor_events_published_total")
            .await?;
        let rejected = "visitor_ingestor_rejected_total{reason=\"too-large\"}";
        let rejected = ingestor.http.metric(rejected).await?;
        ensure!(
            (published, rejected) == (600, 1),
            "{published} published, {rejected} rejected"
        );
        Ok(())
    })
    .await?;
    ready(&ingestor).await
}

#[tokio::test]
async fn existing_stream_is_brought_to_the_configured_settings() -> Result<()> {
    let server = Server::start(&folder()?, "").await?;
    let jetstream = server.jetstream().await?;
    create_streams(&jetstream).await?;
    let emitter = ScriptedEmitter::start(Script::Send(Vec::new())).await?;
    let url = server.url();
    let mut ingestor =
        Standalone::ingestor(&emitter.url(), &[("--nats-url", &url), ("--raw-mib", "32")], &[]).await?;
    ready(&ingestor).await?;
    let config = jetstream
        .get_stream("VISITOR_RAW")
        .await?
        .cached_info()
        .config
        .clone();
    ensure!(
        config.max_bytes == 32 << 20 && config.max_age == Duration::from_mins(10),
        "{config:?}"
    );
    ensure!(
        config.description.is_some() && config.metadata.contains_key("application"),
        "{config:?}"
    );
    ensure!(
        ingestor
            .process
            .log()?
            .contains("max_bytes is 1048576 and should be 33554432")
    );
    ingestor.process.stop().await?;

    let _enricher = Standalone::start("enricher", &[("--nats-url", &url)], &[]).await?;
    eventually("the stream of sessions lets messages expire", async || {
        let config = jetstream
            .get_stream("VISITOR_SESSIONS")
            .await?
            .cached_info()
            .config
            .clone();
        ensure!(config.allow_message_ttl && config.allow_direct, "{config:?}");
        Ok(())
    })
    .await?;

    let flags = [("--nats-url", url.as_str()), ("--nats-storage", "file")];
    let ingestor = Standalone::ingestor(&emitter.url(), &flags, &[]).await?;
    ingestor
        .says("another setting: storage is memory and should be file")
        .await?;
    let flags = [("--nats-url", url.as_str()), ("--nats-replicas", "3")];
    let ingestor = Standalone::ingestor(&emitter.url(), &flags, &[]).await?;
    ingestor.says("num_replicas is 1 and should be 3").await?;
    Ok(())
}

/// Creates two streams with few settings.
async fn create_streams(jetstream: &async_nats::jetstream::Context) -> Result<()> {
    let raw = Config {
        name: "VISITOR_RAW".into(),
        subjects: vec!["visitor.raw.>".into()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::Memory,
        max_bytes: 1 << 20,
        ..Config::default()
    };
    jetstream.create_stream(raw).await?;
    let sessions = Config {
        name: "VISITOR_SESSIONS".into(),
        subjects: vec!["visitor.session.*".into()],
        storage: StorageType::Memory,
        max_messages_per_subject: 1,
        ..Config::default()
    };
    jetstream.create_stream(sessions).await?;
    Ok(())
}

#[tokio::test]
async fn accounts_with_nkeys_domain_and_required_limits_are_used() -> Result<()> {
    let key = KeyPair::new_user();
    let folder = folder()?;
    let seed = folder.join("seed");
    fs::write(&seed, key.seed()?)?;
    let configuration = format!(
        "accounts {{ A {{ jetstream {{ max_memory: 1GB, max_file: 1GB, max_bytes_required: true }}\n\
         users: [{{ nkey: {} }}, {{ user: ada, password: \"s@crt\" }}] }} }}\n",
        key.public_key()
    );
    let server = Server::start_in_domain(&folder, "hub", &configuration).await?;

    let emitter = ScriptedEmitter::start(Script::Send(vec![Message::text(event("a", 1))])).await?;
    let limits = [
        ("--raw-mib", "16"),
        ("--rejected-mib", "16"),
        ("--nats-storage", "file"),
    ];
    let by_key = [
        ("--nats-url", server.url()),
        ("--nats-nkey", seed.to_string_lossy().into_owned()),
        ("--nats-domain", "hub".to_owned()),
    ];
    let in_url = [(
        "--nats-url",
        format!("nats://ada:s%40crt@127.0.0.1:{}", server.port),
    )];
    for flags in [&by_key[..], &in_url] {
        let own = flags.iter().map(|(flag, value)| (*flag, value.as_str()));
        let flags: Vec<_> = own.chain(limits).collect();
        let ingestor = Standalone::ingestor(&emitter.url(), &flags, &[]).await?;
        ready(&ingestor).await?;
        eventually("the event is published", async || {
            let published = ingestor
                .http
                .metric("visitor_ingestor_events_published_total")
                .await?;
            ensure!(published >= 1);
            Ok(())
        })
        .await?;
        ensure!(!ingestor.process.log()?.contains("s%40crt"));
    }
    Ok(())
}

#[tokio::test]
async fn rotated_password_is_read_again_and_a_wrong_one_is_named_without_a_flood() -> Result<()> {
    let folder = folder()?;
    let users =
        |password: &str| format!("authorization {{ users: [{{ user: ingestor, password: {password} }}] }}\n");
    let mut server = Server::start(&folder, &users("first")).await?;
    let password = folder.join("password");
    fs::write(&password, "first\n")?;
    let emitter = ScriptedEmitter::start(Script::Send(Vec::new())).await?;
    let (url, path) = (server.url(), password.to_string_lossy().into_owned());
    let flags = [("--nats-url", url.as_str()), ("--nats-password-file", &path)];
    let ingestor = Standalone::ingestor(&emitter.url(), &flags, &[]).await?;
    ready(&ingestor).await?;
    server.process.kill().await?;
    server.configure(&users("second"))?;
    server.process.start()?;
    let reason = ingestor.says("authorization violation").await?;
    ensure!(reason.contains(&format!("127.0.0.1:{}", server.port)), "{reason}");
    let attempts = |log: &str| log.matches("authorization violation").count();
    eventually("several attempts are over", async || {
        let log = server.process.log()?;
        ensure!(log.matches("authentication error").count() > 8);
        Ok(())
    })
    .await?;
    let log = ingestor.process.log()?;
    ensure!(attempts(&log) <= 2, "{log}");
    fs::write(&password, "second\n")?;
    ready(&ingestor).await
}

#[tokio::test]
async fn check_config_names_an_account_that_is_too_small() -> Result<()> {
    let configuration =
        "accounts { A { jetstream { max_memory: 64MB }, users: [{ user: ada, password: a }] } }\n";
    let server = Server::start(&folder()?, configuration).await?;
    let look = async |raw_mib: &str| -> Result<String> {
        let output = Command::new(workspace_binary("ingestor")?)
            .args([
                "--nats-url",
                &server.url(),
                "--nats-user",
                "ada",
                "--nats-password",
                "a",
            ])
            .args(["--raw-mib", raw_mib, "--rejected-mib", "1", "check-config"])
            .env_clear()
            .output()
            .await?;
        Ok(String::from_utf8(output.stdout)?)
    };
    let too_small = "problem  the NATS account may hold 64 MiB in memory, 0 MiB of which are taken, and the streams that do \
                     not exist yet need 65 MiB";
    let said = look("64").await?;
    ensure!(said.contains(too_small), "{said}");
    ensure!(
        said.contains("VISITOR_RAW does not exist; the process creates it, with 64 MiB in memory"),
        "{said}"
    );
    let said = look("63").await?;
    ensure!(!said.contains("NATS account"), "{said}");
    Ok(())
}
