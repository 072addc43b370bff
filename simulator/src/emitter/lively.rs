//! An emitter that plays a busy site by itself.

use std::{sync::Arc, time::Duration};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep_until};

use super::{broadcast::Broadcast, frame, record::Tally};
use crate::{
    clock,
    door::Door,
    fault::Faults,
    malformed::{self, Message},
    script::Rhythm,
    timetable::{Act, Timetable},
};

/// How often a session says that it lives, on average; more often where sessions are short.
const KEEP_ALIVE_MS: u64 = 5_000;

/// A site to be played: how busy it is and what goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Lively {
    rate: f64,
    sessions: u32,
    faults: Faults,
    rhythm: Rhythm,
}

/// A site that cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "{sessions} sessions at {rate} new ones a second would last {seconds:.0} s each; from 0.1 s to an hour is possible"
)]
pub struct LivelyError {
    sessions: u32,
    rate: f64,
    seconds: f64,
}

impl Lively {
    /// A site with `rate` new visitors a second and `sessions` of them there at once, on average. Sessions last as
    /// long as that takes.
    ///
    /// # Errors
    /// If sessions would last less than 0.1 s or more than an hour.
    pub fn new(rate: f64, sessions: u32, faults: Faults) -> Result<Self, LivelyError> {
        let seconds = f64::from(sessions) / rate;
        if !(0.1..=3_600.0).contains(&seconds) {
            return Err(LivelyError {
                sessions,
                rate,
                seconds,
            });
        }
        let mean = Duration::from_secs_f64(seconds);
        let session_ms = u64::try_from(mean.as_millis()).unwrap_or(u64::MAX);
        let rhythm = Rhythm {
            session_ms,
            keep_alive_ms: KEEP_ALIVE_MS.min(session_ms / 4),
        };
        Ok(Self {
            rate,
            sessions,
            faults,
            rhythm,
        })
    }

    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    pub(crate) fn sessions(&self) -> u32 {
        self.sessions
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn rhythm(&self) -> Rhythm {
        self.rhythm
    }
}

/// Plays a site for ever.
pub(super) async fn play(mut timetable: Timetable, course: u64, broadcast: Arc<Broadcast>, door: Arc<Door>) {
    let start = Instant::now();
    let mut rng = ChaCha8Rng::seed_from_u64(course);
    while let Some(due_ms) = timetable.next_due_ms() {
        sleep_until(start + Duration::from_millis(due_ms)).await;
        let elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        for act in timetable.advance(elapsed_ms) {
            perform(act, &broadcast, &door, &mut rng).await;
        }
    }
}

async fn perform(act: Act, broadcast: &Broadcast, door: &Door, rng: &mut ChaCha8Rng) {
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
            if let Err(error) = door.refuse(refuse).await {
                tracing::warn!(%error, refuse, "cannot change whether connections are refused");
            }
        }
        Act::Silence(silent) => broadcast.silence(silent),
        Act::ProtocolError(error) => broadcast.send_bytes(&error.bytes(), Tally::other()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_sites_are_refused() {
        for (rate, sessions) in [
            (0.0, 150),
            (-1.0, 150),
            (f64::NAN, 150),
            (1.0, 0),
            (1.0, 4_000),
            (f64::INFINITY, 1),
        ] {
            assert!(
                Lively::new(rate, sessions, Faults::none()).is_err(),
                "{rate} {sessions}"
            );
        }
    }

    #[test]
    fn sessions_last_as_long_as_it_takes() {
        let rhythm =
            |rate, sessions| Lively::new(rate, sessions, Faults::none()).map(|lively| lively.rhythm());
        assert_eq!(
            rhythm(1.0, 150),
            Ok(Rhythm {
                session_ms: 150_000,
                keep_alive_ms: 5_000
            })
        );
        assert_eq!(
            rhythm(100.0, 100),
            Ok(Rhythm {
                session_ms: 1_000,
                keep_alive_ms: 250
            })
        );
    }
}
