//! What is done to whom, when, and for how long. Pure.

use std::fmt;
use std::time::Duration;

use crate::member::Role;

/// Who is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// One of our processes, and which one of its kind.
    Member(Role, usize),
    /// A NATS server, and which one.
    Nats(usize),
    /// The third party that sends events.
    Emitter,
    /// The third party that knows who is behind an address.
    Deanonymizer,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// SIGKILL; started again when it is over.
    Kill,
    /// SIGTERM; started again when it is over.
    Stop,
    /// SIGSTOP; SIGCONT when it is over.
    Freeze,
    /// It closes all connections.
    Close,
    /// It closes all connections and refuses new ones until it is over.
    Refuse,
    /// It says nothing until it is over.
    Silence,
    /// It answers with 500 until it is over.
    Fail,
    /// It never answers until it is over.
    Hang,
}

/// One fault of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// When, since the round began.
    pub at: Duration,
    /// Whom.
    pub victim: Victim,
    /// What.
    pub harm: Harm,
    /// For how long.
    pub lasting: Duration,
}

impl Strike {
    /// When it is over, since the round began.
    #[must_use]
    pub fn over(&self) -> Duration {
        self.at + self.lasting
    }
}

impl Victim {
    /// What can be done to it, each with the longest that it lasts, in ms.
    ///
    /// A process that is not frozen for longer than [`LONGEST_FREEZE`] reads what waited for it that much later, and by
    /// then it counts as received: so long the oracle does not know when an event was.
    #[must_use]
    pub fn harms(self) -> &'static [(Harm, u64)] {
        match self {
            Self::Member(..) => &[
                (Harm::Kill, 3_000),
                (Harm::Stop, 3_000),
                (Harm::Freeze, LONGEST_FREEZE_MS),
            ],
            Self::Nats(_) => &[
                (Harm::Kill, 5_000),
                (Harm::Stop, 5_000),
                (Harm::Freeze, LONGEST_FREEZE_MS),
            ],
            Self::Emitter => &[
                (Harm::Close, 1),
                (Harm::Refuse, 6_000),
                (Harm::Silence, LONGEST_FREEZE_MS),
            ],
            Self::Deanonymizer => &[(Harm::Refuse, 10_000), (Harm::Fail, 10_000), (Harm::Hang, 10_000)],
        }
    }

    /// Its kind, for tables.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Member(role, _) => role.name(),
            Self::Nats(_) => "nats-server",
            Self::Emitter => "emitter",
            Self::Deanonymizer => "Deanonymizer",
        }
    }
}

const LONGEST_FREEZE_MS: u64 = 6_000;

/// The longest that anything is frozen or silent.
pub const LONGEST_FREEZE: Duration = Duration::from_millis(LONGEST_FREEZE_MS);

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(_, number) | Self::Nats(number) => write!(f, "{}-{number}", self.kind()),
            Self::Emitter | Self::Deanonymizer => f.write_str(self.kind()),
        }
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "SIGKILL",
            Self::Stop => "SIGTERM",
            Self::Freeze => "SIGSTOP",
            Self::Close => "closes",
            Self::Refuse => "refuses",
            Self::Silence => "is silent",
            Self::Fail => "fails",
            Self::Hang => "hangs",
        })
    }
}
