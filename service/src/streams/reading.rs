//! Reads the messages of a stream in order.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::Stream;

use crate::nats::Nats;
use crate::streams::settings::application;

/// How long a pull request waits at most. A consumer that NATS has lost is replaced after two missed heartbeats, and
/// nothing is read until then.
const PULL_TIMEOUT: Duration = Duration::from_secs(2);

/// The messages after the one with this sequence, 0 for all, and how many there are. `purpose` describes the consumer.
///
/// # Errors
/// Fails if NATS does not create the consumer.
pub async fn messages_after(
    nats: &Nats,
    stream: &Stream,
    sequence: u64,
    purpose: &str,
) -> anyhow::Result<(pull::Ordered, u64)> {
    let config = pull::OrderedConfig {
        max_expires: PULL_TIMEOUT,
        ..consumer_after(nats, sequence, purpose)
    };
    let consumer = stream.create_consumer(config).await?;
    let pending = consumer.cached_info().num_pending;
    Ok((consumer.messages().await?, pending))
}

/// A consumer of the messages after the one with this sequence, 0 for all.
#[must_use]
pub fn consumer_after(nats: &Nats, sequence: u64, purpose: &str) -> pull::OrderedConfig {
    let deliver_policy = match sequence {
        0 => DeliverPolicy::All,
        read => DeliverPolicy::ByStartSequence {
            start_sequence: read + 1,
        },
    };
    pull::OrderedConfig {
        name: Some(nats.consumer_name()),
        description: Some(purpose.to_owned()),
        metadata: application(),
        deliver_policy,
        ..pull::OrderedConfig::default()
    }
}
