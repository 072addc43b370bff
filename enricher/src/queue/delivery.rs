//! One raw message: acknowledging it, holding it, giving it back to the queue.

use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use service::trace::{self, Span};

use crate::queue::in_flight::Redelivery;

/// Half of the delay after the first delivery.
const FIRST_DELAY: Duration = Duration::from_millis(250);

impl Redelivery {
    /// The longest delay before the redelivery.
    pub fn max_delay(self) -> Duration {
        match self {
            Self::AtOnce => Duration::ZERO,
            Self::Soon => Duration::from_secs(4),
            Self::Later => Duration::from_mins(1),
        }
    }
}

/// A message from the work queue that this enricher handles.
#[derive(Debug)]
pub struct Delivery {
    message: Message,
    span: Option<Span>,
}

impl Delivery {
    /// Starts the message's span, if it is traced.
    pub fn new(message: Message) -> Self {
        let span = trace::follow("enrich", message.headers.as_ref());
        Self { message, span }
    }

    /// The span of its handling, if it is traced. The span ends when this is dropped.
    pub fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }

    /// Its sequence in the queue.
    pub fn sequence(&self) -> Option<u64> {
        Some(self.message.info().ok()?.stream_sequence)
    }

    /// Acknowledges the message: the queue deletes it.
    pub async fn acknowledge(&self) {
        if let Err(error) = self.message.ack().await {
            // The queue delivers it again, which is harmless.
            tracing::debug!(error, "a raw message was not acknowledged");
        }
    }

    /// Tells the queue that the message is still being handled.
    pub async fn progress(&self) {
        if let Err(error) = self.message.ack_with(AckKind::Progress).await {
            tracing::debug!(error, "progress was not reported to the queue");
        }
    }

    /// Tells the queue not to deliver the message again for this long, because it only waits.
    pub async fn hold(&self, delay: Duration) {
        give_back(&self.message, delay).await;
    }

    /// Gives the message back to the queue, which delivers it again after a delay with jitter. The delay doubles with each
    /// delivery where a retry may soon succeed.
    pub async fn give_back(&self, redelivery: Redelivery) {
        if let Some(span) = &self.span {
            span.fail("given back to the queue");
        }
        let delay = match redelivery {
            Redelivery::AtOnce => Duration::ZERO,
            Redelivery::Soon => {
                let deliveries = self.message.info().map_or(1, |info| info.delivered).clamp(1, 8);
                let doubled = FIRST_DELAY * 2_u32.pow(u32::try_from(deliveries).unwrap_or(8));
                doubled.min(redelivery.max_delay())
            }
            Redelivery::Later => redelivery.max_delay(),
        };
        give_back(&self.message, delay.mul_f64(rand::random_range(0.75..=1.0))).await;
    }
}

/// Gives a message back to the queue, which delivers it again after `delay`.
pub async fn give_back(message: &Message, delay: Duration) {
    let delay = (!delay.is_zero()).then_some(delay);
    if let Err(error) = message.ack_with(AckKind::Nak(delay)).await {
        // The queue delivers it again anyway, once its acknowledgement is overdue.
        tracing::debug!(error, "a raw message was not given back");
    }
}
