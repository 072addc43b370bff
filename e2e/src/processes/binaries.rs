//! Finds the programs.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A binary of the workspace, built in the same profile as the caller.
///
/// # Errors
/// Fails if it is not built.
pub fn workspace_binary(name: &str) -> Result<PathBuf> {
    let binary = profile_folder()?.join(name);
    ensure!(
        binary.is_file(),
        "{} is missing: run `cargo build --workspace --bins` first, with the profile of this program",
        binary.display()
    );
    Ok(binary)
}

/// A folder for the files of a run, beside the build.
pub fn leftovers() -> Result<PathBuf> {
    let profile = profile_folder()?;
    Ok(profile.parent().unwrap_or(&profile).join("e2e"))
}

/// A nats-server: the one that the environment variable `NATS_SERVER` names, the machine's, or that of `make setup`.
///
/// # Errors
/// Fails if there is none.
pub fn nats_server() -> Result<PathBuf> {
    if let Some(named) = env::var_os("NATS_SERVER") {
        return Ok(named.into());
    }
    let ours = repository().join(".venv/bin/nats-server");
    match on_path("nats-server").or_else(|| ours.is_file().then_some(ours)) {
        Some(found) => Ok(found),
        None => bail!(
            "there is no nats-server: run `make setup`, or name one in the environment variable NATS_SERVER"
        ),
    }
}

/// nginx: the one that the environment variable `NGINX` names, or the machine's.
///
/// # Errors
/// Fails if there is none.
pub fn nginx() -> Result<PathBuf> {
    let sbin = PathBuf::from("/usr/sbin/nginx");
    named("NGINX")
        .or_else(|| on_path("nginx"))
        .or_else(|| sbin.is_file().then_some(sbin))
        .context("there is no nginx: run `scripts/find-nginx`, or name one in the environment variable NGINX")
}

/// Caddy: the one that the environment variable `CADDY` names, or the machine's.
///
/// # Errors
/// Fails if there is none.
pub fn caddy() -> Result<PathBuf> {
    named("CADDY")
        .or_else(|| on_path("caddy"))
        .context("there is no Caddy: run `scripts/find-caddy`, or name one in the environment variable CADDY")
}

/// tinyproxy: the one that the environment variable `TINYPROXY` names, or the machine's.
///
/// # Errors
/// Fails if there is none.
pub fn tinyproxy() -> Result<PathBuf> {
    named("TINYPROXY").or_else(|| on_path("tinyproxy")).context(
        "there is no tinyproxy: run `scripts/find-tinyproxy`, or name one in the environment variable TINYPROXY",
    )
}

fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}

/// libfaketime: the one that the environment variable `FAKETIME_LIBRARY` names, or the machine's.
///
/// # Errors
/// Fails if there is none.
pub fn faketime() -> Result<PathBuf> {
    if let Some(named) = env::var_os("FAKETIME_LIBRARY") {
        return Ok(named.into());
    }
    let folders = ["/usr/lib", "/usr/lib64"].into_iter().map(PathBuf::from);
    let nested = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders
        .chain(nested.map(|entry| entry.path()))
        .map(|folder| folder.join("faketime/libfaketime.so.1"))
        .find(|candidate| candidate.is_file())
        .context("there is no libfaketime: run `scripts/find-faketime`, or name one in the environment variable FAKETIME_LIBRARY")
}

/// The nats CLI: the one that the environment variable `NATS_CLI` names, or the machine's. If there is none, prints that and
/// returns `None`, because few machines have it and tests must pass without it.
#[must_use]
pub fn nats_cli() -> Option<PathBuf> {
    optional("nats", "NATS_CLI")
}

/// A Prometheus: the one that the environment variable `PROMETHEUS` names, or the machine's. As [`nats_cli`].
#[must_use]
pub fn prometheus() -> Option<PathBuf> {
    optional("prometheus", "PROMETHEUS")
}

/// A binary of the previous release, which `scripts/build-previous-release` builds. `PREVIOUS_RELEASE` names the folder. As
/// [`nats_cli`].
#[must_use]
pub fn previous_release(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("PREVIOUS_RELEASE").map(PathBuf::from);
    folder.map(|folder| folder.join(name)).or_else(|| {
        skipped("PREVIOUS_RELEASE names no folder");
        None
    })
}

/// The checks of metrics that come with Prometheus: the program that the environment variable `PROMTOOL` names, or the
/// machine's. As [`nats_cli`].
#[must_use]
pub fn promtool() -> Option<PathBuf> {
    optional("promtool", "PROMTOOL")
}

fn optional(program: &str, variable: &str) -> Option<PathBuf> {
    let found = env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| on_path(program));
    if found.is_none() {
        skipped(&format!(
            "there is no {program} on the PATH, and {variable} names none"
        ));
    }
    found
}

fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    // Not with `println!`, whose output is shown only for failing tests.
    let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {test}: {why} ***\n");
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// `target/debug` or `target/release`; tests run from its `deps`.
fn profile_folder() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot find the path of this program")?;
    let folder = program.parent().context("this program is in no folder")?;
    if folder.ends_with("deps") {
        return Ok(folder.parent().unwrap_or(folder).to_owned());
    }
    Ok(folder.to_owned())
}
