//! Simulates a busy site: performs the acts of a schedule when they are due.

use std::{sync::Arc, time::Duration};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep_until};

use super::{broadcast::Broadcast, frame, record::Tally};
use crate::{
    clock,
    listener::Listener,
    malformed::{self, Message},
    schedule::{Act, Schedule},
};

/// Plays until the task is cancelled.
pub(super) async fn play(
    mut schedule: Schedule,
    course: u64,
    broadcast: Arc<Broadcast>,
    listener: Arc<Listener>,
) {
    let start = Instant::now();
    let mut rng = ChaCha8Rng::seed_from_u64(course);
    while let Some(due_ms) = schedule.next_due_ms() {
        sleep_until(start + Duration::from_millis(due_ms)).await;
        let elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        for act in schedule.advance(elapsed_ms) {
            perform(act, &broadcast, &listener, &mut rng).await;
        }
    }
}

async fn perform(act: Act, broadcast: &Broadcast, listener: &Listener, rng: &mut ChaCha8Rng) {
    if !matches!(act, Act::Send(_) | Act::Malformed(..)) {
        tracing::info!(?act, "a fault strikes or ends");
    }
    match act {
        Act::Send(step) => broadcast.send_events(&[step.event(clock::now_ms())]),
        Act::Malformed(fault, step) => {
            let event = step.event(clock::now_ms());
            let Some(message) = malformed::message(fault, &event, rng) else {
                return;
            };
            let frame = match &message {
                Message::Text(text) => frame::text(text.as_bytes()),
                Message::Binary(bytes) => frame::binary(bytes),
            };
            broadcast.send_odd(&frame, malformed::remains(&message, &event).as_ref());
        }
        Act::CloseAll { cleanly: true } => broadcast.close_all(),
        Act::CloseAll { cleanly: false } => broadcast.drop_all(),
        Act::Refuse(refuse) => {
            if let Err(error) = listener.refuse(refuse).await {
                tracing::warn!(%error, refuse, "cannot change whether connections are refused");
            }
        }
        Act::Silence(silent) => broadcast.silence(silent),
        Act::ProtocolError(error) => broadcast.send_bytes(&error.bytes(), Tally::other()),
    }
}
