//! Adaptive limit on concurrent calls to the Deanonymizer. Pure.
//!
//! The limit climbs as long as more calls bring more answers. Little's law gives the throughput: concurrent calls divided
//! by their latency. A round of calls at one limit is compared with the round at the limit before it: if a higher limit
//! raised the throughput, the provider can handle it, however slow each answer is; if latency rose as much as the limit, the
//! additional calls only queue at the provider, and the limit goes back. The same comparison, downwards, finds the limit
//! again when the provider's capacity shrinks. Latency that rises more than additional calls can explain is the provider's
//! own, so the search starts over from the current limit. Status 429 or 503 halves the limit, and so does a round in which
//! most calls time out.
//!
//! The limit applies to the whole fleet: one enricher adapts it, and a round waits until the others have followed. An
//! enricher that is asked for fewer calls halves the limit itself and reports that to the others.
//!
//! This is our own code because the existing crates are layers around a service and hold the permit for the whole call.
//! Here the fleet's lease and the budget come between permit and call, and most permits end without a call.

use std::time::{Duration, Instant};

/// The limit at the start, unless the maximum is lower. By Little's law it serves 60 new visitors per second at a latency
/// of four seconds, and it doubles per round while that is not enough.
const INITIAL_LIMIT: f64 = 256.0;

/// How long the other enrichers take to follow a new limit, which is reported to them every second.
const FOLLOW: Duration = Duration::from_millis(1_500);

/// The factors by which the limit moves after the start.
const STEP_UP: f64 = 1.2;
const STEP_DOWN: f64 = 0.8;

/// A move is kept if it has at least this share of its full effect on the throughput.
const WORTHWHILE: f64 = 0.5;

/// A smaller difference of two mean latencies is noise.
const NOISE: Duration = Duration::from_millis(10);

/// At the maximum, no higher limit can be tried. Latency that grows by this factor starts a search downwards instead.
const DEGRADED: f64 = 1.5;

/// Latency that grows by this factor more than the limit has changed for another reason than our calls.
const UNEXPLAINED: f64 = 2.0;

/// The limit counts as holding calls back if a call has had to wait within this time.
const PERSISTENT: Duration = Duration::from_secs(1);

/// How long an enricher that was asked for fewer calls keeps its lower limit until the others have it too.
const TELL_LOWER: Duration = Duration::from_secs(3);

/// The minimum number of calls in a round, while the limit doubles and later.
const MIN_ROUND_SLOW_START: usize = 8;
const MIN_ROUND: usize = 16;

/// How a call ended, if that says something about the provider's capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// With an answer, usable or not, after this latency.
    Answered(Duration),
    /// It timed out.
    TimedOut,
    /// The provider asked for fewer calls.
    Overloaded,
    /// The connection was refused or broke.
    Unconnected,
}

/// The round in which a call began; `None` for a call that says nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTag(Option<u64>);

/// The direction in which the limit moves next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trend {
    /// It doubles until that brings no gain.
    SlowStart,
    Up,
    Down,
}

/// The calls that began at the current limit and have ended.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    id: u64,
    ended: usize,
    answered: u32,
    timed_out: usize,
    /// Whether a call had to wait for another to end.
    is_limited: bool,
    total_latency: Duration,
}

/// The measurements of a complete round.
#[derive(Clone, Copy, Debug)]
struct Measurement {
    limit: f64,
    latency: Duration,
}

impl Measurement {
    fn throughput(&self) -> f64 {
        self.limit / self.latency.as_secs_f64().max(1e-6)
    }
}

/// The limit.
#[derive(Debug)]
pub struct Concurrency {
    max: f64,
    limit: f64,
    /// How many enrichers share the limit.
    enrichers: usize,
    /// When the limit moved to where it is now.
    moved_at: Instant,
    trend: Trend,
    round: Round,
    /// The last round before the limit moved to where it is now.
    previous: Option<Measurement>,
    /// The mean latency of the last complete round, whether the limit held calls back in it or not.
    usual_latency: Option<Duration>,
    /// When a call last had to wait.
    waited_at: Option<Instant>,
    /// Whether the provider has refused or dropped calls because there were too many of them.
    was_overloaded: bool,
    /// When a call of this enricher halved the limit, until the others have followed.
    halved_at: Option<Instant>,
    /// When the limit became lower.
    lowered_at: Option<Instant>,
}

impl Concurrency {
    /// Creates a limit that never exceeds `max`.
    pub fn new(max: u16, now: Instant) -> Self {
        Self {
            max: max.into(),
            limit: INITIAL_LIMIT.min(max.into()),
            enrichers: 1,
            moved_at: now,
            trend: Trend::SlowStart,
            round: Round::default(),
            previous: None,
            usual_latency: None,
            waited_at: None,
            was_overloaded: false,
            halved_at: None,
            lowered_at: None,
        }
    }

    /// How many calls the fleet may run at once now; at least one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 65,535"
    )]
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Sets how many enrichers share the limit, this one included.
    pub fn shared_by(&mut self, enrichers: usize) {
        self.enrichers = enrichers.max(1);
    }

    /// Adopts the leader's limit, unless a call of this enricher has just shown that it is too high.
    pub fn follow(&mut self, limit: usize, now: Instant) {
        if limit > self.limit() && self.demands_fewer(now) {
            return;
        }
        self.halved_at = None;
        self.adopt(limit, now);
    }

    /// Another enricher was asked for fewer calls.
    pub fn lower_to(&mut self, limit: usize, now: Instant) {
        if limit < self.limit() {
            self.was_overloaded = true;
            self.adopt(limit, now);
        }
    }

    fn adopt(&mut self, limit: usize, now: Instant) {
        if limit != self.limit() {
            self.trend = Trend::Up;
            self.previous = None;
            #[expect(clippy::cast_precision_loss, reason = "at most 65,535")]
            self.move_to(limit as f64, now);
        }
    }

    /// Whether the others have to lower the limit because of a call of this enricher.
    pub fn demands_fewer(&self, now: Instant) -> bool {
        self.halved_at.is_some_and(|at| now < at + TELL_LOWER)
    }

    /// Whether all enrichers have had time to follow the last move downwards. Until then, the calls in flight that they
    /// report belong to a higher limit.
    pub fn is_settled(&self, now: Instant) -> bool {
        self.lowered_at.is_none_or(|at| now >= at + FOLLOW)
    }

    /// A call begins.
    pub fn begin(&self, now: Instant) -> CallTag {
        let is_measured = self.trend == Trend::SlowStart || now >= self.moved_at + self.follow_time();
        CallTag(is_measured.then_some(self.round.id))
    }

    /// A call has to wait, because the limit is reached. Calls that ended before the limit was reached say nothing
    /// about it: the provider may have been faster then, so that fewer calls sufficed.
    pub fn wait(&mut self, now: Instant) {
        let was_reached = self.waited_at.is_some_and(|at| now < at + PERSISTENT);
        if !was_reached {
            self.round = Round {
                id: self.round.id,
                ..Round::default()
            };
        }
        self.waited_at = Some(now);
        self.round.is_limited = true;
    }

    /// A call has ended. One that began at another limit says nothing about this one.
    pub fn end(&mut self, call: CallTag, outcome: CallOutcome, now: Instant) {
        if call.0 != Some(self.round.id) {
            return;
        }
        match outcome {
            CallOutcome::Answered(latency) => {
                self.round.answered += 1;
                self.round.total_latency += latency;
            }
            CallOutcome::TimedOut => self.round.timed_out += 1,
            CallOutcome::Overloaded => return self.halve(now),
            CallOutcome::Unconnected => return,
        }
        self.round.ended += 1;
        if self.round.ended >= self.round_size() && now >= self.moved_at + self.follow_time() {
            self.complete_round(now);
        }
    }

    /// How long after a move the others may still be at the old limit.
    fn follow_time(&self) -> Duration {
        if self.enrichers > 1 {
            FOLLOW
        } else {
            Duration::ZERO
        }
    }

    fn round_size(&self) -> usize {
        let own = self.limit() / self.enrichers;
        match self.trend {
            Trend::SlowStart => MIN_ROUND_SLOW_START.max(own / 2),
            Trend::Up | Trend::Down => MIN_ROUND.max(own),
        }
    }

    fn complete_round(&mut self, now: Instant) {
        let round = self.round;
        if round.timed_out * 2 > round.ended {
            return self.halve(now);
        }
        if round.answered == 0 {
            return self.move_to(self.limit, now);
        }
        let measured = Measurement {
            limit: self.limit,
            latency: round.total_latency / round.answered,
        };
        let usual_latency = self.usual_latency.replace(measured.latency);
        if !round.is_limited {
            // Demand was below the limit, so the round says nothing about a change of it.
            self.previous = None;
            return self.move_to(self.limit, now);
        }
        let before = self.previous.replace(measured);
        if self.limit < self.max
            && usual_latency.is_some_and(|usual| is_slower_by_itself(usual, before, measured))
        {
            return self.start_over(now);
        }
        match before {
            Some(before) if before.limit < measured.limit => {
                if pays(&before, &measured) {
                    self.move_on(now);
                } else {
                    self.move_back(before.limit, Trend::Down, now);
                }
            }
            Some(before) if before.limit > measured.limit => {
                if pays(&measured, &before) {
                    self.move_back(before.limit, Trend::Up, now);
                } else {
                    self.move_on(now);
                }
            }
            Some(before) if measured.latency > before.latency.mul_f64(DEGRADED) => {
                self.trend = Trend::Down;
                self.move_on(now);
            }
            Some(_) | None => self.move_on(now),
        }
    }

    /// Answers take much longer than before, so more calls are needed at once, and what was learned at the former latency
    /// no longer holds: the limit doubles, and is at least what it was at the start. A provider that could not handle
    /// the calls at the start does not get that many again.
    fn start_over(&mut self, now: Instant) {
        self.trend = Trend::SlowStart;
        let doubled = self.limit * 2.0;
        let limit = if self.was_overloaded {
            doubled
        } else {
            doubled.max(INITIAL_LIMIT)
        };
        self.move_to(limit, now);
    }

    /// Tries the next limit in the current direction.
    fn move_on(&mut self, now: Instant) {
        let next = match self.trend {
            Trend::SlowStart => self.limit * 2.0,
            Trend::Up => (self.limit * STEP_UP).max(self.limit + 1.0),
            Trend::Down if self.limit <= 1.0 => {
                self.trend = Trend::Up;
                2.0
            }
            Trend::Down => (self.limit * STEP_DOWN).min(self.limit - 1.0),
        };
        self.move_to(next, now);
    }

    /// The last move brought no gain. The next round at the old limit is measured again, since conditions may have changed.
    fn move_back(&mut self, limit: f64, trend: Trend, now: Instant) {
        self.trend = trend;
        self.previous = None;
        self.move_to(limit, now);
    }

    fn halve(&mut self, now: Instant) {
        self.trend = Trend::Up;
        self.previous = None;
        self.was_overloaded = true;
        self.halved_at = Some(now);
        self.move_to(self.limit / 2.0, now);
    }

    fn move_to(&mut self, limit: f64, now: Instant) {
        let limit = limit.clamp(1.0, self.max);
        if limit < self.limit {
            self.lowered_at = Some(now);
        }
        self.limit = limit;
        self.moved_at = now;
        self.round = Round {
            id: self.round.id + 1,
            ..Round::default()
        };
    }
}

/// Whether latency has risen more than our additional calls explain.
fn is_slower_by_itself(usual: Duration, before: Option<Measurement>, measured: Measurement) -> bool {
    let more_calls = before.map_or(1.0, |before| (measured.limit / before.limit).max(1.0));
    measured.latency > usual.mul_f64(more_calls * UNEXPLAINED)
        && measured.latency.saturating_sub(usual) > NOISE
}

/// Whether the higher of two limits brings enough of the throughput that it would bring if calls did not slow each other
/// down.
fn pays(lower: &Measurement, higher: &Measurement) -> bool {
    let full_effect = higher.limit / lower.limit - 1.0;
    let effect = higher.throughput() / lower.throughput() - 1.0;
    effect >= full_effect * WORTHWHILE || higher.latency.saturating_sub(lower.latency) < NOISE
}

#[cfg(test)]
mod fleet_tests;
#[cfg(test)]
mod tests;
