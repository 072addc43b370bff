//! CPU time and memory of processes, from `/proc`.

use std::collections::BTreeMap;

use anyhow::Result;
use procfs::process::all_processes;

/// The name of this program in a [`Usage`]: the simulators run inside it.
pub const SIMULATORS: &str = "simulators";

/// The usage of all processes with one name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// CPU time since they started, in seconds.
    pub cpu_seconds: f64,
    /// Memory that they hold now, in bytes.
    pub memory: u64,
}

/// The usage of this program and its children, by name.
#[derive(Clone, Debug, Default)]
pub struct Usage(BTreeMap<String, ProcessUsage>);

impl Usage {
    /// The usage until now.
    ///
    /// # Errors
    /// Fails if `/proc` cannot be read.
    pub fn now() -> Result<Self> {
        let ourselves = i32::try_from(std::process::id())?;
        let ticks = procfs::ticks_per_second() as f64;
        let page = procfs::page_size();
        let mut usage = BTreeMap::new();
        // Ignores processes that have exited while they were listed.
        for stat in all_processes()?.filter_map(|process| process.ok()?.stat().ok()) {
            let name = match stat.pid {
                pid if pid == ourselves => SIMULATORS.to_owned(),
                _ if stat.ppid == ourselves => stat.comm,
                _ => continue,
            };
            let used: &mut ProcessUsage = usage.entry(name).or_default();
            used.cpu_seconds += (stat.utime + stat.stime) as f64 / ticks;
            used.memory += stat.rss * page;
        }
        Ok(Self(usage))
    }

    /// The usage since `before`; the memory is the current one.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let since = |(name, used): (&String, &ProcessUsage)| {
            let cpu_seconds = used.cpu_seconds - before.of(name).cpu_seconds;
            (name.clone(), ProcessUsage { cpu_seconds, ..*used })
        };
        Self(self.0.iter().map(since).collect())
    }

    /// The usage of the processes with one name; zero if there are none.
    #[must_use]
    pub fn of(&self, name: &str) -> ProcessUsage {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The CPU time of all of them, in seconds.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        self.0.values().map(|used| used.cpu_seconds).sum()
    }

    /// Each name with what its processes have used.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ProcessUsage)> {
        self.0.iter().map(|(name, used)| (name.as_str(), *used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_since() {
        let usage = |cpu_seconds, memory| {
            Usage([("gateway".to_owned(), ProcessUsage { cpu_seconds, memory })].into())
        };
        let since = usage(3.5, 10).since(&usage(1.0, 90));
        assert_eq!(
            since.of("gateway"),
            ProcessUsage {
                cpu_seconds: 2.5,
                memory: 10
            }
        );
        assert_eq!(since.of("nobody"), ProcessUsage::default());
    }

    #[test]
    fn this_program_is_among_them() {
        assert!(Usage::now().unwrap().of(SIMULATORS).memory > 0);
    }
}
