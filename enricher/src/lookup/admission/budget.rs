//! `--lookup-budget`: how many calls the whole fleet may make in each minute, hour or day. Pure.
//!
//! The fleet counts in one entry of its bucket. So that not every call needs a round trip, an enricher takes a few calls
//! at once from it; what it has taken and not used when it ends is not spent, and not given back.

use std::str::FromStr;
use std::time::Duration;

use protocol::Millis;
use protocol::time::millis;
use serde::{Deserialize, Serialize};

/// The most calls that are taken at once.
const MOST_AT_ONCE: u64 = 20;

/// A number of calls for each span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    calls: u64,
    span: Duration,
}

/// What the fleet has taken of its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Which span since the epoch.
    pub span: Millis,
    /// Calls taken in it.
    pub calls: u64,
}

/// Calls taken and not yet made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The span in which they may be made.
    pub span: Millis,
    /// How many.
    pub calls: u64,
}

impl Allowance {
    fn allows(&self, span: Millis) -> bool {
        self.span == span && self.calls > 0
    }
}

impl Budget {
    /// How long a span is.
    pub fn span(&self) -> Duration {
        self.span
    }

    /// Takes a few calls: what the fleet has taken then, and the allowance. `None` where nothing is left in this span.
    pub fn take(&self, taken: Option<Taken>, now: Millis) -> Option<(Taken, Allowance)> {
        let span = self.span_at(now);
        let before = taken
            .filter(|taken| taken.span == span)
            .map_or(0, |taken| taken.calls);
        let calls = (self.calls / 50)
            .clamp(1, MOST_AT_ONCE)
            .min(self.calls.saturating_sub(before));
        (calls > 0).then_some((
            Taken {
                span,
                calls: before + calls,
            },
            Allowance { span, calls },
        ))
    }

    /// Which span it is at that time.
    pub fn span_at(&self, now: Millis) -> Millis {
        now.div_euclid(millis(self.span))
    }
}

/// The calls that one enricher has taken of the fleet's budget and not made.
#[derive(Debug, Default)]
pub struct Purse {
    allowance: Option<Allowance>,
    /// The span of which the fleet has nothing left.
    used_up: Option<Millis>,
}

impl Purse {
    /// Takes a call of that span out, if there is one.
    pub fn take(&mut self, span: Millis) -> bool {
        match &mut self.allowance {
            Some(left) if left.allows(span) => {
                left.calls -= 1;
                true
            }
            _ => false,
        }
    }

    /// Puts calls in from the fleet's budget. What is left of another span is lost, also of a later one: the clock may have
    /// been put back.
    pub fn put(&mut self, more: Allowance) {
        match &mut self.allowance {
            Some(left) if left.span == more.span => left.calls += more.calls,
            _ => self.allowance = Some(more),
        }
    }

    /// Puts calls back because they were not made. Those of a span that is over are lost.
    pub fn put_back(&mut self, unused: Allowance) {
        match &mut self.allowance {
            Some(left) if left.span == unused.span => left.calls += unused.calls,
            Some(_) => {}
            None => self.allowance = Some(unused),
        }
    }

    /// The fleet has nothing left of that span.
    pub fn fleet_has_none(&mut self, span: Millis) {
        self.used_up = Some(span);
    }

    /// Whether there is nothing left of that span, here and in the fleet.
    pub fn is_used_up(&self, span: Millis) -> bool {
        self.used_up == Some(span) && !self.allowance.is_some_and(|left| left.allows(span))
    }
}

/// A budget that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of calls per min, hour or day, such as 100/min, or unlimited")]
pub struct InvalidBudget;

impl FromStr for Budget {
    type Err = InvalidBudget;

    fn from_str(text: &str) -> Result<Self, InvalidBudget> {
        let (calls, span) = text.split_once('/').ok_or(InvalidBudget)?;
        let span = match span.trim() {
            "min" | "minute" => Duration::from_mins(1),
            "h" | "hour" => Duration::from_hours(1),
            "day" => Duration::from_hours(24),
            _ => return Err(InvalidBudget),
        };
        let calls = calls
            .trim()
            .parse()
            .ok()
            .filter(|calls| *calls > 0)
            .ok_or(InvalidBudget)?;
        Ok(Self { calls, span })
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let span = match self.span.as_secs() {
            60 => "min",
            3600 => "hour",
            _ => "day",
        };
        write!(f, "{}/{span}", self.calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_writes() {
        for text in ["100/min", "7/hour", "5000/day"] {
            assert_eq!(text.parse::<Budget>().unwrap().to_string(), text);
        }
        for text in ["", "100", "0/min", "-1/min", "100/week", "many/day"] {
            assert_eq!(text.parse::<Budget>(), Err(InvalidBudget), "{text}");
        }
    }

    #[test]
    fn a_new_span_is_a_new_budget() {
        let budget: Budget = "1/min".parse().unwrap();
        let (taken, _) = budget.take(None, 0).unwrap();
        assert_eq!(budget.take(Some(taken), 59_999), None);
        assert!(budget.take(Some(taken), 60_000).is_some());
    }

    #[test]
    fn a_purse_gives_what_was_put_in_and_no_more() {
        let mut purse = Purse::default();
        assert!(!purse.take(7) && !purse.is_used_up(7), "the fleet may have some");
        purse.put(Allowance { span: 7, calls: 2 });
        assert!(purse.take(7) && purse.take(7) && !purse.take(7));
        purse.fleet_has_none(7);
        assert!(purse.is_used_up(7));
        purse.put_back(Allowance { span: 7, calls: 1 });
        assert!(!purse.is_used_up(7), "one was not made");
        assert!(
            !purse.take(8) && !purse.is_used_up(8),
            "a new span is a new budget"
        );
        purse.put(Allowance { span: 8, calls: 1 });
        purse.put_back(Allowance { span: 7, calls: 9 });
        assert!(purse.take(8) && !purse.take(8) && !purse.take(7));
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_make_it_useless() {
        let mut purse = Purse::default();
        purse.put(Allowance { span: 8, calls: 5 });
        assert!(!purse.take(7));
        purse.put(Allowance { span: 7, calls: 1 });
        assert!(purse.take(7));
    }

    proptest! {
        #[test]
        fn never_more_than_the_budget(calls in 1..2_000_u64) {
            let budget: Budget = format!("{calls}/day").parse().unwrap();
            let (mut taken, mut allowed) = (None, 0);
            while let Some((next, allowance)) = budget.take(taken, 0) {
                taken = Some(next);
                allowed += allowance.calls;
            }
            prop_assert_eq!(allowed, calls);
        }
    }
}
