//! The settings of an emitter that plays a busy site.

use std::time::Duration;

use crate::{emitter_fault::Faults, script::Rhythm};

/// The mean time between two keep-alives of a session. Short sessions send them more often.
const KEEP_ALIVE_MS: u64 = 5_000;

/// A site to play: how busy it is, and its faults.
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
