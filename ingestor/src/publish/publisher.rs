//! Publishes events to the raw stream, and keeps each until it is acknowledged.

use std::error::Error as _;
use std::future::IntoFuture as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind, traits::Publisher as _};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, ErrorCode};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use protocol::event::RECEIVED_AT_HEADER;
use protocol::{Millis, Rejection, stream, subject};
use service::Nats;
use service::backoff::Backoff;
use service::clock;
use service::health::Health;
use service::incarnation::Change;
use service::rejected::Rejected;
use service::stream_watch::{StateCheck, StreamFault, StreamWatch};
use service::streams::Streams;
use service::trace::{self, Span};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::emitter::feed::Accepted;
use crate::metrics::IngestorMetrics;
use crate::outbox::{Batch, BatchId, Limits, Outbox};
use crate::publish::delivered::Delivered;

/// The part's name in [`Health`].
pub const PART: &str = "raw stream";

/// How often the state of the queue is requested.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The time between two attempts to publish to a full queue.
const FULL_RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// Events that have waited for longer than this may leave the queue because of its maximum age.
const OLD: Duration = Duration::from_secs(stream::RAW_MAX_AGE.as_secs() / 2);

/// The reason while the queue refuses events, which wait in the outbox.
const FULL: &str = "full, the enrichers do not keep up";

/// The reason while the last events are sent again.
const RESENDING: &str = "events were lost, sending those of the replay window again";

type Acks = FuturesUnordered<BoxFuture<'static, (BatchId, Millis, Result<u64, PublishError>)>>;

/// Why publishing was interrupted.
enum Interruption {
    /// The feed has ended, and everything is acknowledged.
    Done,
    /// The connection was lost.
    ConnectionLost,
    /// A message was not acknowledged.
    Unacknowledged(PublishError),
    /// The raw stream is missing, was replaced or emptied, or its state is unknown because NATS does not answer.
    Stream(StreamFault),
    /// Events were removed from the queue before an enricher received them.
    Purged,
}

/// Publishes accepted events.
pub struct Publisher {
    outbox: Outbox,
    nats: Nats,
    streams: Streams,
    rejected: Rejected,
    health: Health,
    metrics: Arc<IngestorMetrics>,
    watch: StreamWatch,
    /// The enrichers' progress at the last check.
    delivered: Option<Delivered>,
    /// Whether the queue was close to dropping its oldest events because of their age at the last check.
    at_its_maximum_age: bool,
    /// Whether the queue refused the last batch because it was full.
    full: bool,
    /// Whether the feed may send more events.
    open: bool,
}

impl Publisher {
    /// Keeps events within `limits`.
    pub fn new(
        limits: Limits,
        nats: Nats,
        streams: Streams,
        rejected: Rejected,
        health: Health,
        metrics: Arc<IngestorMetrics>,
    ) -> Self {
        Self {
            outbox: Outbox::new(limits),
            watch: StreamWatch::new(nats.clone(), stream::RAW),
            delivered: None,
            at_its_maximum_age: false,
            full: false,
            nats,
            streams,
            rejected,
            health,
            metrics,
            open: true,
        }
    }

    /// Publishes until `events` is closed and everything is acknowledged.
    pub async fn run(mut self, mut events: mpsc::Receiver<Vec<Accepted>>) {
        let mut backoff = Backoff::for_nats();
        loop {
            let nats = self.nats.clone();
            let epoch = self.gather_while(&mut events, nats.connected()).await;
            if let Err(problem) = self.prepare(&mut events).await {
                self.health.failing(PART, problem);
                self.nats.leave_unresponsive_server(epoch).await;
            } else {
                self.report_health();
                match self.publish(&mut events, epoch).await {
                    Interruption::Done => return,
                    Interruption::ConnectionLost => {
                        backoff.reset();
                        continue;
                    }
                    Interruption::Unacknowledged(error) => {
                        self.health.failing(PART, error.to_string());
                        if error.kind() == PublishErrorKind::TimedOut {
                            self.nats.leave_unresponsive_server(epoch).await;
                        }
                    }
                    Interruption::Stream(fault) => {
                        self.health.failing(PART, fault.to_string());
                        if matches!(fault, StreamFault::Unanswered(_)) {
                            self.nats.leave_unresponsive_server(epoch).await;
                        }
                    }
                    Interruption::Purged => {
                        tracing::warn!("raw events were purged; sending the last events again");
                        self.outbox.resend_everything();
                        self.health.failing(PART, RESENDING);
                        continue;
                    }
                }
            }
            self.gather_while(&mut events, sleep(backoff.next_delay())).await;
        }
    }

    /// Creates missing streams, and sends again what the raw stream does not have.
    async fn prepare(&mut self, events: &mut mpsc::Receiver<Vec<Accepted>>) -> Result<(), String> {
        let streams = self.streams.clone();
        let made = async move {
            streams.rejected().await?;
            streams.raw().await
        };
        let raw = self
            .gather_while(events, made)
            .await
            .map_err(|error| error.to_string())?;
        self.full = false;
        self.gather_while(events, clock::known()).await;
        match self.watch.begin(&raw) {
            Change::Same => self.outbox.resend_unacknowledged(),
            Change::Replaced | Change::Emptied => {
                tracing::warn!("the raw stream was lost; sending the last events again");
                self.delivered = None;
                self.outbox.resend_everything();
            }
        }
        for batch in self.outbox.limit_messages(self.max_message(&raw)) {
            self.rejected.reject(Rejection::TooLarge, batch.payload).await;
        }
        Ok(())
    }

    /// The largest message that both the server and the stream accept, in bytes.
    fn max_message(&self, raw: &Stream) -> usize {
        let of_stream = usize::try_from(raw.cached_info().config.max_message_size).ok();
        let limits = [self.nats.max_message(), of_stream.filter(|limit| *limit > 0)];
        limits.into_iter().flatten().min().unwrap_or(usize::MAX)
    }

    async fn publish(&mut self, events: &mut mpsc::Receiver<Vec<Accepted>>, epoch: u64) -> Interruption {
        let nats = self.nats.clone();
        let mut lost = pin!(nats.lost(epoch));
        let mut acks = Acks::new();
        let mut check = pin!(self.check());
        let mut housekeeping = interval(Duration::from_secs(1));
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut retry = pin!(sleep(FULL_RETRY_INTERVAL));
        loop {
            // A full queue gets one batch at a time, until it accepts one.
            let batches = if self.full {
                usize::from(acks.is_empty() && retry.is_elapsed())
            } else {
                usize::MAX
            };
            if let Err(error) = self.send(&mut acks, batches).await {
                return Interruption::Unacknowledged(error);
            }
            if !self.open && self.outbox.unacknowledged() == 0 {
                return Interruption::Done;
            }
            tokio::select! {
                () = &mut lost => return Interruption::ConnectionLost,
                Some((id, oldest, outcome)) = acks.next(), if !acks.is_empty() => match outcome {
                    Ok(sequence) => {
                        self.watch.saw(sequence);
                        self.metrics.published(self.outbox.acknowledge(id), oldest);
                        self.note_full(false);
                    }
                    Err(error) if is_full(&error) => {
                        self.outbox.refuse(id);
                        self.note_full(true);
                        retry.as_mut().reset(Instant::now() + FULL_RETRY_INTERVAL);
                    }
                    Err(error) => return Interruption::Unacknowledged(error),
                },
                accepted = events.recv(), if self.open => self.gather(accepted),
                (seen, delivered) = &mut check => {
                    let raw = match self.watch.evaluate(seen) {
                        Ok(raw) => raw,
                        Err(fault) => return Interruption::Stream(fault),
                    };
                    self.report_health();
                    if self.purged(&raw, delivered) {
                        return Interruption::Purged;
                    }
                    check.set(self.check());
                }
                () = &mut retry, if self.full && acks.is_empty() && !retry.is_elapsed() => {}
                _ = housekeeping.tick() => {}
            }
            self.tidy();
        }
    }

    /// Sends the batches that may be sent now, at most `limit`.
    async fn send(&mut self, acks: &mut Acks, limit: usize) -> Result<(), PublishError> {
        for _ in 0..limit {
            let Some((id, batch)) = self.outbox.next_batch() else {
                break;
            };
            let (subject, oldest) = (subject::raw(batch.kind), batch.oldest());
            let span = begin_trace(&batch);
            let message = message(batch, span.as_ref()).outbound_message(subject);
            let publishing = span.as_ref().and_then(|span| span.child("publish"));
            let ack = self
                .nats
                .jetstream()
                .publish_message(message)
                .await?
                .into_future();
            acks.push(Box::pin(async move {
                let outcome = ack.await.map(|ack| ack.sequence);
                drop((publishing, span));
                (id, oldest, outcome)
            }));
        }
        Ok(())
    }

    fn note_full(&mut self, full: bool) {
        if std::mem::replace(&mut self.full, full) != full {
            self.report_health();
        }
    }

    fn report_health(&self) {
        if self.full {
            self.health.failing(PART, FULL);
        } else if self.outbox.is_resending() {
            self.health.failing(PART, RESENDING);
        } else {
            self.health.ok(PART);
        }
    }

    /// Whether events were removed from the queue before an enricher received them, since the last check. Events that the queue
    /// dropped because of their age do not count, because sending more would not help.
    fn purged(&mut self, raw: &Stream, delivered: Option<Delivered>) -> bool {
        let state = &raw.cached_info().state;
        let waited = (state.last_timestamp - state.first_timestamp).unsigned_abs();
        let aged = state.messages > 0 && waited > OLD;
        let limited = std::mem::replace(&mut self.at_its_maximum_age, aged) || aged;
        let before = std::mem::replace(&mut self.delivered, delivered);
        let skipped = before
            .zip(delivered)
            .is_some_and(|(before, now)| now.skipped_since(before));
        skipped && !limited
    }

    /// Requests the state of the queue after a pause, and the enrichers' progress, if there are any.
    fn check(&self) -> impl Future<Output = (StateCheck, Option<Delivered>)> + use<> {
        let state = self.watch.check_after(CHECK_INTERVAL, || 0);
        let nats = self.nats.clone();
        async move {
            let state = state.await;
            (state, delivered(&nats).await)
        }
    }

    /// Waits for `work` and gathers events meanwhile, so that the feed does not wait.
    async fn gather_while<T>(
        &mut self,
        events: &mut mpsc::Receiver<Vec<Accepted>>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                accepted = events.recv(), if self.open => {
                    self.gather(accepted);
                    self.tidy();
                }
            }
        }
    }

    fn gather(&mut self, accepted: Option<Vec<Accepted>>) {
        self.open = accepted.is_some();
        for accepted in accepted.unwrap_or_default() {
            if self.outbox.accepts(&accepted.json) {
                self.outbox
                    .push(accepted.kind, &accepted.json, accepted.received_at);
            } else {
                let rejected = self.rejected.clone();
                tokio::spawn(async move { rejected.reject(Rejection::TooLarge, accepted.json).await });
            }
        }
    }

    fn tidy(&mut self) {
        self.outbox.forget(clock::uptime());
        self.metrics.dropped.inc_by(self.outbox.take_dropped());
        self.metrics.waiting.set(self.outbox.unacknowledged());
    }
}

/// Whether the queue refused a message because it is full. A message that no queue would accept has another code.
fn is_full(error: &PublishError) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .is_some_and(|error| error.error_code() == ErrorCode::STREAM_STORE_FAILED)
}

/// The progress of the queue's consumer; `None` if it does not answer.
async fn delivered(nats: &Nats) -> Option<Delivered> {
    let raw = nats.jetstream().get_stream_no_info(stream::RAW).await.ok()?;
    let consumer = raw.consumer_info(stream::ENRICHER).await.ok()?;
    Some(Delivered {
        created: consumer.created.unix_timestamp_nanos(),
        deliveries: consumer.delivered.consumer_sequence,
        sequence: consumer.delivered.stream_sequence,
    })
}

/// Starts a trace with the receipt of the message's first event, if it is sampled.
fn begin_trace(batch: &Batch) -> Option<Span> {
    let span = trace::begin("receive", clock::time_at(batch.oldest()))?;
    span.note("kind", batch.kind.token());
    span.note("events", i64::try_from(batch.events()).unwrap_or(i64::MAX));
    Some(span)
}

fn message(batch: Batch, span: Option<&Span>) -> PublishMessage {
    let mut headers = HeaderMap::new();
    headers.insert(RECEIVED_AT_HEADER, stamps(&batch.received_at));
    if let Some(parent) = span.and_then(Span::parent) {
        headers.insert(trace::HEADER, parent);
    }
    PublishMessage::build().headers(headers).payload(batch.payload)
}

/// The times of receipt for the header. They are computed only now, by the NATS server's clock, so that events that arrived
/// before NATS was connected, or before a step of its clock, have the right times as well.
fn stamps(received_at: &[Millis]) -> String {
    let stamps = received_at.iter().map(|at| clock::time_at(*at).to_string());
    stamps.collect::<Vec<_>>().join(",")
}
