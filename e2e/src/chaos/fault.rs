//! The faults: their target and kind, when they begin and how long they last. Pure.

use std::fmt;
use std::time::Duration;

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::processes::Role;

/// What a fault affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// One of our processes: its role and number.
    Instance(Role, usize),
    /// A NATS server, by number.
    Nats(usize),
    /// All NATS servers of a cluster.
    Cluster,
    /// A stream, bucket or consumer in NATS.
    Stored(Stored),
    /// The companies that the enrichers hide, which are changed by restarting one enricher after the other.
    HiddenCompanies,
    /// The third party that sends events.
    Emitter,
    /// The third party that knows who is behind an address.
    Deanonymizer,
}

/// A stream, bucket or consumer in NATS.
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

/// What happens to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// SIGKILL; started again when it is over.
    Kill,
    /// SIGTERM; started again when it is over.
    Stop,
    /// SIGSTOP; SIGCONT when it is over.
    Freeze,
    /// SIGSTOP for longer than every deadline except that of stale sessions.
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
    /// One more company is hidden or, if one is hidden, it is shown again.
    Change,
    /// It closes all connections.
    Close,
    /// It closes all connections and refuses new ones until it is over.
    Refuse,
    /// It sends nothing until the fault is over.
    Silence,
    /// It answers with 500 until it is over.
    Fail,
    /// It never answers until it is over.
    Hang,
}

/// A category of faults, which a run may leave out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum FaultCategory {
    /// Processes of ours and NATS servers are killed, stopped, and frozen for a moment.
    Processes,
    /// The third parties fail.
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

/// A fault that a target can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSpec {
    /// The fault.
    pub kind: FaultKind,
    /// The category that it belongs to.
    pub category: FaultCategory,
    /// The shortest and the longest that it lasts, in ms.
    pub lasting: (u64, u64),
}

/// One fault of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins, since the start of the round.
    pub at: Duration,
    /// The target.
    pub target: Target,
    /// The kind.
    pub kind: FaultKind,
    /// How long it lasts.
    pub lasting: Duration,
    /// The length of the step, if a clock steps.
    pub clock_step: Duration,
}

/// How far a clock steps at most.
pub const LARGEST_CLOCK_STEP: Duration = Duration::from_hours(1);

/// The pause between two enrichers that get new rules. During it, both rules are in force.
pub const RULES_STEP: Duration = Duration::from_secs(3);

const PROCESS: [FaultSpec; 7] = [
    spec(FaultKind::Kill, FaultCategory::Processes, (0, 3_000)),
    spec(FaultKind::Stop, FaultCategory::Processes, (0, 3_000)),
    spec(FaultKind::Freeze, FaultCategory::Processes, (0, 6_000)),
    spec(
        FaultKind::LongFreeze,
        FaultCategory::LongFreezes,
        (20_000, 30_000),
    ),
    spec(FaultKind::CutFromNats, FaultCategory::Cuts, (1_000, 25_000)),
    spec(FaultKind::ClockForwards, FaultCategory::Clocks, (100, 20_000)),
    spec(FaultKind::ClockBackwards, FaultCategory::Clocks, (100, 20_000)),
];

const INGESTOR: [FaultSpec; 8] = {
    let [kill, stop, freeze, long_freeze, cut, forwards, backwards] = PROCESS;
    let cut_from_emitter = spec(FaultKind::CutFromEmitter, FaultCategory::Cuts, (1_000, 25_000));
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
    spec(FaultKind::Kill, FaultCategory::Processes, (0, 5_000)),
    spec(FaultKind::Stop, FaultCategory::Processes, (0, 5_000)),
    spec(FaultKind::Freeze, FaultCategory::Processes, (0, 6_000)),
    spec(
        FaultKind::LongFreeze,
        FaultCategory::LongFreezes,
        (20_000, 30_000),
    ),
];

const CLUSTER: [FaultSpec; 1] = [spec(
    FaultKind::Kill,
    FaultCategory::ClusterRestarts,
    (2_000, 2_000),
)];

const STREAM: [FaultSpec; 2] = [
    spec(FaultKind::Delete, FaultCategory::Streams, (0, 0)),
    spec(FaultKind::Purge, FaultCategory::Streams, (0, 0)),
];

const CONSUMER: [FaultSpec; 1] = [spec(FaultKind::Delete, FaultCategory::Streams, (0, 0))];

/// Long enough to restart every enricher of the run.
const HIDDEN_COMPANIES: [FaultSpec; 1] = [spec(
    FaultKind::Change,
    FaultCategory::HiddenCompanies,
    (9_000, 9_000),
)];

const EMITTER: [FaultSpec; 3] = [
    spec(FaultKind::Close, FaultCategory::ThirdParties, (0, 0)),
    spec(FaultKind::Refuse, FaultCategory::ThirdParties, (0, 6_000)),
    spec(FaultKind::Silence, FaultCategory::ThirdParties, (0, 6_000)),
];

const DEANONYMIZER: [FaultSpec; 3] = [
    spec(FaultKind::Refuse, FaultCategory::ThirdParties, (0, 10_000)),
    spec(FaultKind::Fail, FaultCategory::ThirdParties, (0, 10_000)),
    spec(FaultKind::Hang, FaultCategory::ThirdParties, (0, 10_000)),
];

const fn spec(kind: FaultKind, category: FaultCategory, lasting: (u64, u64)) -> FaultSpec {
    FaultSpec {
        kind,
        category,
        lasting,
    }
}

impl Fault {
    /// When it is over, since the round began.
    #[must_use]
    pub fn over(&self) -> Duration {
        self.at + self.lasting
    }

    /// Whether the target is unavailable meanwhile. A process with a wrong clock is available.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        !matches!(self.kind, FaultKind::ClockForwards | FaultKind::ClockBackwards)
    }

    /// Whether the target is an ingestor that reads later what is sent meanwhile. The time of receipt counts.
    #[must_use]
    pub fn delays_receipts(&self) -> bool {
        matches!(self.target, Target::Instance(Role::Ingestor, _))
            && matches!(
                self.kind,
                FaultKind::Freeze | FaultKind::LongFreeze | FaultKind::CutFromEmitter
            )
    }
}

impl Target {
    /// The faults that it can have.
    #[must_use]
    pub fn faults(self) -> &'static [FaultSpec] {
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

    /// The category of a fault of this kind.
    #[must_use]
    pub fn category_of(self, kind: FaultKind) -> Option<FaultCategory> {
        let spec = self.faults().iter().find(|spec| spec.kind == kind);
        spec.map(|spec| spec.category)
    }

    /// Its name in tables.
    #[must_use]
    pub fn label(self) -> &'static str {
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
            Self::Instance(_, number) | Self::Nats(number) => write!(f, "{}-{number}", self.label()),
            Self::Cluster | Self::Stored(_) | Self::HiddenCompanies | Self::Emitter | Self::Deanonymizer => {
                f.write_str(self.label())
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
