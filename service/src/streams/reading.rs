//! Reads the messages of a stream in order.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::Stream;

/// How long a pull request waits at most. A consumer that NATS has lost is replaced after two missed heartbeats, and
/// nothing is read until then.
const PULL_TIMEOUT: Duration = Duration::from_secs(2);

/// The messages after the one with this sequence, 0 for all, and how many there are.
///
/// # Errors
/// Fails if NATS does not create the consumer.
pub async fn messages_after(stream: &Stream, sequence: u64) -> anyhow::Result<(pull::Ordered, u64)> {
    let deliver_policy = match sequence {
        0 => DeliverPolicy::All,
        read => DeliverPolicy::ByStartSequence {
            start_sequence: read + 1,
        },
    };
    let config = pull::OrderedConfig {
        deliver_policy,
        max_expires: PULL_TIMEOUT,
        ..pull::OrderedConfig::default()
    };
    let consumer = stream.create_consumer(config).await?;
    let pending = consumer.cached_info().num_pending;
    Ok((consumer.messages().await?, pending))
}
