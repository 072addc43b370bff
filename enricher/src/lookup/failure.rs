//! How a lookup fails, and what follows from it for retries, health and the bill. Pure.

use std::sync::Arc;
use std::time::Duration;

use protocol::Millis;
use protocol::status::Account;
use service::bucket::BucketError;

use crate::lookup::admission::account::Refusal;
use crate::lookup::admission::budget::Budget;
use crate::lookup::admission::concurrency::CallOutcome;
use crate::lookup::cache::deferral::{Deferral, Unusable};

/// When a queued question is asked again where the provider does not say.
const QUEUED_PAUSE: Duration = Duration::from_secs(2);

/// Why a call is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeldBack {
    /// The breaker is open.
    #[error("the Deanonymizer does not answer")]
    BreakerOpen,
    /// The Deanonymizer asked for it.
    #[error("the Deanonymizer asked for a pause (Retry-After)")]
    LeftAlone,
    /// The provider does not accept our account.
    #[error("{0}")]
    Account(Refusal),
    /// The fleet has spent its budget.
    #[error("the lookup budget of {0} is used up")]
    BudgetUsedUp(Budget),
}

/// What a failed lookup says of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryKind {
    /// The provider failed at random, as it does: the next call may succeed.
    Transient,
    /// The answers for this address are unusable, and the fleet asks again after this time.
    Deferred {
        /// So long.
        wait: Duration,
        /// Whether a usable answer for another address brings a call before that.
        early_retry: bool,
    },
    /// No address has an answer until calls are made again; others come first then.
    Later,
    /// No call was made, so that the next attempt costs nothing either.
    NotSent,
    /// The provider works on the answer; it is asked again after this time.
    Queued(Duration),
}

/// For how long the provider asks for no further call (RFC 9110 section 10.2.3); `None` where it does not say.
pub type RetryAfter = Option<Duration>;

/// A lookup that brought no verdict; it is tried again later and is never cached.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookupFailure {
    /// No connection, so nothing was sent and nothing can be billed.
    #[error("the Deanonymizer cannot be reached")]
    Unreachable(#[source] Arc<reqwest::Error>),
    /// The connection broke during the call.
    #[error("the connection to the Deanonymizer broke")]
    Interrupted(#[source] Arc<reqwest::Error>),
    /// No answer in time.
    #[error("the Deanonymizer did not answer in time")]
    Timeout,
    /// It asks us to slow down (429).
    #[error("the Deanonymizer is answering too many calls")]
    RateLimited(RetryAfter),
    /// A server error (5xx), or a status without a meaning to us.
    #[error("the Deanonymizer answered with status {0}")]
    Status(u16, RetryAfter),
    /// It refuses our key.
    #[error("the Deanonymizer refused our key ({0})")]
    AccountRefused(u16, RetryAfter),
    /// Our account has no calls left.
    #[error("our account at the Deanonymizer is exhausted ({0})")]
    AccountExhausted(u16, RetryAfter),
    /// It does not want this question (400, 422 and the like), however often it is asked.
    #[error("the Deanonymizer rejected the question ({0})")]
    Rejected(u16, RetryAfter),
    /// It works on the answer; the same question brings it later.
    #[error("the Deanonymizer has queued the question")]
    Queued(RetryAfter),
    /// The file with the key cannot be used now, so nothing was sent.
    #[error("--deanonymizer-key-file cannot be used: {0}")]
    KeyUnusable(Arc<str>),
    /// A body that is no JSON, or broken off.
    #[error("the Deanonymizer's answer is no JSON")]
    NotJson,
    /// JSON without what must be there, or with another type.
    #[error("the Deanonymizer's answer has an unexpected structure")]
    WrongForm,
    /// An answer about another address.
    #[error("the Deanonymizer answered for another address")]
    OtherIp,
    /// A body larger than any answer.
    #[error("the Deanonymizer's answer is too large")]
    TooLarge,
    /// No call was made.
    #[error(transparent)]
    HeldBack(#[from] HeldBack),
    /// No call is made, because the answers for this address are unusable and it is too early to ask again.
    #[error("the answers for this address are unusable, it is asked about again later")]
    Deferred(Deferral),
    /// No call was made, because nobody waits for the answer any longer.
    #[error("nobody waits for the verdict any longer")]
    NotWanted,
    /// No call was made, because the fleet's bucket cannot say whether another makes it.
    #[error("the fleet's bucket cannot be asked")]
    SharedCache(#[source] Arc<BucketError>),
}

/// What a failure says about the provider, which decides when to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The provider was not asked.
    NotAsked,
    /// No connection: nothing was sent.
    Unreachable,
    /// The connection broke while the call was under way.
    Interrupted,
    /// No answer in time.
    TimedOut,
    /// The provider asks for fewer calls.
    Throttled,
    /// A server error (5xx), or a status without a meaning to us.
    ServerError,
    /// The answer about this address is unusable, and asking again is unlikely to change it.
    Unusable,
    /// The account is refused or exhausted: no address has an answer until somebody mends it.
    Account,
    /// The provider works on it: ask for this address again later.
    Queued,
}

impl From<BucketError> for LookupFailure {
    fn from(error: BucketError) -> Self {
        Self::SharedCache(Arc::new(error))
    }
}

impl LookupFailure {
    /// Every kind's label.
    pub const TOKENS: [&'static str; 18] = [
        "unreachable",
        "interrupted",
        "timeout",
        "rate-limited",
        "status",
        "refused",
        "exhausted",
        "rejected",
        "queued",
        "key-unusable",
        "not-json",
        "wrong-form",
        "other-ip",
        "too-large",
        "held-back",
        "deferred",
        "not-wanted",
        "fleet",
    ];

    /// What it says about the provider.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Unreachable(_) => FailureKind::Unreachable,
            Self::Interrupted(_) => FailureKind::Interrupted,
            Self::Timeout => FailureKind::TimedOut,
            Self::RateLimited(_) => FailureKind::Throttled,
            Self::Status(..) => FailureKind::ServerError,
            Self::AccountRefused(..) | Self::AccountExhausted(..) => FailureKind::Account,
            Self::Queued(_) => FailureKind::Queued,
            Self::Rejected(..) | Self::NotJson | Self::WrongForm | Self::OtherIp | Self::TooLarge => {
                FailureKind::Unusable
            }
            Self::KeyUnusable(_)
            | Self::HeldBack(_)
            | Self::Deferred(_)
            | Self::NotWanted
            | Self::SharedCache(_) => FailureKind::NotAsked,
        }
    }

    /// Why the answer is unusable, where the provider did answer.
    #[must_use]
    pub fn unusable(&self) -> Option<Unusable> {
        match (self.kind(), self) {
            (FailureKind::Unusable, Self::Rejected(_, retry_after)) => Some(Unusable::Rejected {
                retry_after: *retry_after,
            }),
            (FailureKind::Unusable, Self::NotJson) => Some(Unusable::Damaged),
            (FailureKind::Unusable, _) => Some(Unusable::Malformed),
            _ => None,
        }
    }

    /// Whether the call has to be paid: it was sent, and the provider did not turn it away before looking.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        match self.kind() {
            FailureKind::NotAsked | FailureKind::Unreachable | FailureKind::Account | FailureKind::Queued => {
                false
            }
            FailureKind::Interrupted
            | FailureKind::TimedOut
            | FailureKind::Throttled
            | FailureKind::ServerError
            | FailureKind::Unusable => true,
        }
    }

    /// For how long the provider asks for no further call, whatever its status.
    #[must_use]
    pub fn retry_after(&self) -> RetryAfter {
        match self {
            Self::RateLimited(wait)
            | Self::Queued(wait)
            | Self::Status(_, wait)
            | Self::AccountRefused(_, wait)
            | Self::AccountExhausted(_, wait)
            | Self::Rejected(_, wait) => *wait,
            Self::Unreachable(_)
            | Self::Interrupted(_)
            | Self::Timeout
            | Self::KeyUnusable(_)
            | Self::NotJson
            | Self::WrongForm
            | Self::OtherIp
            | Self::TooLarge
            | Self::HeldBack(_)
            | Self::Deferred(_)
            | Self::NotWanted
            | Self::SharedCache(_) => None,
        }
    }

    /// What it says of our account.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let (account, status) = match self {
            Self::AccountRefused(status, _) => (Account::Refused, *status),
            Self::AccountExhausted(status, _) => (Account::Exhausted, *status),
            _ => return None,
        };
        Some(Refusal { account, status })
    }

    /// For how long the whole fleet makes no calls because the provider asks for it. What concerns the account or one
    /// address lengthens their pause instead.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        match self.kind() {
            FailureKind::Throttled | FailureKind::ServerError => self.retry_after(),
            FailureKind::Account
            | FailureKind::NotAsked
            | FailureKind::Unreachable
            | FailureKind::Interrupted
            | FailureKind::TimedOut
            | FailureKind::Unusable
            | FailureKind::Queued => None,
        }
    }

    /// What a failed call of this duration says about the provider's capacity.
    #[must_use]
    pub fn call_outcome(&self, took: Duration) -> CallOutcome {
        match self {
            Self::RateLimited(_) | Self::Status(503, _) => CallOutcome::Overloaded,
            Self::Timeout => CallOutcome::TimedOut,
            Self::Queued(_) => CallOutcome::Answered(took),
            failure if failure.is_paid() && !matches!(failure, Self::Interrupted(_)) => {
                CallOutcome::Answered(took)
            }
            _ => CallOutcome::Unconnected,
        }
    }

    /// When to ask again for the same address.
    #[must_use]
    pub fn retry(&self, now: Millis) -> RetryKind {
        if let Self::Deferred(deferral) = self {
            return RetryKind::Deferred {
                wait: deferral.wait(now),
                early_retry: deferral.early_retry,
            };
        }
        match self.kind() {
            FailureKind::NotAsked | FailureKind::Unreachable => RetryKind::NotSent,
            // Others come first: the probe must not be about the same address each time.
            FailureKind::Account => RetryKind::Later,
            FailureKind::Interrupted
            | FailureKind::TimedOut
            | FailureKind::Throttled
            | FailureKind::ServerError
            // An unusable answer is deferred before anybody asks.
            | FailureKind::Unusable => RetryKind::Transient,
            FailureKind::Queued => RetryKind::Queued(self.retry_after().unwrap_or(QUEUED_PAUSE)),
        }
    }

    /// The kind as a metric label.
    #[must_use]
    pub fn token(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Interrupted(_) => "interrupted",
            Self::Timeout => "timeout",
            Self::RateLimited(_) => "rate-limited",
            Self::Status(..) => "status",
            Self::AccountRefused(..) => "refused",
            Self::AccountExhausted(..) => "exhausted",
            Self::Rejected(..) => "rejected",
            Self::Queued(_) => "queued",
            Self::KeyUnusable(_) => "key-unusable",
            Self::NotJson => "not-json",
            Self::WrongForm => "wrong-form",
            Self::OtherIp => "other-ip",
            Self::TooLarge => "too-large",
            Self::HeldBack(_) => "held-back",
            Self::Deferred(_) => "deferred",
            Self::NotWanted => "not-wanted",
            Self::SharedCache(_) => "fleet",
        }
    }
}

#[cfg(test)]
mod tests;
