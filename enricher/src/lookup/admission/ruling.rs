//! Whether the refusal of a call concerns our account or only the call's address. Pure.
//!
//! A provider may refuse one address, by a policy or a firewall, although it accepts our account. So beside recent answers, a
//! refusal counts for its address only. The account counts as refused when the next call to be refused, with no answer of
//! the fleet in between, is for another address.

use std::sync::Arc;
use std::time::Duration;

use protocol::Timestamp;
use protocol::status::Account;
use protocol::time::{millis, unix_ms};

use super::account::{AccountEntry, AddressRefusal};

/// How long an answer shows that our key is accepted. After that, the first refusal counts for the account.
const RECENT: Duration = Duration::from_mins(10);

/// A call that the provider refused.
#[derive(Debug)]
pub struct RefusedCall {
    /// The fleet's entry if our account is refused.
    pub entry: AccountEntry,
    /// The key of the call's address in the bucket.
    pub address: Arc<str>,
    /// When the call began.
    pub began_at: Timestamp,
    /// When this enricher last had an answer with the same key.
    pub accepted_at: Option<Timestamp>,
    /// When any enricher last had an answer.
    pub answered_at: Option<Timestamp>,
}

/// What a refusal concerns, and the fleet's entry that follows.
#[derive(Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Our account.
    Account(AccountEntry),
    /// Only the address; `None` if the entry stays as it is.
    Address(Option<AccountEntry>),
}

impl Ruling {
    /// The entry that is to be written.
    pub fn entry(&self) -> Option<&AccountEntry> {
        match self {
            Self::Account(entry) => Some(entry),
            Self::Address(entry) => entry.as_ref(),
        }
    }
}

impl RefusedCall {
    /// What the refusal concerns, given the fleet's entry `before` it.
    pub fn ruling(&self, before: Option<&AccountEntry>) -> Ruling {
        match before {
            Some(before) if before.state != Account::Ok => {
                Ruling::Account(before.refused_again(self.entry.clone()))
            }
            // The account was accepted after the call began.
            Some(before) if before.since >= self.began_at => Ruling::Address(None),
            before => self.ruling_while_accepted(before),
        }
    }

    fn ruling_while_accepted(&self, before: Option<&AccountEntry>) -> Ruling {
        let same_key = before.filter(|before| before.key == self.entry.key);
        let accepted_at = self.accepted_at.max(same_key.map(|before| before.since));
        let answered_at = self.answered_at.max(accepted_at);
        let now = self.entry.since;
        if accepted_at.is_none_or(|at| (now - at).abs() > millis(RECENT)) {
            return Ruling::Account(self.entry.clone());
        }
        let last = same_key.and_then(|before| before.address_refusal.as_ref());
        match last.filter(|last| Some(last.at) > answered_at) {
            Some(last) if last.address != self.address => Ruling::Account(self.entry.clone()),
            Some(_) => Ruling::Address(None),
            None => Ruling::Address(Some(AccountEntry {
                state: Account::Ok,
                status: 0,
                since: same_key.map_or(unix_ms(0), |before| before.since),
                retry_at: unix_ms(0),
                address_refusal: Some(AddressRefusal {
                    address: Arc::clone(&self.address),
                    at: now,
                }),
                ..self.entry.clone()
            })),
        }
    }
}

#[cfg(test)]
mod tests;
