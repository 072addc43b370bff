//! Logging in and out with real browsers at the real gateway, directly and behind proxies.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::Result;
use e2e::processes::{Certificates, Pipeline, Role, free_port};

use super::browser::{script_succeeds, with_page};

const TOKEN: &str = "open-sesame";
const BROWSERS: [&str; 2] = ["chromium", "firefox"];

/// Logs in and out with each browser, by a script that is told how to reach the gateway.
async fn log_in_and_out(site: &Pipeline, line: &[&OsStr]) -> Result<()> {
    let gateway = site.instance(Role::Gateway, 0)?.http.base();
    for browser in BROWSERS {
        let arguments = [browser, gateway, TOKEN].map(OsStr::new);
        script_succeeds("login.mjs", &[&arguments, line].concat()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn login_and_logout_through_the_form() -> Result<()> {
    let site = with_page().flag(Role::Gateway, "--access-token", TOKEN);
    log_in_and_out(&site.start().await?, &[]).await
}

#[tokio::test]
async fn login_behind_a_tls_proxy() -> Result<()> {
    let site = with_page().flag(Role::Gateway, "--access-token", TOKEN).flag(
        Role::Gateway,
        "--trusted-proxies",
        "127.0.0.1",
    );
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("login");
    std::fs::create_dir_all(&folder)?;
    let made = Certificates::make(&folder)?;
    let (certificate, key) = (made.certificate(), made.key());
    let line = [
        OsStr::new("--certificate"),
        certificate.as_os_str(),
        OsStr::new("--key"),
        key.as_os_str(),
    ];
    log_in_and_out(&site.start().await?, &line).await
}

#[tokio::test]
async fn login_behind_a_proxy_that_changes_the_host() -> Result<()> {
    let port = free_port()?.to_string();
    let origin = format!("http://127.0.0.1:{port}");
    let site = with_page().flag(Role::Gateway, "--access-token", TOKEN).flag(
        Role::Gateway,
        "--allowed-origin",
        &origin,
    );
    log_in_and_out(&site.start().await?, &["--proxy-port", &port].map(OsStr::new)).await
}
