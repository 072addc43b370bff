//! The processes' command lines: bad flags, the environment, the health check.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Http;
use e2e::eventually;
use e2e::processes::{Pipeline, Process, Role, workspace_binary};

/// Processes, flags and values that they must refuse.
const INVALID: [(&str, &str, &str); 49] = [
    ("ingestor", "--emitter-url", "http://127.0.0.1"),
    ("ingestor", "--silence-deadline", "soon"),
    ("enricher", "--deanonymizer-url", "nowhere"),
    ("ingestor", "--emitter-url", "ws://a,http://b"),
    ("ingestor", "--emitter-url", "ws://a,,ws://b"),
    ("ingestor", "--nats-url", ""),
    ("ingestor", "--nats-url", "nats://a,,nats://b"),
    ("ingestor", "--nats-user", ""),
    ("enricher", "--deanonymizer-url", "http://a;b/"),
    ("enricher", "--hide-companies", "banana"),
    ("enricher", "--hide-companies", "a;b"),
    ("enricher", "--hide-companies", ""),
    ("enricher", "--hide-companies", "lumen.example,"),
    ("enricher", "--hide-companies", "co.uk"),
    ("enricher", "--hidden-companies", "banana"),
    ("enricher", "--profile-ttl", "1000y"),
    ("enricher", "--otlp-endpoint", "ftp://collector"),
    ("gateway", "--access-token", ""),
    ("enricher", "--lookup-budget", "100/week"),
    ("enricher", "--lookup-concurrency", "0"),
    ("enricher", "--show-unidentified-after", "90s"),
    ("enricher", "--price-per-lookup", "NaN"),
    ("gateway", "--currency", "EURO"),
    ("gateway", "--stale-after", "0s"),
    ("gateway", "--listen", "everywhere"),
    ("gateway", "--nats-creds", "/nowhere/creds"),
    ("gateway", "--nats-ca", "/nowhere/ca.pem"),
    ("gateway", "--nats-nkey", "/nowhere/seed"),
    ("gateway", "--nats-domain", "a.b"),
    ("ingestor", "--ca-file", "/nowhere/ca.pem"),
    ("ingestor", "--emitter-headers-file", "/nowhere/headers"),
    ("ingestor", "--emitter-url", "ws://a:99999"),
    ("enricher", "--ca-file", "/nowhere/ca.pem"),
    ("gateway", "--nats-password-file", "/nowhere/password"),
    ("gateway", "--access-token-file", "/nowhere/token"),
    ("gateway", "--allowed-origin", "*"),
    ("gateway", "--request-rate", "0"),
    ("gateway", "--log-format", "xml"),
    ("notifier", "--webhook-url-file", "/nowhere/url"),
    ("notifier", "--webhook-format", "pigeon"),
    ("notifier", "--page-url", "visitors"),
    ("notifier", "--cooldown", "0s"),
    ("gateway", "--watchlist", "/nowhere/watchlist"),
    ("collector", "--sites", "*"),
    ("collector", "--sites", "https://shop.example/page"),
    ("collector", "--ignore", "staff"),
    ("collector", "--script-path", "v"),
    ("collector", "--heartbeat", "0s"),
    ("gateway", "--colour", "blue"),
];

#[test]
fn invalid_flag_exits_with_one_line_that_names_it() -> Result<()> {
    for (process, flag, value) in INVALID {
        let mut command = Command::new(workspace_binary(process)?);
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
async fn healthcheck_queries_the_running_process() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let healthy = |role: Role, site: &Pipeline| -> Result<bool> {
        let address = site.instance(role, 0)?.http.base().replace("http://", "");
        let arguments = [role.listen_flag(), &address, "healthcheck"];
        let output = Command::new(workspace_binary(role.name())?)
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
    let mut taken = Command::new(workspace_binary("enricher")?)
        .env_clear()
        .env("NATS_URL", site.nats.url())
        .env(
            "HTTP_LISTEN",
            site.instance(Role::Enricher, 0)?
                .http
                .base()
                .replace("http://", ""),
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

/// All flags, each with a value that is not the default.
const EVERYBODYS: &[(&str, &str)] = &[
    ("--nats-url", "nats://127.0.0.1:1"),
    ("--nats-user", "somebody"),
    ("--nats-password", "secret"),
    ("--nats-password-file", "/run/password"),
    ("--nats-creds", "/run/creds"),
    ("--nats-nkey", "/run/seed"),
    ("--nats-domain", "hub"),
    ("--nats-storage", "file"),
    ("--secrets-mib", "2"),
    ("--ca-file", "/run/ca.pem"),
    ("--nats-ca", "/run/ca.pem"),
    ("--http-listen", "127.0.0.1:1"),
    ("--log-format", "json"),
    ("--otlp-endpoint", "http://127.0.0.1:1"),
    ("--trace-share", "0.5"),
];
const OWN: &[(&str, &[(&str, &str)])] = &[
    (
        "ingestor",
        &[
            ("--emitter-url", "wss://emitter.example/feed"),
            ("--emitter-headers-file", "/run/headers"),
        ],
    ),
    (
        "enricher",
        &[
            ("--deanonymizer-url", "https://deanonymizer.example/v1"),
            (
                "--hide-companies",
                "lumen.example,{0D6CF1B5-6E0F-4C1E-9B42-2B1F6E9E7A11}",
            ),
            ("--hidden-companies", "lumen.example"),
            ("--profile-ttl", "1h"),
            ("--unknown-ttl", "1m"),
            ("--lookup-concurrency", "8"),
            ("--lookup-timeout", "1s"),
            ("--lookup-budget", "5000/day"),
            ("--price-per-lookup", "0.02"),
            ("--stale-after", "90s"),
            ("--show-unidentified-after", "30s"),
        ],
    ),
    (
        "notifier",
        &[
            ("--webhook-url-file", "/run/url"),
            ("--webhook-format", "slack"),
            ("--webhook-secret-file", "/run/secret"),
            ("--page-url", "https://visitors.example/"),
            ("--watchlist", "/run/watchlist"),
            ("--cooldown", "30m"),
        ],
    ),
    (
        "gateway",
        &[
            ("--listen", "127.0.0.1:1"),
            ("--watchlist", "/run/watchlist"),
            ("--stale-after", "90s"),
            ("--frame-interval", "100ms"),
            ("--assets", "dist"),
            ("--access-token", "secret"),
            ("--access-token-file", "/run/token"),
            ("--allowed-origin", "https://portal.example"),
            ("--max-clients", "1"),
            ("--max-connections", "1"),
            ("--request-rate", "1"),
        ],
    ),
];

/// What a process that is asked for its health says to flags and variables; nobody answers it, but 64 would mean that it
/// does not know them.
fn asked(process: &str, flags: &[&str], variables: &[(&str, &str)]) -> Result<(Option<i32>, String)> {
    let mut command = Command::new(workspace_binary(process)?);
    let output = command
        .args(flags)
        .arg("healthcheck")
        .env_clear()
        .envs(variables.iter().copied())
        .output()?;
    Ok((output.status.code(), String::from_utf8(output.stderr)?))
}

#[test]
fn every_flag_is_an_environment_variable_as_well() -> Result<()> {
    for (process, own) in OWN {
        let listen = if *process == "gateway" {
            "--listen"
        } else {
            "--http-listen"
        };
        for (flag, value) in EVERYBODYS.iter().chain(*own) {
            let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
            let mut by_flag = vec![*flag, *value];
            let mut by_variable = vec![(&*variable, *value)];
            if *flag != listen {
                by_flag.extend([listen, "127.0.0.1:1"]);
                by_variable.push(if *process == "gateway" {
                    ("LISTEN", "127.0.0.1:1")
                } else {
                    ("HTTP_LISTEN", "127.0.0.1:1")
                });
            }
            let (code, said) = asked(process, &by_flag, &[])?;
            assert_eq!(code, Some(1), "{process} {flag}: {said}");
            let (code, said) = asked(process, &[], &by_variable)?;
            assert_eq!(code, Some(1), "{process} {variable}: {said}");
        }
    }
    Ok(())
}

#[test]
fn invalid_environment_variable_is_reported_by_its_flag() -> Result<()> {
    for (process, variable, value, flag) in [
        ("ingestor", "EMITTER_URL", "nowhere", "--emitter-url"),
        ("ingestor", "NATS_URL", "http://[", "--nats-url"),
        ("enricher", "DEANONYMIZER_URL", "nowhere", "--deanonymizer-url"),
        ("enricher", "PROFILE_TTL", "long", "--profile-ttl"),
        ("enricher", "HIDE_COMPANIES", "", "--hide-companies"),
        ("enricher", "HIDDEN_COMPANIES", "banana", "--hidden-companies"),
        ("enricher", "UNKNOWN_TTL", "0s", "--unknown-ttl"),
        ("enricher", "LOOKUP_CONCURRENCY", "0", "--lookup-concurrency"),
        ("enricher", "LOOKUP_TIMEOUT", "5", "--lookup-timeout"),
        ("enricher", "LOOKUP_BUDGET", "much", "--lookup-budget"),
        ("enricher", "PRICE_PER_LOOKUP", "cheap", "--price-per-lookup"),
        (
            "enricher",
            "SHOW_UNIDENTIFIED_AFTER",
            "later",
            "--show-unidentified-after",
        ),
        ("gateway", "STALE_AFTER", "soon", "--stale-after"),
        ("gateway", "FRAME_INTERVAL", "often", "--frame-interval"),
        ("gateway", "LISTEN", "everywhere", "--listen"),
        ("gateway", "LOG_FORMAT", "xml", "--log-format"),
    ] {
        let (code, said) = asked(process, &[], &[(variable, value)])?;
        assert_eq!(code, Some(64), "{process} {variable}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(flag), "{process}: {said}");
    }
    Ok(())
}

#[test]
fn help_names_variables_without_their_values() -> Result<()> {
    const VALUE: &str = "s3cret-of-the-environment";
    for process in ["ingestor", "enricher", "gateway", "notifier", "collector"] {
        let help = |arguments: &[&str], variables: &[&str]| -> Result<String> {
            let output = Command::new(workspace_binary(process)?)
                .args(arguments)
                .arg("--help")
                .env_clear()
                .envs(variables.iter().map(|variable| (*variable, VALUE)))
                .output()?;
            ensure!(output.status.success(), "{process}: {}", output.status);
            Ok(String::from_utf8(output.stdout)?)
        };
        let plain = help(&[], &[])?;
        let variables: Vec<_> = plain
            .split("[env: ")
            .skip(1)
            .filter_map(|rest| rest.split_once([']', '=']).map(|(variable, _)| variable))
            .collect();
        ensure!(variables.len() > 10, "{process} names its variables");
        for command in [&[][..], &["check-config"]] {
            let help = help(command, &variables)?;
            ensure!(!help.contains(VALUE), "{process} {command:?}: {help}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn log_lines_are_json_on_request() -> Result<()> {
    let mut builder = Pipeline::builder();
    for role in Role::ALL {
        builder = builder.flag(role, "--log-format", "json");
    }
    let site = builder.start().await?;
    for role in Role::ALL {
        let log = site.instance(role, 0)?.process.log()?;
        ensure!(log.lines().count() > 1, "{} says nothing", role.name());
        for line in log.lines() {
            let line: serde_json::Value = serde_json::from_str(line).context(line.to_owned())?;
            ensure!(line["message"].is_string() && line["level"].is_string(), "{line}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn port_0_is_a_free_port_named_in_the_log() -> Result<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let arguments = ["--http-listen", "127.0.0.1:0", "--nats-url", "nats://127.0.0.1:1"];
    let arguments = arguments.map(str::to_owned).to_vec();
    let name = format!("enricher-anywhere-{}", std::process::id());
    let mut enricher = Process::new(&name, workspace_binary("enricher")?, arguments, folder);
    enricher.start()?;
    let address = eventually("the enricher says where it listens", async || {
        let log = enricher.log()?;
        let (_, rest) = log.split_once("address=").context(log.clone())?;
        let (address, _) = rest.split_once('\n').context("half a line")?;
        Ok(address.to_owned())
    })
    .await?;
    let answer = Http::new(&format!("http://{address}"))?.get("/healthz").await?;
    assert!(answer.status.is_success(), "{}", answer.text);
    Ok(())
}
