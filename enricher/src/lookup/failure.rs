//! How a lookup fails, and what follows from it for retries, health and the bill. Pure.

use std::sync::Arc;
use std::time::Duration;

use protocol::Timestamp;
use protocol::status::Account;
use service::bucket::BucketError;

use crate::lookup::admission::account::Refusal;
use crate::lookup::admission::concurrency::CallOutcome;
use crate::lookup::cache::deferral::{Deferral, Unusable};
use crate::lookup::held_back::{HeldBack, Outage};

/// When a queued request is repeated if the provider does not say.
const QUEUED_PAUSE: Duration = Duration::from_secs(2);

/// What a failed lookup means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryKind {
    /// A random failure of the provider: the next call may succeed.
    Transient,
    /// The answers for this address are unusable, and the fleet asks again after a pause.
    Deferred {
        /// The length of the pause.
        wait: Duration,
        /// Whether a usable answer for another address triggers a call before that.
        early_retry: bool,
    },
    /// No address gets an answer until calls are made again. Then other addresses come first: if the provider refuses only
    /// this one, a probe with it would show nothing.
    Refused,
    /// No call was made, so the next attempt costs nothing extra.
    NotSent,
    /// The provider is still working on the answer; the request is repeated after this time.
    Queued(Duration),
}

/// How long the provider asks us to make no further call (RFC 9110 section 10.2.3); `None` if it does not say.
pub type RetryAfter = Option<Duration>;

/// A lookup that yielded no verdict. It is retried later and never cached.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookupFailure {
    /// No connection, so nothing was sent and nothing can be billed.
    #[error("the Deanonymizer cannot be reached")]
    Unreachable(#[source] Arc<reqwest::Error>),
    /// The connection broke during the call.
    #[error("the connection to the Deanonymizer broke")]
    Interrupted(#[source] Arc<reqwest::Error>),
    /// The call timed out.
    #[error("the Deanonymizer did not answer in time")]
    Timeout,
    /// The provider asks us to slow down (429).
    #[error("the Deanonymizer received too many calls")]
    RateLimited(RetryAfter),
    /// A server error (5xx), or a status without a defined meaning.
    #[error("the Deanonymizer answered with status {0}")]
    Status(u16, RetryAfter),
    /// The provider refuses our key.
    #[error("the Deanonymizer refused our key ({0})")]
    AccountRefused(u16, RetryAfter),
    /// Our account has no calls left.
    #[error("our account at the Deanonymizer is exhausted ({0})")]
    AccountExhausted(u16, RetryAfter),
    /// The provider rejects the request (400, 422 and the like) each time.
    #[error("the Deanonymizer rejected the request ({0})")]
    Rejected(u16, RetryAfter),
    /// The provider is still working on the answer; the same request returns it later.
    #[error("the Deanonymizer has queued the request")]
    Queued(RetryAfter),
    /// The file with the key cannot be used now, so nothing was sent.
    #[error("the key cannot be used: {0}")]
    KeyUnusable(Arc<str>),
    /// The body is not JSON, or is truncated.
    #[error("the Deanonymizer's answer is not valid JSON")]
    NotJson,
    /// JSON in which a required field is missing or has the wrong type.
    #[error("the Deanonymizer's answer has an unexpected structure")]
    WrongForm,
    /// The answer is about another address.
    #[error("the Deanonymizer answered for another address")]
    OtherIp,
    /// The body is larger than any valid answer.
    #[error("the Deanonymizer's answer is too large")]
    TooLarge,
    /// No call was made.
    #[error(transparent)]
    HeldBack(#[from] HeldBack),
    /// No call is made, because the answers for this address are unusable and it is too early to ask again.
    #[error("the answers for this address are unusable; it is looked up again later")]
    Deferred(Deferral),
    /// No call was made, because nobody is waiting for the answer any longer.
    #[error("nobody is waiting for the verdict any longer")]
    NotWanted,
    /// No call was made, because without the fleet's bucket it is unknown whether another enricher makes it.
    #[error("the fleet's bucket cannot be read")]
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
    /// The call timed out.
    TimedOut,
    /// The provider asks for fewer calls.
    Throttled,
    /// A server error (5xx), or a status without a defined meaning.
    ServerError,
    /// The answer about this address is unusable, and asking again is unlikely to change it.
    Unusable,
    /// The account is refused or exhausted: no address gets an answer until somebody fixes that. Or the provider refuses
    /// only this address.
    Account,
    /// The provider is still working on it: ask for this address again later.
    Queued,
}

impl From<BucketError> for LookupFailure {
    fn from(error: BucketError) -> Self {
        Self::SharedCache(Arc::new(error))
    }
}

impl LookupFailure {
    /// The label of each way in which a call fails.
    pub const TOKENS: [&'static str; 14] = [
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
    ];

    /// What the failure says about the provider.
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

    /// Why the answer is unusable, if the provider answered.
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

    /// Whether the call must be paid for: it was sent, and the provider did not refuse it before the lookup.
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

    /// How long the provider asks us to make no further call, whatever its status.
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

    /// What the failure says about our account.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let (account, status) = match self {
            Self::AccountRefused(status, _) => (Account::Refused, *status),
            Self::AccountExhausted(status, _) => (Account::Exhausted, *status),
            _ => return None,
        };
        Some(Refusal { account, status })
    }

    /// How long the whole fleet makes no calls because the provider asked for that. A `Retry-After` that concerns the
    /// account or one address lengthens the pause of that account or address instead.
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

    /// How the call failed, if that counts against the provider.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self.kind() {
            FailureKind::Throttled => Some(Outage::RateLimited),
            FailureKind::Unreachable | FailureKind::Interrupted | FailureKind::TimedOut => {
                Some(Outage::Silent)
            }
            FailureKind::ServerError => match self {
                Self::Status(status, _) => Some(Outage::Status(*status)),
                _ => None,
            },
            FailureKind::NotAsked | FailureKind::Unusable | FailureKind::Account | FailureKind::Queued => {
                None
            }
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
    pub fn retry(&self, now: Timestamp) -> RetryKind {
        if let Self::Deferred(deferral) = self {
            return RetryKind::Deferred {
                wait: deferral.wait(now),
                early_retry: deferral.early_retry,
            };
        }
        match self.kind() {
            FailureKind::NotAsked | FailureKind::Unreachable => RetryKind::NotSent,
            // A refusal of the address only is deferred before this is called.
            FailureKind::Account => RetryKind::Refused,
            FailureKind::Interrupted
            | FailureKind::TimedOut
            | FailureKind::Throttled
            | FailureKind::ServerError
            // An unusable answer is deferred before this is called.
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
