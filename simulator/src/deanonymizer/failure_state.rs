//! Decides how a call ends. Pure, given a source of randomness.

use std::{collections::HashMap, str::FromStr, time::Duration};

use bytes::Bytes;
use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::Failure;
use crate::world::address::canonical;

/// How long a call takes: a fixed time or any in a range. As text: `50ms` or `20ms..2s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    least: Duration,
    most: Duration,
}

/// A text that is not a latency.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LatencyError {
    /// One of its ends is not a duration.
    #[error(transparent)]
    Duration(#[from] humantime::DurationError),
    /// Its ends are in the wrong order.
    #[error("the range ends before it begins")]
    Backwards,
}

impl Latency {
    /// Always the same time.
    #[must_use]
    pub fn fixed(latency: Duration) -> Self {
        Self {
            least: latency,
            most: latency,
        }
    }

    /// Any time from `least` to `most`, which must not be shorter.
    ///
    /// # Errors
    /// If it is shorter.
    pub fn range(least: Duration, most: Duration) -> Result<Self, LatencyError> {
        if most < least {
            return Err(LatencyError::Backwards);
        }
        Ok(Self { least, most })
    }

    fn draw(self, rng: &mut ChaCha8Rng) -> Duration {
        rng.random_range(self.least..=self.most)
    }
}

impl FromStr for Latency {
    type Err = LatencyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once("..") {
            Some((least, most)) => Self::range(
                humantime::parse_duration(least.trim())?,
                humantime::parse_duration(most.trim())?,
            ),
            None => Ok(Self::fixed(humantime::parse_duration(text.trim())?)),
        }
    }
}

/// The current faults of calls.
#[derive(Clone, Debug)]
pub(super) struct FailureState {
    pub(super) latency: Latency,
    pub(super) error_rate: f64,
    pub(super) hang_rate: f64,
    pub(super) garbage_rate: f64,
    pub(super) garbage: Vec<Failure>,
    pub(super) retry_after: Duration,
    pub(super) all: Option<Failure>,
    pub(super) key: Option<String>,
    pub(super) quota: Option<u64>,
    by_ip: HashMap<String, Failure>,
    bodies: HashMap<String, Bytes>,
}

impl FailureState {
    pub(super) fn new(latency: Latency, error_rate: f64, hang_rate: f64, garbage_rate: f64) -> Self {
        Self {
            latency,
            error_rate,
            hang_rate,
            garbage_rate,
            garbage: Failure::GARBAGE.to_vec(),
            retry_after: Duration::from_secs(1),
            all: None,
            key: None,
            quota: None,
            by_ip: HashMap::new(),
            bodies: HashMap::new(),
        }
    }

    /// Takes one call from the quota. Returns `false` if it is used up.
    pub(super) fn take_from_quota(&mut self) -> bool {
        match &mut self.quota {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    pub(super) fn fail_ip(&mut self, ip: &str, failure: Failure) {
        self.by_ip.insert(canonical(ip), failure);
    }

    pub(super) fn heal_ip(&mut self, ip: &str) {
        self.by_ip.remove(&canonical(ip));
    }

    pub(super) fn answer_ip(&mut self, ip: &str, body: Bytes) {
        self.bodies.insert(canonical(ip), body);
    }

    /// The configured response of calls that do not fail, if any.
    pub(super) fn body(&self, ip: &str) -> Option<Bytes> {
        self.bodies.get(&canonical(ip)).cloned()
    }

    /// The latency of the next call, and its failure, if any. A setting for the address takes precedence over one for all
    /// addresses, and that over random faults.
    pub(super) fn next(&self, ip: &str, rng: &mut ChaCha8Rng) -> (Duration, Option<Failure>) {
        let configured = self.by_ip.get(&canonical(ip)).copied().or(self.all);
        (self.latency.draw(rng), configured.or_else(|| self.chance(rng)))
    }

    fn chance(&self, rng: &mut ChaCha8Rng) -> Option<Failure> {
        let draw: f64 = rng.random();
        let hangs = self.hang_rate.max(0.0);
        let fails = hangs + self.error_rate.max(0.0);
        let is_garbage = fails + self.garbage_rate.max(0.0);
        if draw < hangs {
            Some(Failure::Hang)
        } else if draw < fails {
            Some(Failure::ServerError)
        } else if draw < is_garbage {
            self.garbage.choose(rng).copied()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }

    #[test]
    fn latencies() {
        let ms = Duration::from_millis;
        assert_eq!("50ms".parse(), Ok(Latency::fixed(ms(50))));
        assert_eq!("20ms..2s".parse(), Latency::range(ms(20), ms(2_000)));
        assert_eq!("2s..20ms".parse::<Latency>(), Err(LatencyError::Backwards));
        assert!("soon".parse::<Latency>().is_err());
        let range = Latency::range(ms(20), ms(40)).unwrap();
        let rng = &mut rng();
        assert!((0..100).all(|_| (ms(20)..=ms(40)).contains(&range.draw(rng))));
    }

    #[test]
    fn rates_are_shares_of_the_calls() {
        let failure_state = FailureState::new(Latency::default(), 0.1, 0.2, 0.3);
        let rng = &mut rng();
        let calls: Vec<_> = (0..10_000)
            .map(|_| failure_state.next("1.2.3.4", rng).1)
            .collect();
        let share =
            |property: fn(&Option<Failure>) -> bool| calls.iter().filter(|call| property(call)).count();
        assert!((900..1_100).contains(&share(|call| *call == Some(Failure::ServerError))));
        assert!((1_850..2_150).contains(&share(|call| *call == Some(Failure::Hang))));
        assert!((2_850..3_150).contains(&share(|call| call.is_some_and(Failure::is_garbage))));
        for garbage in Failure::GARBAGE {
            assert!(calls.contains(&Some(garbage)), "{garbage}");
        }
    }

    #[test]
    fn one_address_before_all_before_chance() {
        let mut failure_state = FailureState::new(Latency::default(), 1.0, 0.0, 0.0);
        let rng = &mut rng();
        failure_state.all = Some(Failure::ServiceUnavailable);
        failure_state.fail_ip("2001:db8::1", Failure::Reset);
        assert_eq!(
            failure_state.next("2001:0DB8:0:0:0:0:0:1", rng).1,
            Some(Failure::Reset)
        );
        assert_eq!(
            failure_state.next("2001:db8::2", rng).1,
            Some(Failure::ServiceUnavailable)
        );
        failure_state.heal_ip("2001:DB8::1");
        failure_state.all = None;
        assert_eq!(
            failure_state.next("2001:db8::1", rng).1,
            Some(Failure::ServerError)
        );
    }
}
