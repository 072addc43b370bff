//! Streams in the JetStream domain of another server, which is reached through a leaf node.

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Http;
use e2e::eventually;
use e2e::processes::free_port;
use futures_util::TryStreamExt as _;
use simulator::deanonymizer::{Deanonymizer, DeanonymizerConfig};
use simulator::world::Kind;
use tokio_tungstenite::tungstenite::Message;

use super::nats::Server;
use super::scripted_emitter::{Script, ScriptedEmitter};
use super::standalone::{Standalone, folder};

#[tokio::test]
async fn streams_and_buckets_in_the_domain_of_the_hub_are_used_from_a_leaf_node() -> Result<()> {
    let folder = folder()?;
    let leaf_port = free_port()?;
    let listen = format!("leafnodes {{ listen: \"127.0.0.1:{leaf_port}\" }}\n");
    let hub = Server::start_in_domain(&folder.join("hub"), "hub", &listen).await?;
    let remote = format!("leafnodes {{ remotes: [{{ url: \"nats-leaf://127.0.0.1:{leaf_port}\" }}] }}\n");
    let leaf = Server::start_in_domain(&folder.join("leaf"), "leaf", &remote).await?;

    let deanonymizer = Deanonymizer::start(DeanonymizerConfig::default())?;
    let ip = deanonymizer.world().ip(Kind::Full, 1);
    let event = format!(r#"{{"eventType":"session-opened","ip":"{ip}","guid":"a"}}"#);
    let emitter = ScriptedEmitter::start(Script::Send(vec![Message::text(event)])).await?;
    let (url, page) = (leaf.url(), format!("127.0.0.1:{}", free_port()?));
    let nats = [("--nats-url", url.as_str()), ("--nats-domain", "hub")];
    let lookups = [("--deanonymizer-url", deanonymizer.url())];
    let lookups = lookups.each_ref().map(|(flag, value)| (*flag, value.as_str()));

    let ingestor = Standalone::ingestor(&emitter.url(), &nats, &[]).await?;
    let enricher = Standalone::start("enricher", &[&nats[..], &lookups].concat(), &[]).await?;
    let gateway = Standalone::start("gateway", &[&nats[..], &[("--listen", &page)]].concat(), &[]).await?;
    for process in [&ingestor, &enricher, &gateway] {
        eventually("the process is ready", async || process.http.ready().await).await?;
    }
    let page = Http::new(&format!("http://{page}"))?;
    eventually("the visitor is shown with a company", async || {
        let sessions = page.sessions().await?;
        let session = sessions.values().next().context("no session is shown")?;
        ensure!(session.company.is_some(), "{session:?}");
        Ok(())
    })
    .await?;
    eventually("the hub's bucket holds the verdict", async || {
        let bucket = hub.jetstream().await?.get_key_value("visitor_profiles").await?;
        let keys: Vec<String> = bucket.keys().await?.try_collect().await?;
        ensure!(!keys.is_empty(), "it is empty");
        Ok(())
    })
    .await?;
    let streams: Vec<_> = leaf.jetstream().await?.stream_names().try_collect().await?;
    ensure!(streams.is_empty(), "the leaf node has streams: {streams:?}");
    Ok(())
}
