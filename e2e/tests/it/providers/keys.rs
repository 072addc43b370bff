//! The key to a provider appears nowhere but in the question, and a rotated one holds at once.

use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use e2e::eventually;
use e2e::processes::{Pipeline, Role, workspace_binary};
use simulator::deanonymizer::{Failure, Persona};
use simulator::world::Kind;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::{KEY, Service, failed};

/// An OpenTelemetry collector that keeps the bytes that it receives.
struct Collector {
    endpoint: String,
    received: Arc<Mutex<Vec<u8>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Collector {
    async fn start() -> Result<Self> {
        let received: Arc<Mutex<Vec<u8>>> = Arc::default();
        let keep = {
            let received = Arc::clone(&received);
            async move |body: Bytes| {
                received
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&body);
            }
        };
        let routes = Router::new().route("/v1/traces", post(keep));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            endpoint,
            received,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    fn text(&self) -> String {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&received).into_owned()
    }
}

/// All that the bucket of verdicts holds.
async fn bucket(site: &Pipeline) -> Result<String> {
    let jetstream = site.operator().await?;
    let stream = jetstream.get_stream("KV_visitor_profiles").await?;
    let mut values = Vec::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        if let Ok(message) = stream.direct_get(sequence).await {
            values.push(format!(
                "{} {}",
                message.subject,
                String::from_utf8_lossy(&message.payload)
            ));
        }
    }
    Ok(values.join("\n"))
}

#[tokio::test]
async fn key_appears_nowhere() -> Result<()> {
    // A key in the URL is the hardest to keep: errors and logs of clients often contain URLs.
    let service = Service::start(Persona::IpInfo, "exposed-key")?;
    let text = std::fs::read_to_string(&service.file)?;
    std::fs::write(&service.file, text.replace("/{ip}\"", "/{ip}?token={key}\""))?;
    let collector = Collector::start().await?;
    let mut builder = service.site().log_filter("trace");
    for role in [Role::Ingestor, Role::Enricher] {
        builder = builder
            .flag(role, "--otlp-endpoint", &collector.endpoint)
            .flag(role, "--trace-share", "1");
    }
    let site = builder
        .flag(Role::Enricher, "--lookup-timeout", "500ms")
        .start()
        .await?;
    let tap = site.tap("visitor.>").await?;
    fail_in_every_way(&service, &site).await?;
    let enricher = site.instance(Role::Enricher, 0)?;
    let mut places = vec![
        ("the log", enricher.process.log()?),
        ("the arguments", enricher.process.arguments().join(" ")),
    ];
    for path in ["/metrics", "/readyz"] {
        let answer = e2e::clients::HttpResponse::of(enricher.http.request(path)).await?;
        places.push((path, answer.text));
    }
    let help = Command::new(workspace_binary("enricher")?)
        .env_clear()
        .env("DEANONYMIZER_KEY_FILE", &service.key_file)
        .arg("--help")
        .output()?;
    places.push(("--help", String::from_utf8(help.stdout)?));
    let heard: Vec<_> = tap
        .heard()
        .iter()
        .map(|heard| format!("{} {:?} {}", heard.subject, heard.headers, heard.text()))
        .collect();
    places.push(("NATS", heard.join("\n")));
    places.push(("the bucket", bucket(&site).await?));
    eventually("calls are traced", async || {
        ensure!(collector.text().contains("call"));
        Ok(())
    })
    .await?;
    places.push(("a trace", collector.text()));
    for (place, text) in places {
        ensure!(!text.is_empty(), "{place} is empty");
        ensure!(!text.contains(KEY), "{place} contains the key");
    }
    Ok(())
}

/// A visitor for each way in which a call fails.
async fn fail_in_every_way(service: &Service, site: &Pipeline) -> Result<()> {
    let world = service.simulator.world();
    for (failure, n) in [
        Failure::Unauthorized,
        Failure::PaymentRequired,
        Failure::TooManyRequests,
        Failure::ServerError,
        Failure::Hang,
        Failure::Reset,
        Failure::Html200,
    ]
    .into_iter()
    .zip(0..)
    {
        let visitor = e2e::Visitor::from(&world.ip(Kind::CompanyOnly, n));
        service.simulator.fail_ip(&visitor.ip, failure);
        site.send(&[visitor.opened(0)]);
        eventually(&format!("{failure} has failed"), async || {
            ensure!(service.simulator.calls_for(&visitor.ip).calls > 0);
            Ok(())
        })
        .await?;
        service.simulator.heal_ip(&visitor.ip);
        site.shows(&visitor).await?;
    }
    service.simulator.refuse(true).await?;
    let visitor = e2e::Visitor::from(&world.ip(Kind::CompanyOnly, 50));
    site.send(&[visitor.opened(0)]);
    eventually("a refused connection has failed", async || {
        ensure!(failed(site, "unreachable").await? > 0);
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn rotated_key_takes_effect_at_once() -> Result<()> {
    let service = Service::start(Persona::SixSense, "rotated")?;
    let site = service
        .site()
        .with(Role::Enricher, 3)
        // A probe of another key does not wait for it.
        .flag(Role::Enricher, "--account-retry", "1h")
        .start()
        .await?;
    let world = service.simulator.world();
    let known = e2e::Visitor::from(&world.ip(Kind::CompanyOnly, 1));
    site.send(&[known.opened(0)]);
    site.shows(&known).await?;
    service.simulator.set_key(Some("another"));
    // One refusal beside an answer would count for its address only.
    let waiting = [2, 3].map(|n| e2e::Visitor::from(&world.ip(Kind::CompanyOnly, n)));
    for visitor in &waiting {
        site.send(&[visitor.opened(0)]);
    }
    let account = async |expected: u64| {
        let received = site
            .metric(Role::Enricher, r#"visitor_enricher_account{state="refused"}"#)
            .await?;
        ensure!(received == expected, "{received}");
        Ok(())
    };
    eventually("every enricher knows that the old key is refused", async || {
        account(3).await
    })
    .await?;
    let calls = service.simulator.stats().calls;
    std::fs::write(&service.key_file, "another\n")?;
    for visitor in &waiting {
        ensure!(site.shows(visitor).await?.company.is_some());
    }
    eventually("every enricher knows that the new key is accepted", async || {
        account(0).await
    })
    .await?;
    let further = service.simulator.stats().calls - calls;
    assert_eq!(further, 2, "one probe for all, and the other visitor");
    Ok(())
}
