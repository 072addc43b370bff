//! Whether NATS can be used, and whether its streams have the settings that the process needs.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::account::Account;
use async_nats::jetstream::context::{ContextBuilder, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info};

use super::plan::Finding;
use super::settings::without_secrets;
use crate::nats::access::{credentials, encrypted};
use crate::process::flags::{Common, Storage};
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
    let mut missing = Vec::new();
    for kind in streams {
        let wanted = kind.config(flags);
        match jetstream.get_stream(&wanted.name).await {
            Ok(stream) => findings.push(judged(stream.cached_info(), &wanted)),
            Err(error) if is_missing(&error) => {
                findings.push(Finding::Note(format!(
                    "{} does not exist; the process creates it, with {} MiB {}",
                    wanted.name,
                    mib(wanted.max_bytes),
                    place_of(flags.nats_storage)
                )));
                missing.push(wanted);
            }
            Err(error) => findings.push(Finding::Problem(format!("{}: {error}", wanted.name))),
        }
    }
    // Without an answer, the streams could not be read either.
    if let Ok(account) = jetstream.query_account().await {
        findings.extend(lack_of_room(&account, &missing, flags.nats_storage));
    }
    close(&client).await;
    Ok(findings)
}

async fn close(client: &Client) {
    // The report is complete; a connection that cannot be drained ends with the process.
    let _ = tokio::time::timeout(TIMEOUT, client.drain()).await;
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Whether the account's limit is too small for the streams that do not exist yet. A limit counts each copy of a stream. Only
/// administrators can see the capacity of the server itself.
fn lack_of_room(account: &Account, missing: &[Config], storage: Storage) -> Option<Finding> {
    let (limit, reserved, used) = match storage {
        Storage::Memory => (account.limits.max_memory, account.reserved_memory, account.memory),
        Storage::File => (
            account.limits.max_storage,
            account.reserved_storage,
            account.storage,
        ),
    };
    let taken = i64::try_from(reserved.max(used)).unwrap_or(i64::MAX);
    let copies = |stream: &Config| i64::try_from(stream.num_replicas.max(1)).unwrap_or(i64::MAX);
    let needed = missing
        .iter()
        .map(|stream| stream.max_bytes.saturating_mul(copies(stream)))
        .fold(0, i64::saturating_add);
    let limit = limit.filter(|limit| limit.saturating_sub(taken) < needed)?;
    Some(Finding::Problem(format!(
        "the NATS account may hold {} MiB {}, {} MiB of which are taken, and the streams that do not exist yet need {} \
         MiB. Raise the account's limit, or lower --raw-mib, --sessions-mib and the other sizes",
        mib(limit),
        place_of(storage),
        mib(taken),
        mib(needed)
    )))
}

fn mib(bytes: i64) -> i64 {
    bytes >> 20
}

fn place_of(storage: Storage) -> &'static str {
    match storage {
        Storage::Memory => "in memory",
        Storage::File => "on disk",
    }
}

fn judged(found: &Info, wanted: &Config) -> Finding {
    let name = &wanted.name;
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

#[cfg(test)]
mod tests {
    use async_nats::jetstream::account::Limits;

    use super::*;

    fn account(max_memory: Option<i64>, reserved_memory: u64) -> Account {
        Account {
            reserved_memory,
            limits: Limits {
                max_memory,
                ..Limits::default()
            },
            ..Account::default()
        }
    }

    #[test]
    fn every_copy_of_a_missing_stream_needs_room() {
        let streams = |num_replicas| {
            let stream = Config {
                max_bytes: 100 << 20,
                num_replicas,
                ..Config::default()
            };
            [stream.clone(), stream]
        };
        let lacks = |account: &Account, replicas| lack_of_room(account, &streams(replicas), Storage::Memory);
        assert_eq!(lacks(&account(None, 0), 3), None, "no limit");
        assert_eq!(lacks(&account(Some(200 << 20), 0), 1), None, "just enough");
        assert!(lacks(&account(Some(200 << 20), 1), 1).is_some(), "some is taken");
        assert_eq!(lacks(&account(Some(600 << 20), 0), 3), None);
        assert!(lacks(&account(Some(599 << 20), 0), 3).is_some());
        assert_eq!(
            lack_of_room(&account(Some(1 << 20), 0), &[], Storage::Memory),
            None,
            "all streams exist"
        );
    }
}
