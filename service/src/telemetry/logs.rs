//! Log lines on standard error, filtered by `RUST_LOG`.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::process::flags::LogFormat;

/// Our own crates. Their log lines name no visitor, at any level.
const OURS: [&str; 8] = [
    "collector",
    "enricher",
    "gateway",
    "ingestor",
    "notifier",
    "protocol",
    "service",
    "simulator",
];

/// Starts logging. The second call in a process changes nothing.
pub fn start(format: LogFormat) {
    let chosen = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    // The lines that the NATS client logs at info are logged by `nats::connection`, once and with their meaning.
    let chosen = match "async_nats=warn".parse() {
        Ok(directive) if std::env::var_os(EnvFilter::DEFAULT_ENV).is_none() => {
            chosen.add_directive(directive)
        }
        _ => chosen,
    };
    let filter = chosen.and(filter_fn(|metadata| {
        names_no_visitor(metadata) && !is_repeated(metadata)
    }));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry();
    let started = match format {
        LogFormat::Text => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let lines = lines.compact().with_ansi(ansi);
            registry.with(lines.with_filter(filter)).try_init()
        }
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true).with_filter(filter))
            .try_init(),
    };
    drop(started);
}

/// Whether a line is allowed, independently of `RUST_LOG`. Below info, the HTTP, NATS and WebSocket libraries log the data
/// that they carry: addresses, names and keys of third parties.
fn names_no_visitor(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || is_ours(metadata.target())
}

/// The NATS client logs each failed attempt to connect as an error. `nats::connection` logs each cause once.
fn is_repeated(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "async_nats::connector"
}

fn is_ours(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or(target);
    OURS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_crates_may_log_in_detail() {
        assert!(is_ours("enricher::pipeline::identification"));
        assert!(is_ours("service"));
        for target in ["hyper_util::client", "async_nats", "log", "services", ""] {
            assert!(!is_ours(target), "{target}");
        }
    }
}
