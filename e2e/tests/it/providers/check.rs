//! `enricher check-provider`, and provider files that cannot be used.

use std::process::{Command, Output};

use anyhow::{Result, ensure};
use e2e::processes::workspace_binary;
use simulator::deanonymizer::{Deanonymizer, DeanonymizerConfig, Failure, Persona};
use simulator::world::Kind;

use super::{KEY, Service};

async fn check(service: &Service, ip: &str) -> Result<(Option<i32>, String)> {
    let (file, key_file) = (service.file.to_string_lossy(), service.key_file.to_string_lossy());
    let flags = [
        "--deanonymizer-provider",
        &file,
        "--deanonymizer-key-file",
        &key_file,
    ];
    check_with(&flags, ip).await
}

async fn check_with(flags: &[&str], ip: &str) -> Result<(Option<i32>, String)> {
    let mut command = Command::new(workspace_binary("enricher")?);
    command
        .env_clear()
        .args(flags)
        .args(["check-provider", "--ip", ip]);
    // The simulator answers in this process meanwhile.
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8(stdout)? + &String::from_utf8(stderr)?;
    ensure!(!said.contains(KEY), "{said}");
    Ok((status.code(), said))
}

#[tokio::test]
async fn says_what_would_be_shown_and_why() -> Result<()> {
    let service = Service::start(Persona::IpInfo, "check")?;
    let world = service.simulator.world();
    let ip = world.ip(Kind::CompanyOnly, 1);
    let (code, said) = check(&service, &ip).await?;
    assert_eq!(code, Some(0), "{said}");
    let name = world.answer(&ip).company().map(|company| company.name.clone());
    let name = serde_json::to_string(&name.unwrap_or_default())?;
    for part in ["one paid call", "Billed:  yes", "Why:", &name] {
        ensure!(said.contains(part), "no {part:?} in {said}");
    }
    let (_, said) = check(&service, &world.ip(Kind::NexaCore, 1)).await?;
    ensure!(said.contains("/company/type is \"hosting\""), "{said}");

    let calls = service.simulator.stats().calls;
    let (code, said) = check(&service, "203.0.113.7").await?;
    ensure!(code == Some(0) && said.contains("documentation"), "{said}");
    assert_eq!(service.simulator.stats().calls, calls + 1, "it was asked for");
    Ok(())
}

#[tokio::test]
async fn asks_the_deanonymizer_in_its_own_protocol() -> Result<()> {
    let simulator = Deanonymizer::start(DeanonymizerConfig::default())?;
    let url = format!("http://user:{KEY}@{}/deanonymize", simulator.addr());
    let world = simulator.world();
    let hidden = world.answer(&world.ip(Kind::NexaCore, 1));
    let hidden = hidden.company().map(|company| company.name.clone());
    for (kind, parts) in [
        (
            Kind::Full,
            [
                "Verdict: shown\n",
                "contains a company or a contact",
                "\"company\": {",
            ],
        ),
        (
            Kind::NexaCore,
            ["Verdict: hidden", "--hide-companies", "Status:  200"],
        ),
        (
            Kind::Empty,
            [
                "without company and contact",
                "neither a company nor a contact",
                "Billed:  yes",
            ],
        ),
        (
            Kind::Unknown,
            [
                "Status:  404",
                "status 404 means that the address is unknown",
                "one paid call",
            ],
        ),
    ] {
        let calls = simulator.stats().calls;
        let (code, said) = check_with(&["--deanonymizer-url", &url], &world.ip(kind, 1)).await?;
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(simulator.stats().calls, calls + 1);
        for part in parts {
            ensure!(said.contains(part), "{kind:?}: no {part:?} in {said}");
        }
        ensure!(
            !hidden.as_ref().is_some_and(|hidden| said.contains(hidden)),
            "{said}"
        );
    }
    simulator.fail_all(Some(Failure::Unauthorized));
    let (code, said) = check_with(&["--deanonymizer-url", &url], &world.ip(Kind::Full, 1)).await?;
    ensure!(
        code == Some(1) && said.contains("refused our key (401)"),
        "{said}"
    );
    let (code, said) = check_with(&["--deanonymizer-url", "none"], "11.0.0.1").await?;
    ensure!(code != Some(0) && said.contains("nobody to ask"), "{said}");
    Ok(())
}

#[tokio::test]
async fn fails_without_a_verdict() -> Result<()> {
    let service = Service::start(Persona::IpInfo, "check-fails")?;
    let ip = service.simulator.world().ip(Kind::CompanyOnly, 1);
    for (failure, part) in [
        (Failure::Unauthorized, "refused our key (401)"),
        (Failure::PaymentRequired, "exhausted (402)"),
        (Failure::TooManyRequests, "too many calls"),
        (Failure::Html200, "not valid JSON"),
    ] {
        service.simulator.fail_all(Some(failure));
        let (code, said) = check(&service, &ip).await?;
        ensure!(code == Some(1) && said.contains(part), "{failure}: {said}");
    }
    service.simulator.refuse(true).await?;
    let (code, said) = check(&service, &ip).await?;
    ensure!(code == Some(1) && said.contains("Nothing was sent"), "{said}");
    let (code, said) = check(&service, "banana").await?;
    ensure!(code == Some(64) && said.contains("--ip"), "{said}");
    Ok(())
}

#[test]
fn bad_file_is_a_usage_error_that_names_line_and_key() -> Result<()> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let good = "name = \"a\"\nurl = \"https://a.example/{ip}\"\nheaders = { X-Key = \"{key}\" }\n";
    let key_file = folder.join("check-key");
    std::fs::write(&key_file, KEY)?;
    for (name, text, key, parts) in [
        (
            "unknown",
            format!("{good}colour = 1\n"),
            true,
            ["line 4, colour", "unknown field"],
        ),
        (
            "pointer",
            format!("{good}[company]\nname = \"name\"\n"),
            true,
            ["line 5, company.name", "JSON Pointer"],
        ),
        (
            "status",
            format!("{good}[status]\nqueued = [99]\n"),
            true,
            ["line 5, status.queued", "201 to 599"],
        ),
        (
            "no-key",
            format!("{good}[company]\nname = \"/name\"\n"),
            false,
            ["--deanonymizer-key-file", "sends a key"],
        ),
    ] {
        let file = folder.join(format!("bad-{name}.toml"));
        std::fs::write(&file, text)?;
        let mut command = Command::new(workspace_binary("enricher")?);
        command
            .env_clear()
            .args(["--http-listen", "127.0.0.1:0", "--deanonymizer-provider"])
            .arg(&file);
        if key {
            command.arg("--deanonymizer-key-file").arg(&key_file);
        }
        let output = command.output()?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(64), "{said}");
        for part in parts.iter().copied().chain(["--deanonymizer-provider"]) {
            ensure!(said.contains(part), "{name}: {said}");
        }
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    Ok(())
}
