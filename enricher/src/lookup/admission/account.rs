//! Whether the provider accepts our account, and which enricher may call while it does not. Pure.
//!
//! The fleet keeps one entry about it in its bucket. While the account is refused or exhausted, one call per
//! `--account-retry` probes for the whole fleet: the enricher that replaces the entry makes it. An enricher whose key is not
//! the refused one probes at once.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::Timestamp;
use protocol::status::Account;
use protocol::time::millis;
use serde::{Deserialize, Serialize};

use crate::lookup::pauses::LONGEST_RETRY_AFTER;

/// Distinguishes keys to the provider without revealing any: the keyed hash of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTag(Arc<str>);

impl KeyTag {
    /// The hash of a key whose digest begins with these bytes.
    pub fn new(digest: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(digest)).into())
    }
}

/// The provider refuses all calls of our account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whether our key is refused or the account exhausted.
    pub account: Account,
    /// The HTTP status that reported it.
    pub status: u16,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.account {
            Account::Exhausted => write!(
                f,
                "our account at the Deanonymizer is exhausted ({})",
                self.status
            ),
            Account::Refused | Account::Ok => write!(f, "the Deanonymizer refused our key ({})", self.status),
        }
    }
}

impl Refusal {
    /// What happened, what it means and what to do.
    pub fn advice(self, has_key_file: bool) -> String {
        let status = self.status;
        match (self.account, has_key_file) {
            (Account::Exhausted, _) => format!(
                "Our account at the Deanonymizer is exhausted ({status}). New visitors are not identified until it has lookups left."
            ),
            (Account::Refused | Account::Ok, true) => format!(
                "The Deanonymizer refused our key ({status}). New visitors are not identified until DEANONYMIZER_KEY_FILE holds a valid key."
            ),
            (Account::Refused | Account::Ok, false) => format!(
                "The Deanonymizer refused a call without a key ({status}). New visitors are not identified until DEANONYMIZER_KEY_FILE names a file with a valid key."
            ),
        }
    }
}

/// What the fleet knows about its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// Its state.
    pub state: Account,
    /// The HTTP status that reported this state; 0 if the account is accepted.
    #[serde(default)]
    pub status: u16,
    /// Since when it has been in this state.
    pub since: Timestamp,
    /// No probe is made before this time.
    #[serde(default)]
    pub retry_at: Timestamp,
    /// The key that was used for the call.
    pub key: KeyTag,
    /// The enricher that made the call.
    pub by: Arc<str>,
}

impl AccountEntry {
    /// Why no enricher may make calls; `None` if they may.
    pub fn refusal(&self) -> Option<Refusal> {
        (self.state != Account::Ok).then_some(Refusal {
            account: self.state,
            status: self.status,
        })
    }

    /// The entry that replaces this one after the refusal of a call that began at `began_at`; `None` if the account was
    /// accepted after that.
    pub fn after_refusal(before: Option<&Self>, told: Self, began_at: Timestamp) -> Option<Self> {
        match before {
            Some(before) if before.state == Account::Ok && before.since >= began_at => None,
            // A refusal without Retry-After does not shorten the wait that an earlier Retry-After asked for.
            Some(before) if before.state == told.state => Some(Self {
                since: before.since,
                retry_at: if before.key == told.key {
                    before.retry_at.max(told.retry_at)
                } else {
                    told.retry_at
                },
                ..told
            }),
            _ => Some(told),
        }
    }

    /// The entry that replaces this one when an enricher with this key probes now; `None` if the probe is not due.
    /// `untried`: the enricher has not probed with this key before.
    pub fn probe(
        &self,
        key: &KeyTag,
        untried: bool,
        by: &Arc<str>,
        now: Timestamp,
        retry: Duration,
    ) -> Option<Self> {
        // A clock that was set back must not delay the probe.
        let is_due = now >= self.retry_at || self.retry_at - now > millis(longest_wait(retry));
        (is_due || (untried && *key != self.key)).then(|| Self {
            retry_at: now + retry,
            key: key.clone(),
            by: Arc::clone(by),
            ..self.clone()
        })
    }

    /// How long until the next probe.
    pub fn wait(&self, now: Timestamp, retry: Duration) -> Duration {
        Duration::from_millis(u64::try_from(self.retry_at - now).unwrap_or(0)).min(longest_wait(retry))
    }
}

/// The longest time without a probe.
fn longest_wait(retry: Duration) -> Duration {
    retry.max(LONGEST_RETRY_AFTER)
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Calls are not restricted.
    Free,
    /// A probe may be made, unless another enricher makes it.
    Probe {
        /// Whether this key has not been tried yet.
        untried: bool,
    },
    /// No call may be made now.
    Held(Refusal),
}

/// One enricher's view of the account.
#[derive(Debug, Default)]
pub struct AccountState {
    /// Whether the fleet's entry has been read.
    is_known: bool,
    /// The entry while the account is not accepted, and when the next probe is due.
    not_accepted: Option<(AccountEntry, Instant)>,
    own_key: Option<KeyTag>,
    /// The key with which this enricher last probed or was refused.
    tried: Option<KeyTag>,
    accepted_at: Option<Instant>,
}

impl AccountState {
    /// Whether the fleet's entry has been read since the start.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether a call may be made now.
    pub fn call(&self, now: Instant) -> Call {
        let Some((entry, retry_at)) = &self.not_accepted else {
            return Call::Free;
        };
        let untried = self.is_key_untried(entry);
        match entry.refusal() {
            Some(refusal) if !untried && now < *retry_at => Call::Held(refusal),
            _ => Call::Probe { untried },
        }
    }

    /// Why the account is not accepted, if that concerns the key that this enricher has now.
    pub fn refusal(&self) -> Option<Refusal> {
        let (entry, _) = self.not_accepted.as_ref()?;
        entry.refusal().filter(|_| !self.is_key_untried(entry))
    }

    /// The entry while the account is not accepted.
    pub fn not_accepted(&self) -> Option<&AccountEntry> {
        self.not_accepted.as_ref().map(|(entry, _)| entry)
    }

    /// Sets the key that is in the key file now.
    pub fn has_key(&mut self, key: KeyTag) {
        self.own_key = Some(key);
    }

    /// Sets the fleet's entry; `None` if there is none.
    pub fn learn(&mut self, entry: Option<AccountEntry>, wait: Duration, now: Instant) {
        self.is_known = true;
        match entry {
            Some(entry) if entry.state != Account::Ok => self.not_accepted = Some((entry, now + wait)),
            _ => self.accepted(now),
        }
    }

    /// A call of ours that began at `began_at` was refused, and the next probe is due after `wait`. Returns whether the fleet
    /// must be told.
    pub fn refused(&mut self, entry: AccountEntry, began: Instant, now: Instant, wait: Duration) -> bool {
        if self.accepted_at.is_some_and(|accepted_at| began <= accepted_at) {
            return false;
        }
        let is_news = self
            .not_accepted
            .as_ref()
            .is_none_or(|(before, _)| before.refusal() != entry.refusal() || before.key != entry.key);
        self.tried = Some(entry.key.clone());
        self.not_accepted = Some((entry, now + wait));
        is_news
    }

    /// This enricher makes the probe.
    pub fn probing(&mut self, entry: AccountEntry, now: Instant, retry: Duration) {
        self.tried = Some(entry.key.clone());
        self.not_accepted = Some((entry, now + retry));
    }

    /// The account is accepted.
    pub fn accepted(&mut self, now: Instant) {
        if self.not_accepted.take().is_some() {
            self.accepted_at = Some(now);
        }
    }

    fn is_key_untried(&self, entry: &AccountEntry) -> bool {
        self.own_key
            .as_ref()
            .is_some_and(|own| *own != entry.key && Some(own) != self.tried.as_ref())
    }
}

#[cfg(test)]
mod tests;
