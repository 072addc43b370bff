//! Where the programs are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A binary of the workspace, built in the same profile as the program that asks.
///
/// # Errors
/// Where it is not built.
pub fn of_workspace(name: &str) -> Result<PathBuf> {
    let binary = profile_folder()?.join(name);
    ensure!(
        binary.is_file(),
        "{} is missing: run `cargo build --workspace --bins` first, with the profile of this program",
        binary.display()
    );
    Ok(binary)
}

/// A folder for what a run leaves behind, beside what was built.
pub fn leftovers() -> Result<PathBuf> {
    let profile = profile_folder()?;
    Ok(profile.parent().unwrap_or(&profile).join("e2e"))
}

/// A nats-server: the one that the environment variable `NATS_SERVER` names, the machine's, or that of `make setup`.
///
/// # Errors
/// Where there is none.
pub fn nats_server() -> Result<PathBuf> {
    if let Some(named) = env::var_os("NATS_SERVER") {
        return Ok(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let candidates = env::split_paths(&path)
        .map(|folder| folder.join("nats-server"))
        .chain([repository().join(".venv/bin/nats-server")]);
    match candidates.into_iter().find(|candidate| candidate.is_file()) {
        Some(found) => Ok(found),
        None => bail!(
            "there is no nats-server: run `make setup`, or name one in the environment variable NATS_SERVER"
        ),
    }
}

/// `target/debug` or `target/release`; tests run from its `deps`.
fn profile_folder() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let folder = program.parent().context("this program is in no folder")?;
    if folder.ends_with("deps") {
        return Ok(folder.parent().unwrap_or(folder).to_owned());
    }
    Ok(folder.to_owned())
}
