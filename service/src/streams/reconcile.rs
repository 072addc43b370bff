//! Compares the settings of a stream with the configured ones, and decides what to change. Pure.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, StorageType};

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name, as in the stream's configuration.
    pub setting: &'static str,
    /// What it is.
    pub found: String,
    /// What it should be.
    pub wanted: String,
}

impl Difference {
    /// Whether the setting is only descriptive, so that a process does not depend on it.
    #[must_use]
    pub fn is_label(&self) -> bool {
        ["description", "metadata"].contains(&self.setting)
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            setting,
            found,
            wanted,
        } = self;
        write!(f, "{setting} is {found} and should be {wanted}")
    }
}

/// What to do about a stream that exists.
#[derive(Clone, Debug)]
pub enum Plan {
    /// It has the configured settings.
    Keep,
    /// NATS may be able to change the differences while the stream is in use.
    Update {
        /// The whole configuration to set.
        config: Box<Config>,
        /// What changes.
        differences: Vec<Difference>,
    },
    /// NATS cannot change this one.
    Refuse(Difference),
}

/// Compares the settings. Additional permissions are kept, such as direct reads or message TTLs that nothing here uses.
#[must_use]
pub fn plan(found: &Config, wanted: &Config) -> Plan {
    if let Some(difference) = fixed_difference(found, wanted) {
        return Plan::Refuse(difference);
    }
    let differences = changeable_differences(found, wanted);
    if differences.is_empty() {
        return Plan::Keep;
    }
    let config = Box::new(merged(found, wanted));
    Plan::Update { config, differences }
}

/// The first setting that differs and that NATS cannot change.
fn fixed_difference(found: &Config, wanted: &Config) -> Option<Difference> {
    let differences = [
        differs("storage", storage(found), storage(wanted)),
        differs(
            "retention",
            &format!("{:?}", found.retention),
            &format!("{:?}", wanted.retention),
        ),
        differs("sealed", &found.sealed, &false),
    ];
    differences.into_iter().flatten().next()
}

/// The settings that differ and that NATS may be able to change.
fn changeable_differences(found: &Config, wanted: &Config) -> Vec<Difference> {
    let differences = [
        differs("subjects", &found.subjects.join(" "), &wanted.subjects.join(" ")),
        differs("max_bytes", &limit(found.max_bytes), &limit(wanted.max_bytes)),
        differs("max_age", &age(found.max_age), &age(wanted.max_age)),
        differs(
            "max_msgs",
            &limit(found.max_messages),
            &limit(wanted.max_messages),
        ),
        differs(
            "max_msgs_per_subject",
            &limit(found.max_messages_per_subject),
            &limit(wanted.max_messages_per_subject),
        ),
        differs(
            "discard",
            &format!("{:?}", found.discard),
            &format!("{:?}", wanted.discard),
        ),
        differs(
            "num_replicas",
            &found.num_replicas.max(1),
            &wanted.num_replicas.max(1),
        ),
        differs("no_ack", &found.no_ack, &wanted.no_ack),
        lacks("allow_direct", found.allow_direct, wanted.allow_direct),
        lacks("allow_msg_ttl", found.allow_message_ttl, wanted.allow_message_ttl),
        lacks("allow_rollup_hdrs", found.allow_rollup, wanted.allow_rollup),
        differs(
            "description",
            &found.description.clone().unwrap_or_default(),
            &wanted.description.clone().unwrap_or_default(),
        ),
        lacks("metadata", has_metadata(found, wanted), true).map(|_| Difference {
            setting: "metadata",
            found: "incomplete".to_owned(),
            wanted: format!("{:?}", wanted.metadata),
        }),
    ];
    differences.into_iter().flatten().collect()
}

fn merged(found: &Config, wanted: &Config) -> Config {
    let mut metadata = found.metadata.clone();
    metadata.extend(wanted.metadata.clone());
    let shortened = |window: Duration| match wanted.max_age {
        Duration::ZERO => window,
        max_age => window.min(max_age),
    };
    Config {
        subjects: wanted.subjects.clone(),
        max_bytes: wanted.max_bytes,
        max_age: wanted.max_age,
        max_messages: wanted.max_messages,
        max_messages_per_subject: wanted.max_messages_per_subject,
        discard: wanted.discard,
        num_replicas: wanted.num_replicas,
        no_ack: wanted.no_ack,
        allow_direct: found.allow_direct || wanted.allow_direct,
        allow_message_ttl: found.allow_message_ttl || wanted.allow_message_ttl,
        allow_rollup: found.allow_rollup || wanted.allow_rollup,
        subject_delete_marker_ttl: found
            .subject_delete_marker_ttl
            .or(wanted.subject_delete_marker_ttl),
        description: wanted.description.clone(),
        // The server refuses a window that is longer than the messages live.
        duplicate_window: shortened(found.duplicate_window),
        metadata,
        ..found.clone()
    }
}

fn differs<T: PartialEq + ToString + ?Sized>(
    setting: &'static str,
    found: &T,
    wanted: &T,
) -> Option<Difference> {
    (found != wanted).then(|| Difference {
        setting,
        found: found.to_string(),
        wanted: wanted.to_string(),
    })
}

fn lacks(setting: &'static str, found: bool, wanted: bool) -> Option<Difference> {
    differs(setting, &found, &(found || wanted))
}

/// The server says -1 for the 0 that means no limit.
fn limit(value: i64) -> String {
    if value <= 0 {
        "unlimited".to_owned()
    } else {
        value.to_string()
    }
}

fn age(value: Duration) -> String {
    if value.is_zero() {
        "unlimited".to_owned()
    } else {
        humantime::format_duration(value).to_string()
    }
}

fn storage(config: &Config) -> &'static str {
    match config.storage {
        StorageType::Memory => "memory",
        StorageType::File => "file",
    }
}

fn has_metadata(found: &Config, wanted: &Config) -> bool {
    wanted
        .metadata
        .iter()
        .all(|(key, value)| found.metadata.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Config {
        Config {
            name: "S".into(),
            subjects: vec!["s.*".into()],
            max_messages_per_subject: 1,
            max_bytes: 1 << 20,
            max_age: Duration::from_mins(1),
            allow_direct: true,
            allow_message_ttl: true,
            storage: StorageType::Memory,
            num_replicas: 1,
            ..Config::default()
        }
    }

    #[test]
    fn stream_as_the_server_describes_it_is_kept() {
        let found = Config {
            max_messages: -1,
            allow_rollup: true,
            duplicate_window: Duration::from_mins(1),
            metadata: [("_nats.ver".to_owned(), "2.15".to_owned())].into(),
            ..wanted()
        };
        assert!(matches!(plan(&found, &wanted()), Plan::Keep));
    }

    #[test]
    fn only_what_describes_a_stream_is_a_label() {
        let found = Config {
            description: Some("of an earlier release".into()),
            max_bytes: 2 << 20,
            ..wanted()
        };
        let Plan::Update { differences, .. } = plan(&found, &wanted()) else {
            panic!("not updated");
        };
        let labels: Vec<_> = differences
            .iter()
            .map(|difference| (difference.setting, difference.is_label()))
            .collect();
        assert_eq!(labels, [("max_bytes", false), ("description", true)]);
    }

    #[test]
    fn what_nats_can_change_is_changed_and_named() {
        let found = Config {
            max_bytes: 2 << 20,
            max_age: Duration::from_mins(2),
            allow_message_ttl: false,
            duplicate_window: Duration::from_mins(2),
            consumer_limits: None,
            ..wanted()
        };
        let Plan::Update { config, differences } = plan(&found, &wanted()) else {
            panic!("nothing to change");
        };
        let texts: Vec<_> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "max_bytes is 2097152 and should be 1048576",
                "max_age is 2m and should be 1m",
                "allow_msg_ttl is false and should be true"
            ]
        );
        assert_eq!(config.max_bytes, 1 << 20);
        assert_eq!(config.duplicate_window, Duration::from_mins(1));
        assert!(matches!(plan(&config, &wanted()), Plan::Keep));
    }

    #[test]
    fn what_nats_cannot_change_is_refused_and_named() {
        let found = Config {
            storage: StorageType::File,
            ..wanted()
        };
        let Plan::Refuse(difference) = plan(&found, &wanted()) else {
            panic!("it is not refused");
        };
        assert_eq!(difference.to_string(), "storage is file and should be memory");
    }
}
