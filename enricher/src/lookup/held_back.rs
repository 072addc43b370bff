//! Why no calls are made, in words and as a label. Pure.

use crate::lookup::admission::account::Refusal;
use crate::lookup::admission::budget::Budget;

/// Why a call is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeldBack {
    /// The breaker is open, because calls fail like this.
    #[error("{0}")]
    BreakerOpen(Outage),
    /// The Deanonymizer asked this enricher, or another one, for a pause.
    #[error("the Deanonymizer asked for a pause (Retry-After){}", reason(*.0))]
    PauseRequested(Option<Outage>),
    /// The provider does not accept our account.
    #[error("{0}")]
    Account(Refusal),
    /// The fleet has spent its budget.
    #[error("the lookup budget of {0} is used up")]
    BudgetUsedUp(Budget),
}

impl HeldBack {
    /// Each reason's label, and that of no reason.
    pub const TOKENS: [&'static str; 7] = [
        "none",
        "no-answer",
        "rate-limited",
        "status",
        "pause",
        "account",
        "budget",
    ];

    /// The reason as a metric label.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::BreakerOpen(outage) | Self::PauseRequested(Some(outage)) => match outage {
                Outage::Silent => "no-answer",
                Outage::RateLimited => "rate-limited",
                Outage::Status(_) => "status",
            },
            Self::PauseRequested(None) => "pause",
            Self::Account(_) => "account",
            Self::BudgetUsedUp(_) => "budget",
        }
    }
}

/// How calls fail that count against the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// It cannot be reached, or does not answer.
    #[error("the Deanonymizer does not answer")]
    Silent,
    /// It asks for fewer calls (429). Some providers report a used-up quota with this status.
    #[error("the Deanonymizer refuses calls with status 429: our rate limit or quota is used up")]
    RateLimited,
    /// It answers with this status.
    #[error("the Deanonymizer answers with status {0}")]
    Status(u16),
}

/// What the provider's request for a pause came with.
fn reason(outage: Option<Outage>) -> String {
    outage.map(|outage| format!("; {outage}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_names_how_calls_fail() {
        let quota = "the Deanonymizer refuses calls with status 429: our rate limit or quota is used up";
        for (outage, token, reason) in [
            (Outage::Silent, "no-answer", "the Deanonymizer does not answer"),
            (Outage::RateLimited, "rate-limited", quota),
            (
                Outage::Status(503),
                "status",
                "the Deanonymizer answers with status 503",
            ),
        ] {
            let (open, paused) = (
                HeldBack::BreakerOpen(outage),
                HeldBack::PauseRequested(Some(outage)),
            );
            assert_eq!(open.to_string(), reason);
            let asked = "the Deanonymizer asked for a pause (Retry-After)";
            assert_eq!(paused.to_string(), format!("{asked}; {reason}"));
            assert_eq!(HeldBack::PauseRequested(None).to_string(), asked);
            assert_eq!((open.token(), paused.token()), (token, token));
            assert!(HeldBack::TOKENS.contains(&token));
        }
    }
}
