//! What a pipeline consists of.

use std::collections::BTreeMap;
use std::time::Duration;

use simulator::deanonymizer::DeanonymizerConfig;
use simulator::emitter::EmitterConfig;

use crate::processes::instance::Role;

/// How the processes connect to NATS, and ingestors to the emitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NatsAccess {
    Direct,
    ThroughProxies,
}

/// What a pipeline consists of, and how its processes are started.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) counts: BTreeMap<Role, usize>,
    pub(super) flags: BTreeMap<Role, BTreeMap<String, String>>,
    pub(super) stale_after: Duration,
    pub(super) emitter: EmitterConfig,
    pub(super) deanonymizer: DeanonymizerConfig,
    pub(super) log_filter: String,
    pub(super) encrypted: bool,
    pub(super) turns: u32,
    pub(super) cluster: bool,
    pub(super) fake_clocks: bool,
    pub(super) nats_access: NatsAccess,
}
