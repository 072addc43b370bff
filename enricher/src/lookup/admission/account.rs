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

/// How long a probe with an address that was not refused has precedence, in any enricher.
const PRECEDENCE: Duration = Duration::from_secs(1);

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

/// The last refusal of a call that counted for its address only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressRefusal {
    /// The key of the address in the bucket.
    pub address: Arc<str>,
    /// When the call was refused.
    pub at: Timestamp,
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
    /// The last refusal that counted for its address only, while the account was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_refusal: Option<AddressRefusal>,
}

impl AccountEntry {
    /// Why no enricher may make calls; `None` if they may.
    pub fn refusal(&self) -> Option<Refusal> {
        (self.state != Account::Ok).then_some(Refusal {
            account: self.state,
            status: self.status,
        })
    }

    /// The entry that replaces this one, which is not accepted, after another refusal.
    pub fn refused_again(&self, refused: Self) -> Self {
        if self.state != refused.state {
            return refused;
        }
        // A refusal without Retry-After does not shorten the wait that an earlier Retry-After asked for.
        let retry_at = if self.key == refused.key {
            self.retry_at.max(refused.retry_at)
        } else {
            refused.retry_at
        };
        Self {
            since: self.since,
            retry_at,
            ..refused
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
    /// The key with which this enricher last had an answer, and when.
    own_answer: Option<(KeyTag, Timestamp)>,
    /// When any enricher last had an answer.
    answered_at: Option<Timestamp>,
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

    /// Whether a call may be made now for an address that the provider has refused. As a probe, it would show nothing if
    /// the provider refuses only that address, so a probe with another address has precedence.
    pub fn admits_refused(&self, now: Instant) -> bool {
        self.not_accepted
            .as_ref()
            .is_none_or(|(entry, retry_at)| self.is_key_untried(entry) || now >= *retry_at + PRECEDENCE)
    }

    /// This enricher had an answer with this key.
    pub fn answered(&mut self, key: KeyTag, now: Timestamp) {
        self.own_answer = Some((key, now));
        self.fleet_answered(now);
    }

    /// Some enricher had an answer.
    pub fn fleet_answered(&mut self, at: Timestamp) {
        self.answered_at = self.answered_at.max(Some(at));
    }

    /// When this enricher last had an answer with this key.
    pub fn accepted_with(&self, key: &KeyTag) -> Option<Timestamp> {
        let (_, at) = self.own_answer.as_ref().filter(|(used, _)| used == key)?;
        Some(*at)
    }

    /// When any enricher last had an answer.
    pub fn answered_at(&self) -> Option<Timestamp> {
        self.answered_at
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

    /// Whether a call that began then says nothing about the account, because it was accepted later.
    pub fn was_accepted_after(&self, began: Instant) -> bool {
        self.accepted_at.is_some_and(|accepted_at| began <= accepted_at)
    }

    /// Whether the fleet knows already what this refusal says.
    pub fn knows(&self, refused: &AccountEntry) -> bool {
        self.not_accepted
            .as_ref()
            .is_some_and(|(entry, _)| entry.refusal() == refused.refusal() && entry.key == refused.key)
    }

    /// The account was refused, and the next probe is due after `wait`.
    pub fn refused(&mut self, entry: AccountEntry, now: Instant, wait: Duration) {
        self.tried = Some(entry.key.clone());
        self.not_accepted = Some((entry, now + wait));
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
