//! The processes' command lines: bad flags, the environment, the health check.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use e2e::{Pipeline, Role, eventually, of_workspace};

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
        .stderr(Stdio::piped())
        .spawn()?;
    let status = taken.wait()?;
    assert_eq!(
        status.code(),
        Some(64),
        "HTTP_LISTEN names an address that is taken"
    );
    Ok(())
}
