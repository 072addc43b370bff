//! Decides when a connection to the emitter is ok. An emitter that accepts each connection and closes it at once is failing
//! throughout. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// A connection that has lasted this long is stable.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// What the emitter sends to show that it serves us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The answer to a ping.
    Pong,
    /// A valid event.
    Event,
}

/// Whether the present connection has proved itself.
#[derive(Debug, Default)]
pub struct Proof {
    connected_at: Option<Instant>,
    is_given: bool,
    has_sent_event: bool,
    /// Whether the last connection ended early and without an event.
    needs_event: bool,
}

impl Proof {
    /// A connection is open.
    pub fn connected(&mut self, now: Instant) {
        self.connected_at = Some(now);
        self.is_given = false;
        self.has_sent_event = false;
    }

    /// The emitter has sent something. Returns true if that proves the connection. A pong does not if the last connection
    /// ended early.
    pub fn heard(&mut self, sign: Sign) -> bool {
        self.has_sent_event |= sign == Sign::Event;
        let is_enough = self.has_sent_event || !self.needs_event;
        is_enough && self.give()
    }

    /// When [`Proof::lasted`] must be called; `None` if there is nothing to wait for.
    pub fn due(&self) -> Option<Instant> {
        let connected_at = self.connected_at?;
        (!self.is_given).then(|| connected_at + STABLE_AFTER)
    }

    /// The connection is still open. Returns true if that proves it.
    pub fn lasted(&mut self, now: Instant) -> bool {
        self.is_stable(now) && self.give()
    }

    /// There is no connection any longer, or could not be made. Returns whether it was stable.
    pub fn ended(&mut self, now: Instant) -> bool {
        let was_stable = self.is_stable(now);
        if self.connected_at.take().is_some() {
            self.needs_event = !was_stable && !self.has_sent_event;
        }
        was_stable
    }

    fn is_stable(&self, now: Instant) -> bool {
        self.connected_at.is_some_and(|at| now >= at + STABLE_AFTER)
    }

    /// Returns whether the proof was missing.
    fn give(&mut self) -> bool {
        !std::mem::replace(&mut self.is_given, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_pong_proves_the_first_connection_once() {
        let now = Instant::now();
        let mut proof = Proof::default();
        assert!(!proof.ended(now), "a refused connection");
        proof.connected(now);
        assert!(proof.heard(Sign::Pong));
        assert!(!proof.heard(Sign::Pong) && !proof.heard(Sign::Event));
        assert_eq!(proof.due(), None);
    }

    #[test]
    fn after_an_early_end_only_an_event_or_time_proves_a_connection() {
        let now = Instant::now();
        let mut proof = Proof::default();
        proof.connected(now);
        assert!(!proof.ended(now + STABLE_AFTER / 2));
        proof.connected(now);
        assert!(!proof.heard(Sign::Pong));
        assert!(!proof.lasted(now + STABLE_AFTER / 2));
        let due = proof.due().unwrap();
        assert!(proof.lasted(due));
        assert!(proof.ended(due));

        proof.connected(now);
        assert!(proof.heard(Sign::Pong), "the last one was stable");
        assert!(!proof.ended(now));
        proof.connected(now);
        assert!(proof.heard(Sign::Event));
        assert!(!proof.ended(now), "an event does not shorten the pauses");
        assert!(!proof.ended(now), "a refused connection changes nothing");
        proof.connected(now);
        assert!(proof.heard(Sign::Pong), "the last one had sent an event");
    }
}
