//! The settings of each stream and bucket.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use protocol::{stream, subject};

use crate::process::flags::{Common, Storage, StreamLimits};

/// A stream or bucket of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// `VISITOR_RAW`, a work queue.
    Raw,
    /// `VISITOR_SESSIONS`: the last message of each session.
    Sessions,
    /// `VISITOR_ACTIVITY`: last activities.
    Activity {
        /// How long a session may be silent; activities are kept for twice as long.
        stale_after: Duration,
    },
    /// `VISITOR_REJECTED`: what could not be used.
    Rejected,
    /// The bucket `visitor_profiles`.
    Profiles,
    /// The bucket `visitor_secrets`.
    Secrets,
    /// The bucket `visitor_notified`.
    Notified,
}

impl StreamKind {
    /// The settings of the stream, with the storage, copies and limits of the flags.
    #[must_use]
    pub fn config(self, flags: &Common) -> Config {
        Config {
            storage: match flags.nats_storage {
                Storage::Memory => StorageType::Memory,
                Storage::File => StorageType::File,
            },
            num_replicas: flags.nats_replicas.into(),
            metadata: application(),
            ..self.own_config(&flags.limits)
        }
    }

    /// The settings in which the streams differ.
    fn own_config(self, limits: &StreamLimits) -> Config {
        match self {
            Self::Raw => Config {
                name: stream::RAW.into(),
                description: Some("The emitter's events until an enricher has handled them".into()),
                subjects: vec![subject::RAW.into()],
                retention: RetentionPolicy::WorkQueue,
                max_age: stream::RAW_MAX_AGE,
                max_bytes: bytes(limits.raw_mib),
                // A full queue refuses new events, which then wait in the ingestors, instead of dropping its oldest
                // silently.
                discard: DiscardPolicy::New,
                ..Config::default()
            },
            Self::Sessions => Config {
                name: stream::SESSIONS.into(),
                description: Some("The record or tombstone of each session: the view".into()),
                subjects: vec![subject::SESSIONS.into()],
                max_messages_per_subject: 1,
                max_bytes: bytes(limits.sessions_mib),
                // At the limit no message may be dropped, because it may be the record of a live session. A message can
                // still replace one on its subject that is as large or larger, as a tombstone does.
                discard: DiscardPolicy::New,
                allow_direct: true,
                allow_message_ttl: true,
                ..Config::default()
            },
            Self::Activity { stale_after } => Config {
                name: stream::ACTIVITY.into(),
                description: Some("Last activities of sessions whose record is out".into()),
                subjects: vec![subject::ACTIVITIES.into()],
                max_age: stale_after * 2,
                max_bytes: bytes(limits.activity_mib),
                ..Config::default()
            },
            Self::Rejected => Config {
                name: stream::REJECTED.into(),
                description: Some("What could not be used, with the reason".into()),
                subjects: vec![subject::REJECTED.into()],
                max_age: Duration::from_hours(1),
                max_messages: 10_000,
                max_bytes: bytes(limits.rejected_mib),
                ..Config::default()
            },
            Self::Profiles => bucket(
                stream::PROFILES,
                "Filtered profile or verdict for each IP, and lookup leases",
                bytes(limits.profiles_mib),
            ),
            Self::Secrets => bucket(
                stream::SECRETS,
                "What only enrichers may read",
                bytes(limits.secrets_mib),
            ),
            Self::Notified => bucket(
                stream::NOTIFIED,
                "The companies whose arrival was told or waits to be told",
                bytes(limits.notified_mib),
            ),
        }
    }
}

/// The metadata of every stream and consumer of ours.
pub fn application() -> HashMap<String, String> {
    [("application".to_owned(), "visitor-pipeline".to_owned())].into()
}

fn bytes(mib: u32) -> i64 {
    i64::from(mib) << 20
}

/// A KV bucket whose entries have their own TTL. At its limit the oldest entries are dropped: refusing new ones would stop
/// all lookups, because a lookup needs a lease.
fn bucket(name: &str, description: &str, max_bytes: i64) -> Config {
    Config {
        name: format!("KV_{name}"),
        description: Some(description.into()),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        max_bytes,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        allow_message_ttl: true,
        subject_delete_marker_ttl: Some(Duration::from_mins(1)),
        ..Config::default()
    }
}
