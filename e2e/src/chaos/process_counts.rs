//! The processes of a chaos run.

/// How many there are of each kind of process.
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
