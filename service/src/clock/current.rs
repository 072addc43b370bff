//! The time and the uptime.
//!
//! The host's wall clock is read once, when the process starts, as a first guess of the time. From then on the time is the
//! monotonic clock plus the offset to the NATS server's clock, so steps of the wall clock have no effect.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use protocol::Millis;
use protocol::time::millis;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::clock::estimate::Correction;

/// The longest that [`known`] waits, because processes must start even if NATS does not tell its time.
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
    guess: Millis,
}

/// The time, and how far it has stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Milliseconds since the Unix epoch.
    pub now: Millis,
    /// The sum of all steps of the NATS server's clock that are in it, in ms.
    pub stepped: Millis,
}

/// The time in milliseconds since the Unix epoch, by the NATS server's clock. Use it for times that are sent to other
/// processes, never for durations, because it may step.
#[must_use]
pub fn now() -> Millis {
    read().now
}

/// Now, together with the steps that are in it; see [`Timeline`](super::Timeline).
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

/// What time it was when [`uptime`] was that, by what is known now.
#[must_use]
pub fn time_at(uptime: Millis) -> Millis {
    origin() + STEPPED.load(Ordering::Relaxed) + uptime
}

/// What [`uptime`] was at that time, by what is known now; negative before the start.
#[must_use]
pub fn uptime_at(time: Millis) -> Millis {
    time - time_at(0)
}

/// Waits until the time of NATS is known, at most a few seconds.
pub async fn known() {
    let mut known = KNOWN.subscribe();
    if timeout(KNOWN_WITHIN, known.wait_for(|known| *known))
        .await
        .is_err()
    {
        tracing::warn!("NATS does not tell its time, using this host's clock");
    }
}

/// The time at [`uptime`] 0 but for the steps.
fn origin() -> Millis {
    guess() + CORRECTED.load(Ordering::Relaxed)
}

/// The first guess of the time at [`uptime`] 0.
pub(super) fn guess() -> Millis {
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
pub(super) fn host() -> Millis {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since_epoch.as_millis()).unwrap_or(Millis::MAX)
}
