//! What the operating system reports about the process, under the names that all Prometheus clients use.

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, WithCurrentSystemInfo as _};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Memory, CPU time, open files and start of this process, read when they are asked for.
#[derive(Debug)]
pub struct ProcessMetrics;

/// What was read.
struct Usage {
    cpu_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    open_files: u64,
    max_open_files: u64,
    started_at_seconds: f64,
}

impl Usage {
    fn read() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = procfs::ticks_per_second() as f64;
        let max_open_files = match process.limits()?.max_open_files.soft_limit {
            LimitValue::Value(limit) => limit,
            LimitValue::Unlimited => u64::MAX,
        };
        Ok(Self {
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
            resident_bytes: stat.rss_bytes().get(),
            virtual_bytes: stat.vsize,
            open_files: process.fd_count()? as u64,
            max_open_files,
            started_at_seconds: procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks,
        })
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        // A system that does not provide them has no such metrics.
        let Ok(usage) = Usage::read() else {
            return Ok(());
        };
        let encoder = &mut encoder;
        let help = "CPU time used, of user and system together.";
        encode(
            encoder,
            "cpu",
            help,
            Some(&Unit::Seconds),
            &ConstCounter::new(usage.cpu_seconds),
        )?;
        let bytes = Some(&Unit::Bytes);
        for (name, help, unit, value) in [
            ("resident_memory", "Memory in RAM.", bytes, usage.resident_bytes),
            (
                "virtual_memory",
                "Address space in use.",
                bytes,
                usage.virtual_bytes,
            ),
            ("open_fds", "Open files and connections.", None, usage.open_files),
            (
                "max_fds",
                "The limit of open files and connections.",
                None,
                usage.max_open_files,
            ),
        ] {
            encode(encoder, name, help, unit, &ConstGauge::new(value))?;
        }
        let help = "When the process started, by its host's clock, in seconds since the epoch.";
        encode(
            encoder,
            "start_time",
            help,
            Some(&Unit::Seconds),
            &ConstGauge::new(usage.started_at_seconds),
        )
    }
}

fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    metric: &impl EncodeMetric,
) -> std::fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, unit, metric.metric_type())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plausible_figures() {
        let usage = Usage::read().unwrap();
        assert!(usage.resident_bytes > 100_000 && usage.virtual_bytes >= usage.resident_bytes);
        assert!(usage.open_files > 2 && usage.open_files <= usage.max_open_files);
        assert!(usage.started_at_seconds > 1e9 && usage.cpu_seconds < 1e6);
    }
}
