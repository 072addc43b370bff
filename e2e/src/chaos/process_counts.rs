//! The processes of a chaos run.

/// The number of processes of each role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessCounts {
    /// Ingestors.
    pub ingestors: usize,
    /// Enrichers.
    pub enrichers: usize,
    /// Gateways.
    pub gateways: usize,
    /// NATS servers: one, or a cluster.
    pub nats_servers: usize,
}
