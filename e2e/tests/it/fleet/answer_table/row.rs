//! A row of `docs/lookups.md`, in the words of the document.

use std::fmt;

use e2e::processes::Reply;

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The Deanonymizer's own.
    Native,
    /// That of a provider file.
    File,
}

/// What is shown of the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    CompanyAndContact,
    WithoutTheField,
    WithoutCompany,
    Never,
    NotYet,
}

/// For how long the verdict is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cached {
    ProfileTtl,
    UnknownTtl,
    No,
}

/// When the same address is asked about again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retried {
    Never,
    Soon,
    Unsent,
    OnceThenRarely,
    FourTimesThenRarely,
    Rarely,
    AfterTheWait,
    Queued,
    AccountProbe,
}

/// What is reported to operators besides the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    OnceNearlyAllFail(Outage),
    Paused(Outage),
    Account,
    KeyFile,
}

/// How calls fail, as operators are told while none are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outage {
    Silent,
    RateLimited,
    Status,
}

impl Outage {
    /// The label of `visitor_enricher_lookups_held_back`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Silent => "no-answer",
            Self::RateLimited => "rate-limited",
            Self::Status => "status",
        }
    }

    /// What `lookupsHeldBack` contains.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Silent => "the Deanonymizer does not answer",
            Self::RateLimited => "status 429: our rate limit or quota is used up",
            Self::Status => "the Deanonymizer answers with status ",
        }
    }
}

/// A row.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) protocol: Protocol,
    pub(super) answer: &'static str,
    /// What the provider answers an address with.
    pub(super) replies: fn(&str) -> Vec<Reply>,
    pub(super) shown: Shown,
    pub(super) cached: Cached,
    pub(super) paid: bool,
    pub(super) retried: Retried,
    /// The label of `lookups_failed_total`, or of `verdicts_total`.
    pub(super) counted: &'static str,
    pub(super) told: Told,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CompanyAndContact => "company and contact",
            Self::WithoutTheField => "without that field",
            Self::WithoutCompany => "without a company",
            Self::Never => "never",
            Self::NotYet => "not yet",
        })
    }
}

impl fmt::Display for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProfileTtl => "`--profile-ttl`",
            Self::UnknownTtl => "`--unknown-ttl`",
            Self::No => "no",
        })
    }
}

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "no",
            Self::Soon => "soon",
            Self::Unsent => "soon, then every 4 s",
            Self::OnceThenRarely => "once, then rarely",
            Self::FourTimesThenRarely => "4 times, then rarely",
            Self::Rarely => "rarely",
            Self::AfterTheWait => "after that time",
            Self::Queued => "after 2 s",
            Self::AccountProbe => "`--account-retry`",
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::OnceNearlyAllFail(outage) => write!(f, "{outage}, once nearly all calls fail"),
            Self::Paused(outage) => write!(f, "{outage}, and that calls are paused"),
            Self::Account => f.write_str("the state of the account, on `/readyz` too"),
            Self::KeyFile => f.write_str("what is wrong with the file, on `/readyz`"),
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "that it does not answer",
            Self::RateLimited => "that our rate limit or quota is used up",
            Self::Status => "the status",
        })
    }
}

impl fmt::Display for Row {
    /// The row of the document.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paid = if self.paid { "yes" } else { "no" };
        write!(
            f,
            "| {} | {} | {} | {paid} | {} | `{}` | {} |",
            self.answer, self.shown, self.cached, self.retried, self.counted, self.told
        )
    }
}
