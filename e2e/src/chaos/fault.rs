//! What is done to whom, when, and for how long. Pure.

use std::fmt;
use std::time::Duration;

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::processes::Role;

/// Who is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// One of our processes, and which one of its kind.
    Instance(Role, usize),
    /// A NATS server, and which one.
    Nats(usize),
    /// All NATS servers of a cluster.
    Cluster,
    /// What NATS keeps for us.
    Stored(Stored),
    /// The companies that the enrichers hide, which are changed by restarting one enricher after the other.
    HiddenCompanies,
    /// The third party that sends events.
    Emitter,
    /// The third party that knows who is behind an address.
    Deanonymizer,
}

/// What NATS keeps for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantArray)]
pub enum Stored {
    /// The work queue.
    #[strum(serialize = "VISITOR_RAW")]
    Raw,
    /// The records.
    #[strum(serialize = "VISITOR_SESSIONS")]
    Sessions,
    /// The latest activities.
    #[strum(serialize = "VISITOR_ACTIVITY")]
    Activity,
    /// The bucket of verdicts.
    #[strum(serialize = "KV_visitor_profiles")]
    Profiles,
    /// The rejected messages.
    #[strum(serialize = "VISITOR_REJECTED")]
    Rejected,
    /// The consumer that all enrichers share.
    #[strum(serialize = "consumer enricher")]
    Consumer,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// SIGKILL; started again when it is over.
    Kill,
    /// SIGTERM; started again when it is over.
    Stop,
    /// SIGSTOP; SIGCONT when it is over.
    Freeze,
    /// The same for longer than any deadline but that for stale sessions.
    LongFreeze,
    /// The wall clock is ahead until it is over.
    ClockForwards,
    /// The wall clock is behind until it is over.
    ClockBackwards,
    /// No packet passes between the process and NATS until it is over, and no connection is reset.
    CutFromNats,
    /// The same between an ingestor and the emitter.
    CutFromEmitter,
    /// It is deleted.
    Delete,
    /// All its messages are deleted.
    Purge,
    /// One more company is hidden or, where one is, it is shown again.
    Change,
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

/// A kind of faults, which a run may leave out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum FaultCategory {
    /// Processes of ours and NATS servers are killed, stopped, and frozen for a moment.
    Processes,
    /// The third parties misbehave.
    ThirdParties,
    /// Processes are frozen for longer than any deadline.
    LongFreezes,
    /// Wall clocks step, and no two of them agree.
    Clocks,
    /// Packets are dropped.
    Cuts,
    /// Streams, bucket and consumer are deleted or emptied.
    Streams,
    /// All servers of a cluster are killed at once.
    ClusterRestarts,
    /// The hidden companies change.
    HiddenCompanies,
}

/// What can be done to a victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSpec {
    /// What.
    pub harm: FaultKind,
    /// The kind of faults that it belongs to.
    pub kind: FaultCategory,
    /// The shortest and the longest that it lasts, in ms.
    pub lasting: (u64, u64),
}

/// One fault of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When, since the round began.
    pub at: Duration,
    /// Whom.
    pub victim: Target,
    /// What.
    pub harm: FaultKind,
    /// For how long.
    pub lasting: Duration,
    /// By how much, where a clock steps.
    pub clock_step: Duration,
}

/// How far a clock steps at most.
pub const LARGEST_CLOCK_STEP: Duration = Duration::from_hours(1);

/// The pause between two enrichers that are given new rules: for so long both rules are in force.
pub const RULES_STEP: Duration = Duration::from_secs(3);

const PROCESS: [FaultSpec; 7] = [
    sort(FaultKind::Kill, FaultCategory::Processes, (0, 3_000)),
    sort(FaultKind::Stop, FaultCategory::Processes, (0, 3_000)),
    sort(FaultKind::Freeze, FaultCategory::Processes, (0, 6_000)),
    sort(
        FaultKind::LongFreeze,
        FaultCategory::LongFreezes,
        (20_000, 30_000),
    ),
    sort(FaultKind::CutFromNats, FaultCategory::Cuts, (1_000, 25_000)),
    sort(FaultKind::ClockForwards, FaultCategory::Clocks, (100, 20_000)),
    sort(FaultKind::ClockBackwards, FaultCategory::Clocks, (100, 20_000)),
];

const INGESTOR: [FaultSpec; 8] = {
    let [kill, stop, freeze, long_freeze, cut, forwards, backwards] = PROCESS;
    let cut_from_emitter = sort(FaultKind::CutFromEmitter, FaultCategory::Cuts, (1_000, 25_000));
    [
        kill,
        stop,
        freeze,
        long_freeze,
        cut,
        forwards,
        backwards,
        cut_from_emitter,
    ]
};

const NATS: [FaultSpec; 4] = [
    sort(FaultKind::Kill, FaultCategory::Processes, (0, 5_000)),
    sort(FaultKind::Stop, FaultCategory::Processes, (0, 5_000)),
    sort(FaultKind::Freeze, FaultCategory::Processes, (0, 6_000)),
    sort(
        FaultKind::LongFreeze,
        FaultCategory::LongFreezes,
        (20_000, 30_000),
    ),
];

const CLUSTER: [FaultSpec; 1] = [sort(
    FaultKind::Kill,
    FaultCategory::ClusterRestarts,
    (2_000, 2_000),
)];

const STREAM: [FaultSpec; 2] = [
    sort(FaultKind::Delete, FaultCategory::Streams, (0, 0)),
    sort(FaultKind::Purge, FaultCategory::Streams, (0, 0)),
];

const CONSUMER: [FaultSpec; 1] = [sort(FaultKind::Delete, FaultCategory::Streams, (0, 0))];

/// Long enough for every enricher of the run to be restarted.
const HIDDEN_COMPANIES: [FaultSpec; 1] = [sort(
    FaultKind::Change,
    FaultCategory::HiddenCompanies,
    (9_000, 9_000),
)];

const EMITTER: [FaultSpec; 3] = [
    sort(FaultKind::Close, FaultCategory::ThirdParties, (0, 0)),
    sort(FaultKind::Refuse, FaultCategory::ThirdParties, (0, 6_000)),
    sort(FaultKind::Silence, FaultCategory::ThirdParties, (0, 6_000)),
];

const DEANONYMIZER: [FaultSpec; 3] = [
    sort(FaultKind::Refuse, FaultCategory::ThirdParties, (0, 10_000)),
    sort(FaultKind::Fail, FaultCategory::ThirdParties, (0, 10_000)),
    sort(FaultKind::Hang, FaultCategory::ThirdParties, (0, 10_000)),
];

const fn sort(harm: FaultKind, kind: FaultCategory, lasting: (u64, u64)) -> FaultSpec {
    FaultSpec { harm, kind, lasting }
}

impl Fault {
    /// When it is over, since the round began.
    #[must_use]
    pub fn over(&self) -> Duration {
        self.at + self.lasting
    }

    /// Whether the victim does not do its job meanwhile. A process whose clock is wrong does.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        !matches!(self.harm, FaultKind::ClockForwards | FaultKind::ClockBackwards)
    }

    /// Whether the victim, an ingestor, reads later what is sent meanwhile. Its receipt is what counts.
    #[must_use]
    pub fn delays_receipts(&self) -> bool {
        matches!(self.victim, Target::Instance(Role::Ingestor, _))
            && matches!(
                self.harm,
                FaultKind::Freeze | FaultKind::LongFreeze | FaultKind::CutFromEmitter
            )
    }
}

impl Target {
    /// What can be done to it.
    #[must_use]
    pub fn harms(self) -> &'static [FaultSpec] {
        match self {
            Self::Instance(Role::Ingestor, _) => &INGESTOR,
            Self::Instance(..) => &PROCESS,
            Self::Nats(_) => &NATS,
            Self::Cluster => &CLUSTER,
            Self::Stored(Stored::Consumer) => &CONSUMER,
            Self::Stored(_) => &STREAM,
            Self::HiddenCompanies => &HIDDEN_COMPANIES,
            Self::Emitter => &EMITTER,
            Self::Deanonymizer => &DEANONYMIZER,
        }
    }

    /// The kind of faults that such a harm to it belongs to.
    #[must_use]
    pub fn kind_of(self, harm: FaultKind) -> Option<FaultCategory> {
        let sort = self.harms().iter().find(|sort| sort.harm == harm);
        sort.map(|sort| sort.kind)
    }

    /// Its kind, for tables.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Instance(role, _) => role.name(),
            Self::Nats(_) => "nats-server",
            Self::Cluster => "NATS cluster",
            Self::Stored(stored) => stored.into(),
            Self::HiddenCompanies => "hidden companies",
            Self::Emitter => "emitter",
            Self::Deanonymizer => "Deanonymizer",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(_, number) | Self::Nats(number) => write!(f, "{}-{number}", self.kind()),
            Self::Cluster | Self::Stored(_) | Self::HiddenCompanies | Self::Emitter | Self::Deanonymizer => {
                f.write_str(self.kind())
            }
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "SIGKILL",
            Self::Stop => "SIGTERM",
            Self::Freeze => "SIGSTOP",
            Self::LongFreeze => "SIGSTOP, 20 to 30 s",
            Self::ClockForwards => "clock ahead",
            Self::ClockBackwards => "clock behind",
            Self::CutFromNats => "cut off from NATS",
            Self::CutFromEmitter => "cut off from the emitter",
            Self::Delete => "deleted",
            Self::Purge => "purged",
            Self::Change => "changed",
            Self::Close => "closes",
            Self::Refuse => "refuses",
            Self::Silence => "is silent",
            Self::Fail => "fails",
            Self::Hang => "hangs",
        })
    }
}
