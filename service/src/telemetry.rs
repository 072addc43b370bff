//! Log lines, on standard error; `RUST_LOG` chooses which.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::flags::LogFormat;

/// Starts logging. The second call in a process changes nothing.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    // The NATS client logs at info what we log ourselves, once and with its meaning.
    let filter = match "async_nats=warn".parse() {
        Ok(directive) if std::env::var_os(EnvFilter::DEFAULT_ENV).is_none() => {
            filter.add_directive(directive)
        }
        _ => filter,
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => lines
            .compact()
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    drop(started);
}
