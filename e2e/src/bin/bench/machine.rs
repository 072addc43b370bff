//! The measured version and the machine.

use std::process::Command;

use anyhow::{Context as _, Result};
use e2e::processes::{nats_server, repository};
use procfs::{CpuInfo, Current as _, LoadAverage, Meminfo};

/// Machine, versions, commit and date, a line each.
pub fn describe() -> Result<Vec<String>> {
    let cpus = CpuInfo::current()?;
    let cpu = cpus.model_name(0).unwrap_or("unknown processor").to_owned();
    let memory = Meminfo::current()?.mem_total >> 30;
    let kernel = procfs::sys::kernel::Version::current()?;
    let load = LoadAverage::current()?.one;
    Ok(vec![
        format!(
            "{} × {cpu}, {memory} GiB, Linux {}.{}",
            cpus.num_cores(),
            kernel.major,
            kernel.minor
        ),
        said(Command::new(nats_server()?).arg("--version"))?,
        said(Command::new("rustc").arg("--version"))?,
        format!("commit {}", commit()?),
        said(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?,
        format!("load average over the last minute at the end: {load:.1}"),
    ])
}

fn commit() -> Result<String> {
    let git = |arguments: &[&str]| said(Command::new("git").args(arguments).current_dir(repository()));
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    Ok(if changed.is_empty() {
        commit
    } else {
        format!("{commit}, with uncommitted changes")
    })
}

fn said(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
