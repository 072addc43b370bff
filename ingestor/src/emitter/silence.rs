//! Decides when to ping the emitter and when its silence has lasted too long. Pure.
//!
//! An emitter is silent only if it was pinged and had time to answer. A process that was frozen or blocked has sent no
//! ping meanwhile, so it pings first.

use std::time::Duration;

use tokio::time::Instant;

/// What to do about the emitter's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing before [`Silence::next_action`].
    Wait,
    /// Send a ping.
    Ping,
    /// Close the connection, because the emitter has sent nothing for this long.
    Close(Duration),
}

/// The silence of one connection.
#[derive(Debug)]
pub struct Silence {
    deadline: Duration,
    ping_interval: Duration,
    heard_at: Instant,
    next_ping: Instant,
    /// When the first ping was sent since the emitter was last heard.
    asked_at: Option<Instant>,
}

impl Silence {
    /// Starts with a ping. Pings often enough to meet the deadline, even if `ping_interval` is longer.
    pub fn new(ping_interval: Duration, deadline: Duration, now: Instant) -> Self {
        Self {
            deadline,
            ping_interval: ping_interval.min(deadline / 2),
            heard_at: now,
            next_ping: now,
            asked_at: None,
        }
    }

    /// The emitter has sent something, possibly a pong.
    pub fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.asked_at = None;
    }

    /// When [`Silence::act`] must be called next. [`Silence::heard`] moves it only later.
    pub fn next_action(&self) -> Instant {
        self.closes_at()
            .map_or(self.next_ping, |at| at.min(self.next_ping))
    }

    /// What to do now; the caller does it.
    pub fn act(&mut self, now: Instant) -> Action {
        if self.closes_at().is_some_and(|at| at <= now) {
            return Action::Close(now - self.heard_at);
        }
        if now < self.next_ping {
            return Action::Wait;
        }
        self.next_ping = now + self.ping_interval;
        self.asked_at.get_or_insert(now);
        Action::Ping
    }

    fn closes_at(&self) -> Option<Instant> {
        let answered_by = self.asked_at? + self.ping_interval;
        Some(answered_by.max(self.heard_at + self.deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Acts whenever it is due until it gives up; returns when that is.
    fn gives_up(silence: &mut Silence) -> Instant {
        loop {
            let now = silence.next_action();
            if matches!(silence.act(now), Action::Close(_)) {
                return now;
            }
        }
    }

    #[test]
    fn gives_up_when_the_deadline_is_due_and_not_with_the_next_ping() {
        let start = Instant::now();
        for ping_interval in [5, 7, 14, 60].map(Duration::from_secs) {
            let mut silence = Silence::new(ping_interval, 15 * SECOND, start);
            assert_eq!(gives_up(&mut silence), start + 15 * SECOND, "{ping_interval:?}");
        }
    }

    #[test]
    fn after_a_freeze_asks_before_it_gives_up() {
        let start = Instant::now();
        let mut silence = Silence::new(5 * SECOND, 15 * SECOND, start);
        assert_eq!(silence.act(start), Action::Ping);
        silence.heard(start + SECOND);
        let resumed = start + 60 * SECOND;
        assert_eq!(silence.act(resumed), Action::Ping);
        assert_eq!(silence.act(resumed + SECOND), Action::Wait);
        assert_eq!(gives_up(&mut silence), resumed + 5 * SECOND);
    }

    proptest! {
        #[test]
        fn nobody_is_given_up_before_the_deadline_or_unasked(
            ping_interval in 1..30_000_u64,
            deadline in 2..30_000_u64,
            steps in proptest::collection::vec((0..20_000_u64, any::<bool>()), 1..50),
        ) {
            let (interval, deadline) = (Duration::from_millis(ping_interval), Duration::from_millis(deadline));
            let mut now = Instant::now();
            let mut silence = Silence::new(interval, deadline, now);
            let (mut heard, mut asked) = (now, None);
            for (after, says_something) in steps {
                now += Duration::from_millis(after);
                if says_something {
                    silence.heard(now);
                    (heard, asked) = (now, None);
                }
                match silence.act(now) {
                    Action::Wait => prop_assert!(silence.next_action() > now),
                    Action::Ping => { asked.get_or_insert(now); }
                    Action::Close(silent) => {
                        prop_assert_eq!(silent, now - heard);
                        prop_assert!(silent >= deadline);
                        prop_assert!(asked.is_some_and(|at| now - at >= interval.min(deadline / 2)));
                        break;
                    }
                }
            }
        }
    }
}
