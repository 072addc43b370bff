//! Metrics, alert rules and the dashboard.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Builder, Pipeline, Prometheus, Role, repository};
use e2e::{Visitor, eventually};
use serde_json::Value;
use simulator::world::Kind;

use crate::notifier::with_notifiers;

/// Maximum number of series that one process may have: nothing that grows with visitors may be a label.
const MAX_SERIES: usize = 250;

fn deployed(file: &str) -> Result<String> {
    let path = repository().join("deploy/observability").join(file);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Every query of the dashboard, its variables replaced as Grafana does.
fn panels() -> Result<Vec<(String, String)>> {
    let dashboard: Value = serde_json::from_str(&deployed("grafana/dashboards/visitors.json")?)?;
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        let title = panel["title"].as_str().context("a panel without title")?;
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().context("a target without expr")?;
            queries.push((title.to_owned(), expression.replace("$__rate_interval", "10s")));
        }
    }
    Ok(queries)
}

/// The metrics of ours that a text names.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| {
            Role::ALL
                .iter()
                .chain(&[Role::Notifier])
                .any(|role| word.starts_with(&format!("visitor_{}_", role.name())))
        })
        .collect()
}

/// Visitors of every kind, some garbage, and answers that fail.
async fn busy() -> Result<Pipeline> {
    busy_with(Pipeline::builder()).await
}

async fn busy_with(builder: Builder) -> Result<Pipeline> {
    let site = builder.start().await?;
    site.deanonymizer.set_error_rate(0.2);
    come(&site, 0).await?;
    Ok(site)
}

async fn come(site: &Pipeline, round: u32) -> Result<()> {
    for kind in [Kind::Full, Kind::CompanyOnly, Kind::NexaCore, Kind::Unknown] {
        let visitor = Visitor::from(&site.ip(kind, round));
        site.send(&[visitor.opened(0), visitor.keep_alive(0), visitor.closed(0)]);
    }
    let stays = Visitor::from(&site.ip(Kind::Full, round));
    site.send(&[stays.opened(0)]);
    site.shows(&stays).await?;
    site.send(&[stays.keep_alive(0)]);
    Ok(())
}

#[tokio::test]
async fn each_hop_has_a_metric_of_bounded_cardinality() -> Result<()> {
    let site = busy().await?;
    let series = async |role| -> Result<Vec<String>> {
        let text = site.instance(role, 0)?.http.get("/metrics").await?.text;
        Ok(text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
            .collect())
    };
    let mut before = Vec::new();
    for role in Role::ALL {
        before.push(series(role).await?);
    }
    for round in 1..20 {
        come(&site, round).await?;
    }
    for (role, hop) in [
        (Role::Ingestor, "publish"),
        (Role::Enricher, "queue"),
        (Role::Enricher, "lookup"),
        (Role::Enricher, "call"),
        (Role::Gateway, "appearance"),
        (Role::Gateway, "frame"),
    ] {
        let name = format!("visitor_{}_{hop}_duration_seconds_count", role.name());
        eventually(&name, async || {
            ensure!(site.metric(role, &name).await? > 0);
            Ok(())
        })
        .await?;
    }
    for (role, before) in Role::ALL.into_iter().zip(before) {
        let now = series(role).await?;
        assert_eq!(now, before, "{}", role.name());
        assert!(now.len() < MAX_SERIES, "{} has {} series", role.name(), now.len());
    }
    Ok(())
}

#[tokio::test]
async fn every_metric_in_rules_and_panels_exists() -> Result<()> {
    let mut site = busy().await?;
    let watchlist = site.folder().join("watchlist");
    std::fs::write(&watchlist, "lumen.example\n")?;
    let url_file = site.folder().join("webhook-url");
    std::fs::write(&url_file, "http://127.0.0.1:9/")?;
    let watchlist = watchlist.to_string_lossy().into_owned();
    let own = [
        ("--webhook-url-file", &*url_file.to_string_lossy().into_owned()),
        ("--watchlist", &*watchlist),
    ]
    .map(|(flag, value)| (flag, value.to_owned()));
    let own: Vec<_> = own.iter().map(|(flag, value)| (*flag, value.as_str())).collect();
    site.add_with(Role::Notifier, &own)?;
    site.gateway()?.process.set_flag("--watchlist", &watchlist);
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    let mut scraped = BTreeSet::new();
    for role in Role::ALL.into_iter().chain([Role::Notifier]) {
        let text = site.instance(role, 0)?.http.get("/metrics").await?.text;
        let names = text.lines().filter(|line| !line.starts_with('#'));
        scraped.extend(names.filter_map(|line| Some(line.split(['{', ' ']).next()?.to_owned())));
    }
    for file in [
        "alerts.yml",
        "alerts_test.yml",
        "grafana/dashboards/visitors.json",
    ] {
        let text = deployed(file)?;
        let named = named(&text);
        assert!(named.len() > 10, "{file} names only {named:?}");
        for name in named {
            assert!(
                scraped.contains(name),
                "{file} names {name}, which no process has"
            );
        }
    }
    Ok(())
}

#[test]
fn every_rule_has_an_action_and_a_test() -> Result<()> {
    let (rules, tests) = (deployed("alerts.yml")?, deployed("alerts_test.yml")?);
    let parts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(parts.len() > 10, "{rules}");
    for part in parts {
        let name = part.lines().next().unwrap_or_default();
        for must in ["summary: ", "action: ", "severity: "] {
            assert!(part.contains(must), "{name} has no {must}");
        }
        assert!(
            tests.contains(&format!(r#"alertname="{name}", alertstate="firing""#)),
            "no test lets {name} fire"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_real_prometheus_evaluates_every_rule_and_every_panel() -> Result<()> {
    let (builder, _receiver) = with_notifiers("observability", 1)?;
    let site = busy_with(builder).await?;
    let _viewer = site.viewer().await?;
    let Some(mut prometheus) = Prometheus::start(&site)? else {
        return Ok(());
    };
    let mut round = 1;
    let panels = panels()?;
    assert!(panels.len() > 20, "{panels:?}");
    // Panels show rates over the last seconds, so visitors must keep arriving.
    eventually("every panel shows something", async || {
        prometheus.process.running()?;
        come(&site, round).await?;
        round += 1;
        for (title, query) in &panels {
            let found = prometheus.query(query).await?;
            // The processes of this pipeline have no certificates.
            if title == "Time until certificates expire" {
                continue;
            }
            ensure!(!found.is_empty(), "{title}: nothing for {query}");
            let value = found[0]["value"][1].as_str().unwrap_or_default();
            ensure!(
                value.parse::<f64>().is_ok_and(f64::is_finite),
                "{title}: {value} for {query}"
            );
        }
        Ok(())
    })
    .await?;
    eventually(
        "every rule is evaluated, and those about the processes are quiet",
        async || {
            for rule in prometheus.rules().await? {
                let name = rule["name"].as_str().unwrap_or_default();
                ensure!(rule["health"] == "ok", "{rule}");
                // NATS has no exporter here, the Deanonymizer fails on purpose, and a busy machine sends frames late.
                let expected = ["NatsUnmonitored", "EventsRejected", "FramesLate"].contains(&name);
                ensure!(rule["state"] == "inactive" || expected, "{rule}");
            }
            Ok(())
        },
    )
    .await
}
