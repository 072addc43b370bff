//! The text formats in which every process serves its metrics.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use e2e::clients::{Http, HttpResponse};
use e2e::processes::{Role, promtool};

use crate::collector::site::Collector;
use crate::notifier::with_notifiers;

/// Checks the metrics as Prometheus' own linter does.
fn lint(process: &str, text: &str) -> Result<()> {
    let Some(program) = promtool() else {
        return Ok(());
    };
    let mut promtool = Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = promtool.stdin.take().context("no input")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let output = promtool.wait_with_output()?;
    let complaints = [output.stdout, output.stderr].concat();
    ensure!(
        output.status.success() && complaints.is_empty(),
        "{process}: {}",
        String::from_utf8_lossy(&complaints)
    );
    Ok(())
}

/// Checks that each series comes after help and type of its name, as the text format 0.0.4 has it.
fn has_metadata(process: &str, text: &str) -> Result<()> {
    let mut kinds = BTreeMap::new();
    let mut helped = None;
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').with_context(|| line.to_owned())?;
            ensure!(words.len() > 3, "{process}: no help in {line}");
            helped = Some(name);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').with_context(|| line.to_owned())?;
            ensure!(helped == Some(name), "{process}: no help before {line}");
            ensure!(
                kinds.insert(name, kind).is_none(),
                "{process}: {name} comes twice"
            );
        } else {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
                let name = name.strip_suffix(suffix)?;
                (kinds.get(name) == Some(&"histogram")).then_some(())
            });
            ensure!(
                of_histogram.is_some() || kinds.contains_key(name),
                "{process}: no type of {line}"
            );
        }
    }
    Ok(())
}

async fn check(process: &str, http: &Http) -> Result<()> {
    let plain = http.get("/metrics").await?;
    assert_eq!(
        plain.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    has_metadata(process, &plain.text)?;
    lint(process, &plain.text)?;
    for name in [
        &format!("visitor_{process}_build_info{{version="),
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        "process_start_time_seconds ",
    ] {
        assert!(
            plain.text.contains(&format!("\n{name}")),
            "{process} has no {name}"
        );
    }
    let request = http.request("/metrics");
    let asked = request.header(
        "accept",
        "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    );
    let openmetrics = HttpResponse::of(asked).await?;
    let media_type = openmetrics.headers["content-type"].to_str()?;
    assert!(
        media_type.starts_with("application/openmetrics-text"),
        "{media_type}"
    );
    assert!(openmetrics.text.ends_with("# EOF\n"), "{}", openmetrics.text);
    Ok(())
}

#[tokio::test]
async fn every_process_passes_the_checks_of_promtool() -> Result<()> {
    let (builder, _receiver) = with_notifiers("metrics", 1)?;
    let site = builder.start().await?;
    for role in Role::ALL.into_iter().chain([Role::Notifier]) {
        check(role.name(), &site.instance(role, 0)?.http).await?;
    }
    let collector = Collector::start(&[]).await?;
    check("collector", &collector.health).await
}
