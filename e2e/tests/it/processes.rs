//! Processes come, go, die and come back, and the view stays right.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::{Pipeline, Role, Visitor, eventually, of_workspace};
use simulator::world::Kind;

/// So many visitors of companies, from addresses of their own.
fn visitors(site: &Pipeline, count: u32) -> Vec<Visitor> {
    (0..count)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect()
}

fn open(site: &Pipeline, visitors: &[Visitor]) {
    site.send(
        &visitors
            .iter()
            .map(|visitor| visitor.opened(0))
            .collect::<Vec<_>>(),
    );
}

fn keep_alive(site: &Pipeline, visitors: &[Visitor]) {
    site.send(
        &visitors
            .iter()
            .map(|visitor| visitor.keep_alive(0))
            .collect::<Vec<_>>(),
    );
}

/// Waits until every gateway shows exactly so many sessions.
async fn shows(site: &Pipeline, count: usize) -> Result<()> {
    eventually(&format!("{count} sessions are shown everywhere"), async || {
        for gateway in site.members(Role::Gateway) {
            let shown = gateway.http.sessions().await?.len();
            ensure!(shown == count, "{}: {shown}", gateway.process.name());
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_restarted_gateway_has_the_whole_view_before_it_is_ready() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = visitors(&site, 200);
    open(&site, &visitors);
    shows(&site, 200).await?;
    site.send(
        &visitors[..50]
            .iter()
            .map(|visitor| visitor.closed(0))
            .collect::<Vec<_>>(),
    );
    shows(&site, 150).await?;
    site.gateway()?.process.restart().await?;
    site.gateway()?.ready().await?;
    assert_eq!(
        site.sessions().await?.len(),
        150,
        "the view is not complete when the gateway is ready"
    );
    site.view_is_right().await
}

#[tokio::test]
async fn a_second_gateway_shows_the_same() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = visitors(&site, 50);
    open(&site, &visitors);
    shows(&site, 50).await?;
    let second = site.add(Role::Gateway)?;
    site.member_mut(Role::Gateway, second)?.ready().await?;
    shows(&site, 50).await?;
    keep_alive(&site, &visitors);
    site.settle().await?;
    site.view_is_right().await?;
    let first = site.sessions().await?;
    assert_eq!(first, site.member(Role::Gateway, second)?.http.sessions().await?);
    Ok(())
}

#[tokio::test]
async fn a_killed_enricher_loses_nothing() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let visitors = visitors(&site, 600);
    for part in visitors.chunks(150) {
        open(&site, part);
        site.enricher()?.process.kill().await?;
        keep_alive(&site, part);
        site.enricher()?.process.start()?;
    }
    shows(&site, 600).await?;
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn enrichers_come_and_go_while_visitors_do() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = visitors(&site, 300);
    open(&site, &visitors[..100]);
    let second = site.add(Role::Enricher)?;
    open(&site, &visitors[100..200]);
    site.member_mut(Role::Enricher, second)?.ready().await?;
    let status = site.enricher()?.process.stop().await?;
    assert!(status.success(), "{status}");
    open(&site, &visitors[200..]);
    shows(&site, 300).await?;
    site.enricher()?.process.start()?;
    site.view_is_right().await
}

#[tokio::test]
async fn a_killed_ingestor_goes_on_when_it_is_back() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = visitors(&site, 20);
    open(&site, &visitors);
    shows(&site, 20).await?;
    site.ingestor()?.process.restart().await?;
    site.ready().await?;
    keep_alive(&site, &visitors);
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn two_ingestors_side_by_side_do_no_harm() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Ingestor, 2).start().await?;
    let visitors = visitors(&site, 100);
    open(&site, &visitors);
    site.ingestor()?.process.kill().await?;
    keep_alive(&site, &visitors);
    site.send(
        &visitors[..30]
            .iter()
            .map(|visitor| visitor.closed(0))
            .collect::<Vec<_>>(),
    );
    shows(&site, 70).await
}

#[tokio::test]
async fn a_nats_server_that_comes_back_empty_is_filled_again() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .with(Role::Gateway, 2)
        .start()
        .await?;
    let visitors = visitors(&site, 200);
    open(&site, &visitors[..100]);
    shows(&site, 100).await?;
    site.send(
        &visitors[..20]
            .iter()
            .map(|visitor| visitor.closed(0))
            .collect::<Vec<_>>(),
    );
    shows(&site, 80).await?;
    site.nats.process.kill().await?;
    eventually("the gateway says what is wrong", async || {
        let reason = site.member(Role::Gateway, 0)?.http.reason().await?;
        ensure!(reason.contains("nats"), "{reason}");
        Ok(())
    })
    .await?;
    open(&site, &visitors[100..]);
    site.nats.process.start()?;
    site.ready().await?;
    shows(&site, 180).await?;
    site.settle().await?;
    site.view_is_right().await?;
    // What was put back makes the view of a gateway that starts now.
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    shows(&site, 180).await
}

#[tokio::test]
async fn a_closed_session_stays_closed_after_the_streams_were_lost() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    site.send(&[visitor.closed(0)]);
    site.shows_no(&visitor).await?;
    site.nats.process.restart().await?;
    site.ready().await?;
    site.send(&[visitor.keep_alive(0), visitor.opened(0)]);
    site.settle().await?;
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    site.settle().await?;
    site.shows_no(&visitor).await
}

#[tokio::test]
async fn processes_wait_for_nats_at_the_start() -> Result<()> {
    let mut site = Pipeline::builder().launch().await?;
    eventually("the ingestor says what it waits for", async || {
        let reason = site.member(Role::Ingestor, 0)?.http.reason().await?;
        ensure!(reason.contains("nats"), "{reason}");
        Ok(())
    })
    .await?;
    site.emitter.wait_for_clients(1, e2e::PATIENCE).await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.nats.process.start()?;
    site.ready().await?;
    site.shows(&visitor).await?;
    Ok(())
}

#[tokio::test]
async fn every_process_stops_cleanly_when_asked() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = visitors(&site, 50);
    open(&site, &visitors);
    for role in Role::ALL {
        let status = site.member_mut(role, 0)?.process.stop().await?;
        assert!(status.success(), "{}: {status}", role.name());
    }
    Ok(())
}

#[test]
fn a_bad_flag_ends_a_process_with_one_line_that_names_it() -> Result<()> {
    let cases = [
        ("ingestor", "--emitter-url", "http://127.0.0.1"),
        ("ingestor", "--silence-deadline", "soon"),
        ("enricher", "--deanonymizer-url", "nowhere"),
        ("enricher", "--lookup-budget", "100/week"),
        ("enricher", "--lookup-concurrency", "0"),
        ("enricher", "--show-unidentified-after", "90s"),
        ("enricher", "--price-per-lookup", "NaN"),
        ("gateway", "--stale-after", "0s"),
        ("gateway", "--listen", "everywhere"),
        ("gateway", "--nats-creds", "/nowhere/creds"),
        ("gateway", "--log-format", "xml"),
        ("gateway", "--colour", "blue"),
    ];
    for (process, flag, value) in cases {
        let mut command = Command::new(of_workspace(process)?);
        if process != "gateway" {
            command.args(["--http-listen", "127.0.0.1:0"]);
        } else if flag != "--listen" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let output = command.args([flag, value]).env_clear().output()?;
        let said = String::from_utf8(output.stderr)?;
        let error = said.lines().last().context("it says nothing")?;
        assert_eq!(output.status.code(), Some(64), "{process} {flag}: {said}");
        assert!(
            error.starts_with("error: ") && error.contains(flag),
            "{process}: {said}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_health_check_asks_the_running_process() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let healthy = |role: Role, site: &Pipeline| -> Result<bool> {
        let address = site.member(role, 0)?.http.base().replace("http://", "");
        let arguments = [role.listen_flag(), &address, "healthcheck"];
        let output = Command::new(of_workspace(role.name())?)
            .args(arguments)
            .env_clear()
            .output()?;
        Ok(output.status.success())
    };
    for role in Role::ALL {
        assert!(healthy(role, &site)?, "{}", role.name());
    }
    site.nats.process.kill().await?;
    for role in Role::ALL {
        eventually(&format!("{} is not healthy", role.name()), async || {
            ensure!(!healthy(role, &site)?);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn flags_are_environment_variables_as_well() -> Result<()> {
    let site = Pipeline::start().await?;
    let mut taken = Command::new(of_workspace("enricher")?)
        .env_clear()
        .env("NATS_URL", site.nats.url())
        .env(
            "HTTP_LISTEN",
            site.member(Role::Enricher, 0)?.http.base().replace("http://", ""),
        )
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    let status = taken.wait()?;
    assert_eq!(
        status.code(),
        Some(64),
        "HTTP_LISTEN names an address that is taken"
    );
    Ok(())
}
