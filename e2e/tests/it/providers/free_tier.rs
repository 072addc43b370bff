//! Network and country without a paid call, and networks without lookups.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use maxminddb_writer::Database;
use maxminddb_writer::paths::IpAddrWithMask;
use serde_json::{Value, json};
use simulator::world::Kind;

/// Writes a small database.
fn write(file: &Path, entries: &[(&str, Value)]) -> Result<()> {
    let mut database = Database::default();
    database.metadata.binary_format_major_version = 2;
    "Test".clone_into(&mut database.metadata.database_type);
    for (range, value) in entries {
        let data = database.insert_value(value)?;
        let range: IpAddrWithMask = range.parse().map_err(|_| anyhow::anyhow!("{range}"))?;
        database.insert_node(range, data);
    }
    // In one step, as a script that fetches databases should.
    let half_written = file.with_extension("new");
    std::fs::write(&half_written, database.write_to(Vec::new())?)?;
    Ok(std::fs::rename(half_written, file)?)
}

fn network(number: u32, name: &str) -> Value {
    json!({ "autonomous_system_number": number, "autonomous_system_organization": name })
}

struct Files {
    networks: PathBuf,
    countries: PathBuf,
    skipped: PathBuf,
}

impl Files {
    fn new(test: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("free-tier-{test}"));
        std::fs::create_dir_all(&folder)?;
        let files = Self {
            networks: folder.join("networks.mmdb"),
            countries: folder.join("countries.mmdb"),
            skipped: folder.join("skipped.txt"),
        };
        write(&files.networks, &[("0.0.0.0/1", network(64500, "Example Cable"))])?;
        write(
            &files.countries,
            &[("0.0.0.0/1", json!({ "country": { "iso_code": "DE" } }))],
        )?;
        std::fs::write(&files.skipped, "")?;
        Ok(files)
    }

    fn site(&self) -> e2e::processes::Builder {
        Pipeline::builder()
            .flag(Role::Enricher, "--network-db", &self.networks.to_string_lossy())
            .flag(Role::Enricher, "--country-db", &self.countries.to_string_lossy())
            .flag(Role::Enricher, "--skip-networks", &self.skipped.to_string_lossy())
    }
}

#[tokio::test]
async fn without_a_provider_network_and_country_are_shown() -> Result<()> {
    let files = Files::new("none")?;
    let site = files
        .site()
        .flag(Role::Enricher, "--deanonymizer-url", "none")
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    let session = site.shows(&visitor).await?;
    assert_eq!(
        (&session.company, &session.contact, session.unidentified),
        (&None, &None, false)
    );
    assert_eq!(session.network.as_deref(), Some("Example Cable (AS64500)"));
    assert_eq!(session.country.as_deref(), Some("DE"));
    assert_eq!(site.deanonymizer.stats().calls, 0);

    write(&files.networks, &[("0.0.0.0/1", network(64501, "Example Fibre"))])?;
    eventually("the database is read again", async || {
        let visitor = Visitor::from(&site.ip(Kind::Full, 2));
        site.send(&[visitor.opened(0)]);
        let network = site.shows(&visitor).await?.network;
        ensure!(
            network.as_deref() == Some("Example Fibre (AS64501)"),
            "{network:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn visitors_of_skipped_networks_cost_no_call() -> Result<()> {
    let files = Files::new("skipped")?;
    let site = files.site().start().await?;
    let asked = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[asked.opened(0)]);
    let session = site.shows(&asked).await?;
    ensure!(
        session.company.is_some() && session.network.is_some(),
        "{session:?}"
    );

    std::fs::write(&files.skipped, "# consumers\nexample  CABLE\n")?;
    let mut n = 100;
    eventually("the list is read again", async || {
        n += 1;
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        site.send(&[visitor.opened(0)]);
        let session = site.shows(&visitor).await?;
        ensure!(session.company.is_none(), "still asked about");
        assert_eq!(session.network.as_deref(), Some("Example Cable (AS64500)"));
        assert_eq!(site.deanonymizer.calls_for(&visitor.ip).calls, 0);
        Ok(())
    })
    .await?;
    let saved = r#"visitor_enricher_lookups_saved_total{by="network"}"#;
    ensure!(site.metric(Role::Enricher, saved).await? > 0);
    let again = Visitor::from(&asked.ip);
    site.send(&[again.opened(0)]);
    ensure!(
        site.shows(&again).await?.company.is_some(),
        "what is paid for is used"
    );
    Ok(())
}

#[tokio::test]
async fn native_protocol_skips_reserved_addresses_only_on_request() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--skip-reserved", "true")
        .start()
        .await?;
    let visitor = Visitor::from("192.168.7.7");
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    assert_eq!(site.deanonymizer.calls_for("192.168.7.7").calls, 0);
    let site = Pipeline::start().await?;
    site.send(&[visitor.opened(0)]);
    eventually("it is looked up", async || {
        ensure!(site.deanonymizer.calls_for("192.168.7.7").calls == 1);
        Ok(())
    })
    .await
}
