//! Identification services by file: each kept file against the simulator that plays the service.

mod check;
mod free_tier;
mod keys;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role, repository};
use e2e::{Visitor, eventually};
use protocol::frame::VisibleSession;
use simulator::deanonymizer::{Deanonymizer, DeanonymizerConfig, Failure, Persona};
use simulator::world::Kind;

/// A played service, its file and the file with the key to it.
pub(crate) struct Service {
    pub(crate) simulator: Deanonymizer,
    pub(crate) file: PathBuf,
    pub(crate) key_file: PathBuf,
}

/// The key that the played services know.
pub(crate) const KEY: &str = "s3cr3t-4711-k3y";

impl Service {
    pub(crate) fn start(persona: Persona, test: &str) -> Result<Self> {
        let simulator = Deanonymizer::start(DeanonymizerConfig {
            persona: Some(persona),
            ..DeanonymizerConfig::default()
        })?;
        simulator.set_key(Some(KEY));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{persona}"));
        std::fs::create_dir_all(&folder)?;
        let kept = repository().join(format!("enricher/providers/{persona}.toml"));
        let kept = std::fs::read_to_string(kept)?;
        ensure!(kept.contains(persona.origin()), "{persona} is asked elsewhere");
        let played = kept.replace(persona.origin(), &format!("http://{}", simulator.addr()));
        let (file, key_file) = (folder.join("provider.toml"), folder.join("key"));
        std::fs::write(&file, played)?;
        std::fs::write(&key_file, format!("{KEY}\n"))?;
        Ok(Self {
            simulator,
            file,
            key_file,
        })
    }

    /// A pipeline whose enrichers ask the service.
    pub(crate) fn site(&self) -> e2e::processes::Builder {
        Pipeline::builder()
            .flag(
                Role::Enricher,
                "--deanonymizer-provider",
                &self.file.to_string_lossy(),
            )
            .flag(
                Role::Enricher,
                "--deanonymizer-key-file",
                &self.key_file.to_string_lossy(),
            )
    }

    fn visitor(&self, kind: Kind, n: u32) -> Visitor {
        Visitor::from(&self.simulator.world().ip(kind, n))
    }
}

async fn failed(site: &Pipeline, kind: &str) -> Result<u64> {
    let name = format!(r#"visitor_enricher_lookups_failed_total{{kind="{kind}"}}"#);
    site.metric(Role::Enricher, &name).await
}

async fn paid(site: &Pipeline) -> Result<u64> {
    site.metric(Role::Enricher, "visitor_enricher_lookups_paid_total")
        .await
}

fn company_of(session: &VisibleSession) -> Option<(&str, &str)> {
    let company = session.company.as_deref()?;
    Some((&company.name, &company.domain))
}

async fn identifies_visitors(persona: Persona) -> Result<()> {
    let service = Service::start(persona, "identifies")?;
    let site = service.site().with(Role::Enricher, 2).start().await?;
    let world = service.simulator.world();
    let kinds = [
        Kind::Full,
        Kind::CompanyOnly,
        Kind::ContactOnly,
        Kind::NexaCore,
        Kind::Empty,
        Kind::Unknown,
    ];
    for kind in kinds {
        for n in 0..3 {
            let visitor = service.visitor(kind, n);
            site.send(&[visitor.opened(0)]);
            let session = site.shows(&visitor).await?;
            let answer = world.answer(&visitor.ip);
            let expected = answer.company().filter(|_| persona.shows_company(kind));
            let expected = expected.map(|company| (&*company.name, &*company.domain));
            assert_eq!(
                company_of(&session),
                expected,
                "{persona} {kind:?} {}",
                visitor.ip
            );
            assert!(!session.unidentified);
            let calls = service.simulator.calls_for(&visitor.ip);
            ensure!(calls.calls - calls.successes <= 1, "{persona}: {calls:?}");
            assert_eq!(calls.successes, 1, "{persona} {kind:?}");
        }
    }
    // A GUID that is made from the domain is the same for all visitors of the company.
    let again = service.visitor(Kind::Full, 0);
    site.send(&[again.opened(0)]);
    let company = site.shows(&again).await?.company;
    ensure!(company.is_some_and(|company| protocol::guid::uuid(&company.guid).is_some()));

    let calls = service.simulator.stats().calls;
    for ip in [
        "192.168.1.1",
        "127.0.0.1",
        "169.254.7.7",
        "100.64.1.1",
        "203.0.113.7",
        "fe80::1",
        "185.242.274.177",
    ] {
        let visitor = Visitor::from(ip);
        site.send(&[visitor.opened(0)]);
        assert_eq!(site.shows(&visitor).await?.company, None, "{ip}");
    }
    assert_eq!(
        service.simulator.stats().calls,
        calls,
        "reserved addresses cost no call"
    );
    Ok(())
}

/// New visitors are not shown while the service fails, but afterwards. Known visitors are not affected.
async fn survives(persona: Persona) -> Result<()> {
    let service = Service::start(persona, "survives")?;
    let site = service.site().start().await?;
    let known = service.visitor(Kind::CompanyOnly, 1);
    site.send(&[known.opened(0)]);
    site.shows(&known).await?;
    let mut n = 10;
    let mut fail_and_recover = async |what: &str, fail: &dyn Fn(), recover: &dyn Fn()| -> Result<()> {
        fail();
        n += 1;
        let visitor = service.visitor(Kind::CompanyOnly, n);
        let calls = service.simulator.stats().calls;
        site.send(&[visitor.opened(1_000)]);
        eventually(&format!("{persona} is asked during {what}"), async || {
            ensure!(service.simulator.stats().calls > calls);
            Ok(())
        })
        .await?;
        let again = Visitor::from(&known.ip);
        site.send(&[again.opened(0)]);
        site.shows(&again).await?;
        ensure!(!site.sessions().await?.contains_key(&visitor.guid), "{what}");
        recover();
        let session = site.shows(&visitor).await?;
        ensure!(session.company.is_some(), "{persona} {what}");
        Ok(())
    };
    let simulator = &service.simulator;
    let fail_all = |failure| move || simulator.fail_all(failure);
    fail_and_recover(
        "a 429",
        &fail_all(Some(Failure::TooManyRequests)),
        &fail_all(None),
    )
    .await?;
    fail_and_recover(
        "an outage",
        &fail_all(Some(Failure::ServerError)),
        &fail_all(None),
    )
    .await?;
    fail_and_recover(
        "a refused key",
        &fail_all(Some(Failure::Unauthorized)),
        &fail_all(None),
    )
    .await?;
    fail_and_recover("a used-up quota", &|| simulator.set_quota(Some(0)), &|| {
        simulator.set_quota(None);
    })
    .await?;
    let before = paid(&site).await?;
    let exhausted = failed(&site, "exhausted").await? + failed(&site, "rate-limited").await?;
    ensure!(exhausted > 0, "{persona}: {exhausted}");
    ensure!(before > 0);
    Ok(())
}

macro_rules! every_persona {
    ($($name:ident: $persona:ident,)*) => {
        $(
            mod $name {
                use super::*;

                #[tokio::test]
                async fn identifies_visitors() -> Result<()> {
                    super::identifies_visitors(Persona::$persona).await
                }

                #[tokio::test]
                async fn survives_throttling_quota_and_outage() -> Result<()> {
                    super::survives(Persona::$persona).await
                }
            }
        )*
    };
}

every_persona! {
    snitcher: Snitcher,
    people_data_labs: PeopleDataLabs,
    six_sense: SixSense,
    albacross: Albacross,
    ipinfo: IpInfo,
}

#[tokio::test]
async fn queued_lookup_is_retried_without_charge_or_penalty() -> Result<()> {
    let service = Service::start(Persona::Snitcher, "queued")?;
    let site = service.site().start().await?;
    let world = service.simulator.world();
    // One address in four is queued when it is asked about for the first time.
    let ips = (0..40).map(|n| world.ip(Kind::CompanyOnly, n));
    let visitors: Vec<_> = ips.map(|ip| Visitor::from(&ip)).collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(0)]);
    }
    for visitor in &visitors {
        ensure!(site.shows(visitor).await?.company.is_some());
    }
    let (stats, queued) = (service.simulator.stats(), failed(&site, "queued").await?);
    let answered_later = stats.by_status.get(&202).copied().unwrap_or_default();
    ensure!(queued > 0 && queued == answered_later, "{queued}, {stats:?}");
    assert_eq!(paid(&site).await?, visitors.len() as u64);
    let closed = r#"visitor_enricher_breaker{state="closed"}"#;
    let enrichers = site.instances(Role::Enricher).count() as u64;
    assert_eq!(site.metric(Role::Enricher, closed).await?, enrichers);
    Ok(())
}

#[tokio::test]
async fn provider_that_bills_per_match_is_paid_for_matches_only() -> Result<()> {
    let service = Service::start(Persona::PeopleDataLabs, "billed")?;
    let site = service
        .site()
        .flag(Role::Enricher, "--lookup-budget", "5/day")
        .start()
        .await?;
    for n in 0..8 {
        let visitor = service.visitor(Kind::Unknown, n);
        site.send(&[visitor.opened(0)]);
        site.shows(&visitor).await?;
    }
    assert_eq!(paid(&site).await?, 0, "nobody was found");
    for n in 0..5 {
        let visitor = service.visitor(Kind::CompanyOnly, n);
        site.send(&[visitor.opened(0)]);
        site.shows(&visitor).await?;
    }
    assert_eq!(paid(&site).await?, 5);
    Ok(())
}

#[tokio::test]
async fn companies_of_a_provider_are_hidden_by_domain() -> Result<()> {
    let service = Service::start(Persona::Albacross, "hidden")?;
    let site = service
        .site()
        .flag(Role::Enricher, "--hide-companies", "NexaCore.example")
        .start()
        .await?;
    let (hidden, shown) = (
        service.visitor(Kind::NexaCore, 1),
        service.visitor(Kind::CompanyOnly, 1),
    );
    site.send(&[hidden.opened(0), shown.opened(0)]);
    site.shows(&shown).await?;
    eventually("the hidden company was looked up", async || {
        ensure!(service.simulator.calls_for(&hidden.ip).successes == 1);
        Ok(())
    })
    .await?;
    site.viewer()
        .await?
        .sees("that nobody is being identified", |view| {
            view.stats.being_identified == 0
        })
        .await?;
    assert_eq!(site.sessions().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn answers_are_decoded_and_redirects_not_followed() -> Result<()> {
    use axum::Router;
    use axum::http::{StatusCode, header};
    use axum::response::IntoResponse as _;
    use axum::routing::get;

    // gzip of {"name":"Lumen","domain":"lumen.example"}, regardless of Accept-Encoding.
    const COMPRESSED: &[u8] = include_bytes!("providers/lumen.json.gz");
    let app = Router::new().route(
        "/{ip}",
        get(
            async |headers: axum::http::HeaderMap, ip: axum::extract::Path<String>| {
                assert_eq!(
                    headers
                        .get(header::ACCEPT_ENCODING)
                        .map(axum::http::HeaderValue::as_bytes),
                    Some(&b"identity"[..])
                );
                if ip.ends_with(".9") {
                    return (StatusCode::FOUND, [(header::LOCATION, "/11.0.0.8")]).into_response();
                }
                ([(header::CONTENT_ENCODING, "gzip")], COMPRESSED).into_response()
            },
        ),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compressing.toml");
    std::fs::write(
        &file,
        format!(
            "name = \"a\"\nmethod = \"GET\"\nurl = \"http://{address}/{{ip}}\"\n[company]\nname = \"/name\"\ndomain = \"/domain\"\n"
        ),
    )?;
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--deanonymizer-provider", &file.to_string_lossy())
        .start()
        .await?;
    let (plain, redirected) = (Visitor::from("11.0.0.8"), Visitor::from("11.0.0.9"));
    site.send(&[redirected.opened(0), plain.opened(0)]);
    let session = site.shows(&plain).await?;
    assert_eq!(company_of(&session), Some(("Lumen", "lumen.example")));
    eventually("the redirect counts as a failure", async || {
        ensure!(failed(&site, "status").await? > 0);
        Ok(())
    })
    .await?;
    assert!(!site.sessions().await?.contains_key(&redirected.guid));
    serving.abort();
    Ok(())
}
