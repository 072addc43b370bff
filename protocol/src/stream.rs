//! Names of streams, consumers and buckets, and how long each thing is kept.

use std::time::Duration;

/// Raw events, a work queue.
pub const RAW: &str = "VISITOR_RAW";
/// Records and tombstones: the last message of each session.
pub const SESSIONS: &str = "VISITOR_SESSIONS";
/// Last activities.
pub const ACTIVITY: &str = "VISITOR_ACTIVITY";
/// What could not be used.
pub const REJECTED: &str = "VISITOR_REJECTED";
/// The fleet's profiles and lookup leases, a KV bucket.
pub const PROFILES: &str = "visitor_profiles";
/// What only enrichers may read, such as the key that addresses are hashed with; a KV bucket.
pub const SECRETS: &str = "visitor_secrets";
/// The durable consumer of [`RAW`] that all enrichers share.
pub const ENRICHER: &str = "enricher";

/// How long a raw event waits for an enricher.
pub const RAW_MAX_AGE: Duration = Duration::from_mins(10);
/// How long the record of an active session is kept.
pub const RECORD_TTL: Duration = Duration::from_hours(24);
/// How long the record of a session gone stale is kept.
pub const STALE_RECORD_TTL: Duration = Duration::from_mins(15);
/// How long a closing is remembered after the last event of its session.
pub const TOMBSTONE_TTL: Duration = Duration::from_mins(10);
