//! What the fleet has spent, and reserved from its budgets: one account per enricher, joined by maximum. Pure.
//!
//! Each enricher writes only its own account, and its figures only grow. So the copies that different enrichers have of
//! the bill can be joined in any order and any number of times without counting anything twice; see ADR 25.

use std::collections::BTreeMap;

use protocol::status::Lookups;
use protocol::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lookup::admission::budget::{Span, SpanNumber};

/// The maximum number of accounts, unless more enrichers are running. Those with the oldest writes are summed into one.
const MAX_ACCOUNTS: usize = 16;

/// How many enrichers whose account was closed are remembered by name.
const MAX_CLOSED_NAMES: usize = 128;

/// How long after its last write an account may be closed.
const CLOSED_AFTER: Millis = 10 * 60 * 1000;

/// How often an enricher with nothing new to say writes to its account, so that it stays open.
const RENEWED_AFTER: Millis = 60 * 1000;

/// The bill of the whole fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    /// When it was begun; it does not include anything that was spent before.
    pub since: Timestamp,
    #[serde(default)]
    accounts: BTreeMap<String, Account>,
    #[serde(default)]
    closed: ClosedAccounts,
}

/// What one enricher has spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Account {
    /// When it was last written to.
    at: Timestamp,
    lookups: Lookups,
    #[serde(rename = "taken")]
    usage: Usage,
}

/// The sum of the accounts of enrichers that are gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClosedAccounts {
    /// The enrichers whose accounts these were, and when each was last written to.
    names: BTreeMap<String, Timestamp>,
    lookups: Lookups,
    #[serde(rename = "taken")]
    usage: Usage,
}

/// Calls reserved in the current minute, hour and day. Every call counts in all three, whichever of them a budget limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Usage {
    minute: SpanUse,
    hour: SpanUse,
    day: SpanUse,
}

/// Calls reserved in one span of time. A later span is greater, unless the clock was set back in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
struct SpanUse {
    /// How often the clock was set back to before the span.
    #[serde(skip_serializing_if = "is_zero")]
    setbacks: u32,
    /// The number of the span, counted from the epoch.
    span: SpanNumber,
    calls: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl SpanUse {
    fn take(&mut self, span: SpanNumber, calls: u64) {
        let before = self.calls_in(span);
        *self = Self {
            setbacks: self.setbacks + u32::from(span < self.span),
            span,
            calls: before.saturating_add(calls),
        };
    }

    fn calls_in(self, span: SpanNumber) -> u64 {
        if self.span == span { self.calls } else { 0 }
    }

    fn plus(self, other: Self) -> Self {
        let latest = self.max(other);
        let calls = self.calls_in(latest.span) + other.calls_in(latest.span);
        Self { calls, ..latest }
    }
}

impl Usage {
    fn of(&self, span: Span) -> SpanUse {
        match span {
            Span::Minute => self.minute,
            Span::Hour => self.hour,
            Span::Day => self.day,
        }
    }

    fn combine(self, other: Self, combine: impl Fn(SpanUse, SpanUse) -> SpanUse) -> Self {
        Self {
            minute: combine(self.minute, other.minute),
            hour: combine(self.hour, other.hour),
            day: combine(self.day, other.day),
        }
    }
}

impl Account {
    fn join(self, other: Self) -> Self {
        Self {
            at: self.at.max(other.at),
            lookups: self.lookups.max(other.lookups),
            usage: self.usage.combine(other.usage, SpanUse::max),
        }
    }
}

impl Bill {
    /// An empty bill.
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            accounts: BTreeMap::new(),
            closed: ClosedAccounts::default(),
        }
    }

    /// Joins two copies of the bill.
    ///
    /// The sum of the closed accounts does not say what it is the sum of. So each copy first closes the accounts that the
    /// other has closed; then both sums include the same accounts.
    #[must_use]
    pub fn join(mut self, other: &Self) -> Self {
        let mut other = other.clone();
        self.close_all(other.closed.names.keys());
        other.close_all(self.closed.names.keys());
        self.since = self.since.min(other.since);
        for (name, account) in other.accounts {
            let ours = self.accounts.entry(name).or_default();
            *ours = ours.join(account);
        }
        let closed = &mut self.closed;
        closed.lookups = closed.lookups.max(other.closed.lookups);
        closed.usage = closed.usage.combine(other.closed.usage, SpanUse::max);
        for (name, at) in other.closed.names {
            let ours = closed.names.entry(name).or_insert(at);
            *ours = at.max(*ours);
        }
        self.forget_names();
        self
    }

    /// Records what an enricher has spent in total.
    pub fn record(&mut self, name: &str, lookups: Lookups, now: Timestamp) {
        let account = self.accounts.entry(name.to_owned()).or_default();
        let joined = account.lookups.max(lookups);
        if joined != account.lookups || now - account.at > RENEWED_AFTER {
            account.lookups = joined;
            account.at = account.at.max(now);
        }
    }

    /// Records that an enricher reserves calls.
    pub fn reserve(&mut self, name: &str, calls: u64, now: Timestamp) {
        let account = self.accounts.entry(name.to_owned()).or_default();
        account.at = account.at.max(now);
        let usage = &mut account.usage;
        usage.minute.take(Span::Minute.number_at(now), calls);
        usage.hour.take(Span::Hour.number_at(now), calls);
        usage.day.take(Span::Day.number_at(now), calls);
    }

    /// How many calls the fleet has reserved in the current span.
    pub fn reserved(&self, span: Span, now: Timestamp) -> u64 {
        let number = span.number_at(now);
        let usages = self.accounts.values().map(|account| account.usage);
        usages
            .chain([self.closed.usage])
            .map(|usage| usage.of(span).calls_in(number))
            .fold(0, u64::saturating_add)
    }

    /// What the fleet has spent and saved since the bill was begun.
    pub fn total(&self) -> Lookups {
        let lookups = self.accounts.values().map(|account| account.lookups);
        lookups.fold(self.closed.lookups, Lookups::plus)
    }

    /// What an enricher has recorded so far.
    pub fn recorded(&self, name: &str) -> Lookups {
        self.accounts
            .get(name)
            .map(|account| account.lookups)
            .unwrap_or_default()
    }

    /// Whether that enricher's account was closed; it needs a new one.
    pub fn is_closed(&self, name: &str) -> bool {
        self.closed.names.contains_key(name)
    }

    /// Sums accounts of enrichers that are gone if there are too many accounts. The account of `keep` stays.
    pub fn close_old(&mut self, keep: &str, now: Timestamp) {
        while self.accounts.len() > MAX_ACCOUNTS {
            let old = |(name, account): &(&String, &Account)| {
                name.as_str() != keep && now - account.at > CLOSED_AFTER
            };
            let candidates = self.accounts.iter().filter(old);
            let Some(name) = candidates
                .min_by_key(|(_, account)| account.at)
                .map(|(name, _)| name.clone())
            else {
                return;
            };
            self.close(&name);
            self.forget_names();
        }
    }

    fn close_all<'a>(&mut self, names: impl Iterator<Item = &'a String>) {
        for name in names {
            self.close(name);
        }
    }

    /// Adds an account to the sum of the closed ones, if this copy has it.
    fn close(&mut self, name: &str) {
        if let Some((name, account)) = self.accounts.remove_entry(name) {
            let closed = &mut self.closed;
            closed.lookups = closed.lookups.plus(account.lookups);
            closed.usage = closed.usage.combine(account.usage, SpanUse::plus);
            closed.names.insert(name, account.at);
        }
    }

    /// Copies that are old enough to have the accounts of forgotten names have not been seen for a long time.
    fn forget_names(&mut self) {
        let names = &mut self.closed.names;
        while names.len() > MAX_CLOSED_NAMES
            && let Some(oldest) = names
                .iter()
                .min_by_key(|(name, at)| (**at, (*name).clone()))
                .map(|(name, _)| name.clone())
        {
            names.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
