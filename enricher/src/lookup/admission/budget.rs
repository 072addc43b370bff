//! `--lookup-budget`: how many calls the whole fleet may make in each minute, hour or day. Pure.
//!
//! The fleet counts the calls that it reserves on its [bill](crate::lookup::billing::bill). An enricher reserves a few calls at
//! once, so that not every call needs a round trip. Calls that it has reserved but not made when it exits are lost.

use std::str::FromStr;
use std::time::Duration;

use protocol::Timestamp;
use protocol::time::millis;

/// The maximum number of calls that are reserved at once.
const MAX_RESERVATION: u64 = 20;

/// The period of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// 60 s.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours, from midnight UTC.
    Day,
}

/// Which minute, hour or day since the Unix epoch.
pub type SpanNumber = i64;

impl Span {
    /// The number of the span at that time, counted from the epoch.
    pub fn number_at(self, now: Timestamp) -> SpanNumber {
        now.unix_ms().div_euclid(millis(self.duration()))
    }

    fn duration(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }
}

/// A number of calls per span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    calls: u64,
    span: Span,
}

/// Calls that are reserved but not yet made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The span in which they may be made.
    pub span: SpanNumber,
    /// The number of calls.
    pub calls: u64,
}

impl Reservation {
    fn allows(&self, span: SpanNumber) -> bool {
        self.span == span && self.calls > 0
    }
}

impl Budget {
    /// The span of this budget.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Reserves a few calls; `reserved` is how many the fleet has already reserved in this span. `None` if nothing is left.
    pub fn reserve(&self, reserved: u64, now: Timestamp) -> Option<Reservation> {
        let left = self.calls.saturating_sub(reserved);
        let calls = (self.calls / 50).clamp(1, MAX_RESERVATION).min(left);
        (calls > 0).then_some(Reservation {
            span: self.span_at(now),
            calls,
        })
    }

    /// The number of the span at that time.
    pub fn span_at(&self, now: Timestamp) -> SpanNumber {
        self.span.number_at(now)
    }
}

/// The calls that one enricher has reserved from the fleet's budget and not yet made.
#[derive(Debug, Default)]
pub struct Allowance {
    reservation: Option<Reservation>,
    /// The span in which the fleet has nothing left.
    used_up: Option<SpanNumber>,
}

impl Allowance {
    /// Removes a call of that span, if there is one.
    pub fn take(&mut self, span: SpanNumber) -> bool {
        match &mut self.reservation {
            Some(left) if left.allows(span) => {
                left.calls -= 1;
                true
            }
            _ => false,
        }
    }

    /// Adds calls from the fleet's budget. What is left of any other span is lost, even of a later one: the clock may have
    /// been put back.
    pub fn put(&mut self, more: Reservation) {
        match &mut self.reservation {
            Some(left) if left.span == more.span => left.calls += more.calls,
            _ => self.reservation = Some(more),
        }
    }

    /// Puts back calls that were not made. Those of a span that is over are lost.
    pub fn put_back(&mut self, unused: Reservation) {
        match &mut self.reservation {
            Some(left) if left.span == unused.span => left.calls += unused.calls,
            Some(_) => {}
            None => self.reservation = Some(unused),
        }
    }

    /// The fleet has nothing left in that span.
    pub fn fleet_has_none(&mut self, span: SpanNumber) {
        self.used_up = Some(span);
    }

    /// Whether nothing is left in that span, neither here nor in the fleet.
    pub fn is_used_up(&self, span: SpanNumber) -> bool {
        self.remaining_if_exhausted(span) == Some(0)
    }

    /// How many calls of that span are left in this enricher; `None` while the fleet may have more.
    pub fn remaining_if_exhausted(&self, span: SpanNumber) -> Option<u64> {
        let left = self.reservation.filter(|left| left.span == span);
        (self.used_up == Some(span)).then(|| left.map_or(0, |left| left.calls))
    }
}

/// The text is not a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of calls per min, hour or day, such as 100/min, or unlimited")]
pub struct InvalidBudget;

impl FromStr for Budget {
    type Err = InvalidBudget;

    fn from_str(text: &str) -> Result<Self, InvalidBudget> {
        let (calls, span) = text.split_once('/').ok_or(InvalidBudget)?;
        let span = match span.trim() {
            "min" | "minute" => Span::Minute,
            "h" | "hour" => Span::Hour,
            "day" => Span::Day,
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
        let span = match self.span {
            Span::Minute => "min",
            Span::Hour => "hour",
            Span::Day => "day",
        };
        write!(f, "{}/{span}", self.calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::time::unix_ms;

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
    fn gives_what_is_left() {
        let budget: Budget = "3/min".parse().unwrap();
        assert_eq!(
            budget.reserve(2, unix_ms(59_999)),
            Some(Reservation { span: 0, calls: 1 })
        );
        assert_eq!(budget.reserve(3, unix_ms(59_999)), None);
        assert_eq!(
            budget.reserve(4, unix_ms(59_999)),
            None,
            "another enricher may have had more"
        );
        assert_eq!(
            budget.reserve(0, unix_ms(60_000)),
            Some(Reservation { span: 1, calls: 1 })
        );
    }

    #[test]
    fn an_allowance_gives_what_was_put_in_and_no_more() {
        let mut allowance = Allowance::default();
        assert!(
            !allowance.take(7) && !allowance.is_used_up(7),
            "the fleet may have some"
        );
        allowance.put(Reservation { span: 7, calls: 2 });
        assert!(allowance.take(7) && allowance.take(7) && !allowance.take(7));
        allowance.fleet_has_none(7);
        assert!(allowance.is_used_up(7));
        allowance.put_back(Reservation { span: 7, calls: 1 });
        assert!(!allowance.is_used_up(7), "one was not made");
        assert_eq!(
            allowance.remaining_if_exhausted(7),
            Some(1),
            "so no more than one may begin"
        );
        assert_eq!(allowance.remaining_if_exhausted(8), None);
        assert!(
            !allowance.take(8) && !allowance.is_used_up(8),
            "a new span is a new budget"
        );
        allowance.put(Reservation { span: 8, calls: 1 });
        allowance.put_back(Reservation { span: 7, calls: 9 });
        assert!(allowance.take(8) && !allowance.take(8) && !allowance.take(7));
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_make_it_useless() {
        let mut allowance = Allowance::default();
        allowance.put(Reservation { span: 8, calls: 5 });
        assert!(!allowance.take(7));
        allowance.put(Reservation { span: 7, calls: 1 });
        assert!(allowance.take(7));
    }

    proptest! {
        #[test]
        fn never_more_than_the_budget(calls in 1..2_000_u64) {
            let budget: Budget = format!("{calls}/day").parse().unwrap();
            let mut reserved = 0;
            while let Some(reservation) = budget.reserve(reserved, unix_ms(0)) {
                reserved += reservation.calls;
            }
            prop_assert_eq!(reserved, calls);
        }
    }
}
