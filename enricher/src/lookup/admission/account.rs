//! Whether the provider accepts our account, and who may call while it does not. Pure.
//!
//! The fleet keeps one entry about it in its bucket. While the account is refused or exhausted, one call per
//! `--account-retry` probes for the whole fleet: who replaces the entry makes it. An enricher whose key is another than the
//! refused one probes at once.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::Millis;
use protocol::status::Account;
use protocol::time::millis;
use serde::{Deserialize, Serialize};

use crate::lookup::pauses::LONGEST_RETRY_AFTER;

/// Tells keys to the provider apart without telling any: a keyed hash of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTag(Arc<str>);

impl KeyTag {
    /// Of a key whose digest begins so.
    pub fn new(digest: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(digest)).into())
    }
}

/// The provider refuses all calls of our account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whether our key is refused or the account exhausted.
    pub account: Account,
    /// The status that says so.
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

/// What the fleet knows of its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// How it stands.
    pub state: Account,
    /// The status that said so; 0 if it is accepted.
    #[serde(default)]
    pub status: u16,
    /// Since when.
    pub since: Millis,
    /// No probe before this.
    #[serde(default)]
    pub retry_at: Millis,
    /// The key that was used.
    pub key: KeyTag,
    /// The enricher that found out.
    pub by: Arc<str>,
}

impl AccountEntry {
    /// Why no enricher may call, if so.
    pub fn refusal(&self) -> Option<Refusal> {
        (self.state != Account::Ok).then_some(Refusal {
            account: self.state,
            status: self.status,
        })
    }

    /// The entry that replaces it after the refusal of a call that began at `began_at`; nothing if the account was accepted
    /// after that.
    pub fn after_refusal(before: Option<&Self>, told: Self, began_at: Millis) -> Option<Self> {
        match before {
            Some(before) if before.state == Account::Ok && before.since >= began_at => None,
            // A refusal without Retry-After does not shorten the wait of one that has it.
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

    /// The entry that replaces it when an enricher with this key probes now; nothing if it is not its turn.
    /// `untried`: it has not probed with this key before.
    pub fn probe(
        &self,
        key: &KeyTag,
        untried: bool,
        by: &Arc<str>,
        now: Millis,
        retry: Duration,
    ) -> Option<Self> {
        // A clock that was put back must not hold the probe up.
        let is_due = now >= self.retry_at || self.retry_at - now > millis(longest_wait(retry));
        (is_due || (untried && *key != self.key)).then(|| Self {
            retry_at: now + millis(retry),
            key: key.clone(),
            by: Arc::clone(by),
            ..self.clone()
        })
    }

    /// How long until the next probe.
    pub fn wait(&self, now: Millis, retry: Duration) -> Duration {
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
    /// A call without restriction.
    Free,
    /// A probe, if no other enricher makes it.
    Probe {
        /// Whether this key has not been tried.
        untried: bool,
    },
    /// Not now.
    Held(Refusal),
}

/// One enricher's view of the account.
#[derive(Debug, Default)]
pub struct AccountState {
    /// Whether the fleet has been asked.
    is_known: bool,
    /// The entry while the account is not accepted, and when the next probe is due.
    not_accepted: Option<(AccountEntry, Instant)>,
    own_key: Option<KeyTag>,
    /// The key with which this enricher has probed last, or was refused.
    tried: Option<KeyTag>,
    accepted_at: Option<Instant>,
}

impl AccountState {
    /// Whether the fleet has been asked since the start.
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

    /// Why the account is not accepted, as far as that is about the key that this enricher has now.
    pub fn refusal(&self) -> Option<Refusal> {
        let (entry, _) = self.not_accepted.as_ref()?;
        entry.refusal().filter(|_| !self.is_key_untried(entry))
    }

    /// The entry while the account is not accepted.
    pub fn not_accepted(&self) -> Option<&AccountEntry> {
        self.not_accepted.as_ref().map(|(entry, _)| entry)
    }

    /// This is the key in the key file now.
    pub fn has_key(&mut self, key: KeyTag) {
        self.own_key = Some(key);
    }

    /// The fleet's entry, or that there is none.
    pub fn learn(&mut self, entry: Option<AccountEntry>, wait: Duration, now: Instant) {
        self.is_known = true;
        match entry {
            Some(entry) if entry.state != Account::Ok => self.not_accepted = Some((entry, now + wait)),
            _ => self.accepted(now),
        }
    }

    /// A call of ours that began then was refused, and the next probe is due after `wait`. Tells whether the fleet must hear
    /// of it.
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

    /// We make the probe.
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
