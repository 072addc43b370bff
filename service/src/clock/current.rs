//! The time and the uptime.
//!
//! The host's wall clock is read once, when the process starts, as a first guess of the time. From then on the time is the
//! monotonic clock plus the offset to the NATS server's clock, so steps of the wall clock have no effect.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use protocol::time::millis;
use protocol::{Millis, Timestamp};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::clock::estimate::Correction;

/// How long [`known`] waits at most, because processes must start even if the time of NATS is unknown.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

static START: OnceLock<Start> = OnceLock::new();

/// What was added to the first guess, in ms.
static CORRECTED: AtomicI64 = AtomicI64::new(0);

/// The sum of all steps of the NATS server's clock since the start, in ms.
static STEPPED: AtomicI64 = AtomicI64::new(0);

/// Whether the time of NATS is known.
static KNOWN: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// The moment at which the process started.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: Instant,
    guess: Timestamp,
}

/// The time, and how far the clock has stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The time by the NATS server's clock.
    pub now: Timestamp,
    /// The sum of all steps of the NATS server's clock that it includes, in ms.
    pub stepped: Millis,
}

/// The time by the NATS server's clock. Use it for times that are sent to other processes, never for durations, because
/// it may step.
#[must_use]
pub fn now() -> Timestamp {
    read().now
}

/// The time now, with the steps that it includes; see [`Timeline`](super::Timeline).
#[must_use]
pub fn read() -> Reading {
    let stepped = STEPPED.load(Ordering::Relaxed);
    Reading {
        now: origin() + stepped + uptime(),
        stepped,
    }
}

/// How long this process has been running, in ms, by a clock that never steps: for durations.
#[must_use]
pub fn uptime() -> Millis {
    millis(start().at.elapsed())
}

/// The time at that [`uptime`], according to the current estimate.
#[must_use]
pub fn time_at(uptime: Millis) -> Timestamp {
    origin() + STEPPED.load(Ordering::Relaxed) + uptime
}

/// The [`uptime`] at that time, according to the current estimate; negative before the start.
#[must_use]
pub fn uptime_at(time: Timestamp) -> Millis {
    time - time_at(0)
}

/// Waits until the time of NATS is known, at most a few seconds.
pub async fn known() {
    let mut known = KNOWN.subscribe();
    if timeout(KNOWN_WITHIN, known.wait_for(|known| *known))
        .await
        .is_err()
    {
        tracing::warn!("the time of NATS is unknown; using this host's clock");
    }
}

/// The time at [`uptime`] 0, without the steps.
fn origin() -> Timestamp {
    guess() + CORRECTED.load(Ordering::Relaxed)
}

/// The first guess of the time at [`uptime`] 0.
pub(super) fn guess() -> Timestamp {
    start().guess
}

fn start() -> &'static Start {
    START.get_or_init(|| Start {
        at: Instant::now(),
        guess: host(),
    })
}

/// Applies a correction.
pub(super) fn correct(correction: Correction) {
    match correction {
        Correction::None => {}
        Correction::First(by) | Correction::Small(by) => {
            CORRECTED.fetch_add(by, Ordering::Relaxed);
        }
        Correction::Step(by) => {
            STEPPED.fetch_add(by, Ordering::Relaxed);
        }
    }
}

/// Wakes up the callers of [`known`].
pub(super) fn announce_known() {
    KNOWN.send_if_modified(|known| !std::mem::replace(known, true));
}

/// The host's wall clock.
#[expect(clippy::disallowed_methods, reason = "the ban sends everyone here")]
pub(super) fn host() -> Timestamp {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_ms(millis(since_epoch))
}
