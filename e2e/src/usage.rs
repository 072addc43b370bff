//! What the processes that a program has started use.

use std::collections::BTreeMap;

use anyhow::Result;
use procfs::process::all_processes;

/// CPU time and memory of processes of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU time, in seconds.
    pub cpu: f64,
    /// Memory, in MiB.
    pub memory: u64,
}

/// What each process uses that this program has started, and the program itself; those of one name together.
///
/// # Errors
/// Where the system does not tell.
pub fn usage() -> Result<BTreeMap<String, Usage>> {
    let ourselves = i32::try_from(std::process::id())?;
    let ticks = procfs::ticks_per_second() as f64;
    let page = procfs::page_size();
    let mut all: BTreeMap<String, Usage> = BTreeMap::new();
    // A process that has ended while they were listed is of no interest.
    for stat in all_processes()?.filter_map(|process| process.ok()?.stat().ok()) {
        if stat.ppid != ourselves && stat.pid != ourselves {
            continue;
        }
        let usage = all.entry(stat.comm).or_default();
        usage.cpu += (stat.utime + stat.stime) as f64 / ticks;
        usage.memory += stat.rss * page / (1 << 20);
    }
    Ok(all)
}
