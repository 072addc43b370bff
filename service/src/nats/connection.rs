//! The connection to NATS, which reconnects without limit.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::nats::access::{credentials, encrypted};
use crate::nats::server_choice::ServerChoice;
use crate::process::flags::Common;
use crate::telemetry::health::Health;
use crate::telemetry::log_throttle::LogThrottle;
use crate::telemetry::metrics::{Counter, Metrics};

/// The part's name in [`Health`].
pub const PART: &str = "nats";

/// The longest pause between two attempts to connect, so that a process reconnects within a second.
const MAX_RECONNECT_DELAY: Duration = Duration::from_millis(500);

/// How long connecting to one server may take before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a silent connection is pinged. It is closed when a third ping would be due, so that a half-open connection is
/// noticed within four seconds.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// How long the acknowledgement of a publish may take. It is longer than the detection of a half-open connection, so that a
/// missing acknowledgement means a problem of the server.
const ACK_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the answer to a request may take. A cluster that is electing a leader does not answer, and a longer timeout would delay
/// the next attempt.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The minimum time that a process stays with a server on which `JetStream` does not answer.
const MIN_STAY: Duration = Duration::from_secs(5);

/// Maximum number of unacknowledged publishes. It is above all limits of our own, so it never blocks.
const MAX_UNACKED: usize = 64 * 1024;

/// The state of the connection at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whether it is established.
    pub connected: bool,
    /// How many times it has been established. Messages in flight in an earlier epoch are lost.
    pub epoch: u64,
}

/// The NATS client with its JetStream context. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Nats {
    client: Client,
    jetstream: jetstream::Context,
    api_prefix: Arc<str>,
    /// The process and its instance, such as `gateway-web1-12-3fa9`.
    name: Arc<str>,
    link: watch::Receiver<Link>,
    /// When a server was last left for another.
    left_at: Arc<Mutex<Option<Instant>>>,
}

impl Nats {
    /// Starts to connect as `process` and returns at once; [`Nats::connected`] waits.
    ///
    /// # Errors
    /// Fails if a file of secrets or certificates cannot be used, or if options contradict each other.
    pub async fn connect(
        process: &'static str,
        instance: &str,
        flags: &Common,
        health: &Health,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let (link_sender, link) = watch::channel(Link {
            connected: false,
            epoch: 0,
        });
        let reporter = Arc::new(Reporter::new(link_sender, health, metrics));
        let options = connect_options(process, instance, flags, reporter)?;
        let client = options
            .connect(flags.nats_url.clone())
            .await
            .context("cannot use --nats-url")?;
        let builder = ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(ACK_TIMEOUT)
            .max_ack_inflight(MAX_UNACKED);
        let jetstream = match &flags.nats_domain {
            Some(domain) => builder.domain(domain).build(client.clone()),
            None => builder.build(client.clone()),
        };
        Ok(Self {
            client,
            jetstream,
            api_prefix: api_prefix(flags.nats_domain.as_deref()).into(),
            name: format!("{process}-{instance}").into(),
            link,
            left_at: Arc::default(),
        })
    }

    /// The client, for core NATS.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The `JetStream` context.
    #[must_use]
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// The largest message that the server accepts, headers included, in bytes; `None` before the first connection.
    #[must_use]
    pub fn max_message(&self) -> Option<usize> {
        let limit = self.client.server_info().max_payload;
        (limit > 0).then_some(limit)
    }

    /// The prefix of requests to `JetStream`, which names the domain if there is one.
    #[must_use]
    pub fn api_prefix(&self) -> &str {
        &self.api_prefix
    }

    /// A new name for a consumer of this process, so that `nats consumer report` says who reads. A consumer that NATS has
    /// not yet removed may have an earlier one.
    #[must_use]
    pub fn consumer_name(&self) -> String {
        format!("{}-{:08x}", self.name, rand::random::<u32>())
    }

    /// The subject to which an entry of a bucket is published. In a domain it has the domain's prefix, because servers pass
    /// `$KV` to no other domain.
    #[must_use]
    pub fn entry_subject(&self, bucket: &str, key: &str) -> String {
        let subject = format!("$KV.{bucket}.{key}");
        if &*self.api_prefix == DEFAULT_PREFIX {
            subject
        } else {
            format!("{}.{subject}", self.api_prefix)
        }
    }

    /// Whether the connection is established.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.borrow().connected
    }

    /// The epoch of the connection, if it is established.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        let link = *self.link.borrow();
        link.connected.then_some(link.epoch)
    }

    /// Waits until the connection is established, and returns its epoch.
    pub async fn connected(&self) -> u64 {
        let mut link = self.link.clone();
        let epoch = link.wait_for(|link| link.connected).await.map(|link| link.epoch);
        match epoch {
            Ok(epoch) => epoch,
            // The client is closed, which happens only when the process exits.
            Err(_) => std::future::pending().await,
        }
    }

    /// Connects to another server, because `JetStream` does not answer on the connection of this epoch. A server that is cut
    /// off from its cluster never answers. Does nothing if no other server is known, or within a few seconds of the last
    /// change.
    pub async fn leave_unresponsive_server(&self, epoch: u64) {
        let link = *self.link.borrow();
        if !link.connected || link.epoch != epoch {
            return;
        }
        match self.client.server_pool().await {
            Ok(servers) if servers.len() > 1 => {}
            Ok(_) | Err(_) => return,
        }
        {
            let mut left_at = self.left_at.lock().unwrap_or_else(PoisonError::into_inner);
            if left_at.is_some_and(|left_at| left_at.elapsed() < MIN_STAY) {
                return;
            }
            *left_at = Some(Instant::now());
        }
        tracing::warn!("JetStream does not answer; connecting to another NATS server");
        if let Err(error) = self.client.force_reconnect().await {
            tracing::debug!(%error, "cannot reconnect");
        }
    }

    /// Waits until the connection of that epoch is lost.
    pub async fn lost(&self, epoch: u64) {
        let mut link = self.link.clone();
        if link
            .wait_for(|link| !link.connected || link.epoch != epoch)
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
    }
}

/// The options of the client, which reports its events to `reporter`.
fn connect_options(
    process: &'static str,
    instance: &str,
    flags: &Common,
    reporter: Arc<Reporter>,
) -> anyhow::Result<ConnectOptions> {
    let (failing, state) = (reporter.health.clone(), reporter.link.subscribe());
    let choice = Arc::new(ServerChoice::new(move |reason| {
        if !state.borrow().connected {
            failing.failing(PART, format!("not connected: {reason}"));
        }
    }));
    let options = encrypted(credentials(process, flags)?, flags)?
        .name(format!("visitor-{process} {instance}"))
        .custom_inbox_prefix(format!("_INBOX_{process}"))
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .reconnect_to_server_callback(move |servers, _| {
            let choice = Arc::clone(&choice);
            async move { choice.next(servers).await }
        })
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .subscription_capacity(MAX_UNACKED)
        .client_capacity(MAX_UNACKED)
        .event_callback(move |event| {
            reporter.report(&event);
            std::future::ready(())
        });
    Ok(options)
}

/// The prefix of requests to `JetStream` without a domain.
const DEFAULT_PREFIX: &str = "$JS.API";

/// The prefix of requests to `JetStream` in a domain.
fn api_prefix(domain: Option<&str>) -> String {
    domain.map_or_else(|| DEFAULT_PREFIX.to_owned(), |domain| format!("$JS.{domain}.API"))
}

/// Limits of log lines about events that may occur with every message.
static DROPPED: LogThrottle = LogThrottle::new();
static REFUSED: LogThrottle = LogThrottle::new();

/// Turns the client's events into the state of the link, health and metrics.
#[derive(Debug)]
struct Reporter {
    link: watch::Sender<Link>,
    health: Health,
    slow_consumers: Counter,
    connections: Counter,
}

impl Reporter {
    fn new(link: watch::Sender<Link>, health: &Health, metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        Self {
            link,
            health: health.clone(),
            slow_consumers: counter(
                "nats_slow_consumers",
                "NATS messages dropped because this process read too slowly",
            ),
            connections: counter(
                "nats_connections",
                "Connections made to NATS; all but the first are reconnections",
            ),
        }
    }

    fn report(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.connections.inc();
                self.link.send_modify(|link| {
                    *link = Link {
                        connected: true,
                        epoch: link.epoch + 1,
                    }
                });
                self.health.ok(PART);
            }
            Event::Disconnected | Event::Closed => {
                self.link.send_modify(|link| link.connected = false);
                self.health.failing(PART, "not connected");
            }
            Event::SlowConsumer(subscription) => {
                self.slow_consumers.inc();
                if let Some(suppressed) = DROPPED.allow() {
                    tracing::warn!(
                        subscription,
                        suppressed,
                        "NATS messages were dropped because they were not read fast enough"
                    );
                }
            }
            Event::ServerError(error) => {
                if let Some(suppressed) = REFUSED.allow() {
                    let error = without_names(&error.to_string());
                    tracing::warn!(error, suppressed, "the NATS server reported an error");
                }
            }
            Event::ClientError(error) if self.link.borrow().connected => {
                tracing::warn!(%error, "the NATS client reported an error");
            }
            // The client reports every attempt to reconnect; health has reported the disconnection once.
            Event::ClientError(error) => tracing::debug!(%error, "the NATS client reported an error"),
            Event::LameDuckMode => tracing::info!("the NATS server is shutting down"),
            Event::Draining => tracing::info!("the NATS connection is being drained"),
        }
    }
}

/// The server's message without the last tokens of a quoted subject, because those of a session identify a visitor.
fn without_names(words: &str) -> String {
    let parts = words.split('"').enumerate().map(|(number, part)| {
        let mut tokens = part.split('.');
        match (number % 2, tokens.next(), tokens.next(), tokens.next()) {
            (1, Some(first), Some(second), Some(_)) => format!("{first}.{second}.…"),
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("\"")
}

/// Zero for the first attempt, then growing up to [`MAX_RECONNECT_DELAY`]. The jitter spreads the processes of a fleet.
fn reconnect_delay(attempts: usize) -> Duration {
    let attempts = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let delay = Duration::from_millis(50)
        .saturating_mul(attempts)
        .min(MAX_RECONNECT_DELAY);
    delay.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_errors_are_logged_without_session_names() {
        assert_eq!(
            without_names(r#"Permissions Violation for Publish to "visitor.session.59ef0b55-de86""#),
            r#"Permissions Violation for Publish to "visitor.session.…""#
        );
        assert_eq!(
            without_names("authorization violation"),
            "authorization violation"
        );
    }

    #[test]
    fn half_open_connections_are_noticed_within_five_seconds() {
        let limit = Duration::from_secs(5);
        // The client gives up when the third probe after the last answer is due.
        let connection_given_up = PING_INTERVAL * 4;
        assert!(connection_given_up < limit);
        assert!(crate::streams::watch::CHECK_INTERVAL + REQUEST_TIMEOUT < limit);
        assert!(ACK_TIMEOUT < limit);
        assert!(
            ACK_TIMEOUT >= connection_given_up,
            "a half-open connection would look like a problem of the server"
        );
        assert!(MIN_STAY > CONNECT_TIMEOUT);
    }

    #[test]
    fn reconnects_at_once_and_never_later_than_the_bound() {
        assert_eq!(reconnect_delay(0), Duration::ZERO);
        assert_eq!(reconnect_delay(1), Duration::ZERO);
        assert!(reconnect_delay(1000) <= MAX_RECONNECT_DELAY);
        assert!(reconnect_delay(usize::MAX) >= MAX_RECONNECT_DELAY / 2);
    }
}
