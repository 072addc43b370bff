//! No row is missing: in the document, or for a way in which a lookup ends.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use e2e::processes::{Pipeline, Role, repository};

use super::row::{Protocol, Row, Shown};
use super::rows::ROWS;

/// The labels of a metric's series.
fn labels(metrics: &str, start: &str) -> BTreeSet<String> {
    let series = metrics.lines().filter_map(|line| line.strip_prefix(start));
    series
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

#[tokio::test]
async fn every_label_of_a_lookup_has_a_row() -> Result<()> {
    let site = Pipeline::start().await?;
    let metrics = site.instance(Role::Enricher, 0)?.http.get("/metrics").await?.text;
    let (failed, judged): (Vec<&Row>, Vec<&Row>) = ROWS.iter().partition(|row| row.shown == Shown::NotYet);
    for (start, rows) in [
        (r#"visitor_enricher_lookups_failed_total{kind=""#, failed),
        (
            r#"visitor_enricher_verdicts_total{level="call",verdict=""#,
            judged,
        ),
    ] {
        let tested: BTreeSet<_> = rows.iter().map(|row| row.counted.to_owned()).collect();
        assert_eq!(labels(&metrics, start), tested, "{start}");
    }
    Ok(())
}

#[test]
fn document_has_these_rows_and_no_others() -> Result<()> {
    let document = std::fs::read_to_string(repository().join("docs/lookups.md"))?;
    for (protocol, heading) in [
        (Protocol::Native, "## In the Deanonymizer's own protocol"),
        (Protocol::File, "## With a provider file"),
    ] {
        let (_, section) = document.split_once(heading).context(heading)?;
        let section = section.split("\n## ").next().unwrap_or_default();
        let written: Vec<_> = section
            .lines()
            .filter(|line| line.starts_with("| "))
            .skip(1)
            .collect();
        let tested: Vec<_> = ROWS
            .iter()
            .filter(|row| row.protocol == protocol)
            .map(Row::to_string)
            .collect();
        assert_eq!(written, tested, "{heading}");
    }
    Ok(())
}
