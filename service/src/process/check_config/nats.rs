//! Whether NATS can be used, and whether its streams have the settings that the process needs.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::{ContextBuilder, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, ErrorCode};

use super::plan::Finding;
use super::settings::without_secrets;
use crate::nats::access::{credentials, encrypted};
use crate::process::flags::Common;
use crate::streams::{Plan, StreamKind, plan};

/// How long connecting and each response may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Connects as the process would, and looks at its streams. It creates nothing.
///
/// # Errors
/// Fails if a file of secrets or certificates cannot be used; the error names the flag.
pub(super) async fn look(
    process: &str,
    flags: &Common,
    streams: &[StreamKind],
) -> anyhow::Result<Vec<Finding>> {
    let servers: Vec<_> = flags
        .nats_url
        .iter()
        .map(|server| without_secrets(server.as_url_str()))
        .collect();
    let place = format!("NATS {}", servers.join(", "));
    let options = encrypted(credentials(process, flags)?, flags)?
        .name(format!("visitor-{process} check-config"))
        .custom_inbox_prefix(format!("_INBOX_{process}"))
        .connection_timeout(TIMEOUT);
    let client = match options.connect(flags.nats_url.clone()).await {
        Ok(client) => client,
        Err(error) => return Ok(vec![Finding::Problem(format!("{place}: {error}"))]),
    };
    let server = client.server_info();
    let mut findings = vec![Finding::Ok(format!(
        "{place}: connected to {}, version {}",
        server.server_name, server.version
    ))];
    let builder = ContextBuilder::new().timeout(TIMEOUT);
    let jetstream = match &flags.nats_domain {
        Some(domain) => builder.domain(domain).build(client.clone()),
        None => builder.build(client.clone()),
    };
    for kind in streams {
        let wanted = kind.config(flags);
        findings.push(stream(&jetstream, wanted).await);
    }
    close(&client).await;
    Ok(findings)
}

async fn close(client: &Client) {
    // The report is complete; a connection that cannot be drained ends with the process.
    let _ = tokio::time::timeout(TIMEOUT, client.drain()).await;
}

async fn stream(jetstream: &jetstream::Context, wanted: Config) -> Finding {
    match jetstream.get_stream(&wanted.name).await {
        Ok(stream) => judged(stream.cached_info(), &wanted),
        Err(error) if is_missing(&error) => {
            Finding::Note(format!("{} does not exist; the process creates it", wanted.name))
        }
        Err(error) => Finding::Problem(format!("{}: {error}", wanted.name)),
    }
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn judged(found: &Info, wanted: &Config) -> Finding {
    let name = &wanted.name;
    let mib = |bytes: i64| bytes >> 20;
    let state = &found.state;
    let content = format!(
        "{} messages, {} KiB of {} MiB, {} replicas",
        state.messages,
        state.bytes >> 10,
        mib(found.config.max_bytes),
        found.config.num_replicas
    );
    match plan(&found.config, wanted) {
        Plan::Keep => Finding::Ok(format!("{name}: {content}")),
        Plan::Update { differences, .. } => {
            let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
            let differences = differences.join(", ");
            Finding::Note(format!(
                "{name}: {content}. The process changes its settings: {differences}"
            ))
        }
        Plan::Refuse(difference) => Finding::Problem(format!(
            "{name} does not have the setting that the process needs: {difference}. Delete it, and the process creates it again"
        )),
    }
}
