//! What a receiver's response means. Pure.

use std::time::Duration;

use protocol::Timestamp;
use service::client::retry_after;

/// The longest pause that a receiver may ask for; an arrival is given up by then.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The outcome of sending a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has accepted it.
    Accepted,
    /// The receiver will never accept this message, but may accept others.
    Refused {
        /// Why, without the receiver's address.
        reason: String,
    },
    /// The receiver may accept it later.
    Failed {
        /// Why, without the receiver's address.
        reason: String,
        /// The pause that it asks for.
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// The outcome of a response.
    ///
    /// A refused key or a missing address is not the message's fault: an operator may correct it within the hour.
    #[must_use]
    pub fn of(status: u16, retry_after: Option<&str>, now: Timestamp) -> Self {
        let reason = format!("the receiver responded with {status}");
        match status {
            200..=299 => Self::Accepted,
            400 | 413 | 415 | 422 => Self::Refused { reason },
            _ => Self::Failed {
                reason,
                retry_after: retry_after.and_then(|text| retry_after::parse(text, now, MAX_RETRY_AFTER)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;

    #[test]
    fn statuses_mean_what_they_say() {
        for status in [200, 202, 204] {
            assert_eq!(Outcome::of(status, None, unix_ms(0)), Outcome::Accepted);
        }
        for status in [400, 413, 422] {
            assert!(matches!(
                Outcome::of(status, None, unix_ms(0)),
                Outcome::Refused { .. }
            ));
        }
        for status in [302, 401, 403, 404, 408, 429, 500, 503] {
            assert!(
                matches!(Outcome::of(status, None, unix_ms(0)), Outcome::Failed { .. }),
                "{status}"
            );
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let asked = |text| match Outcome::of(429, Some(text), unix_ms(20_000)) {
            Outcome::Failed { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        };
        assert_eq!(asked(" 30 "), Some(Duration::from_secs(30)));
        assert_eq!(
            asked("Thu, 01 Jan 1970 00:01:00 GMT"),
            Some(Duration::from_secs(40))
        );
        assert_eq!(asked("99999999999999999999999"), Some(MAX_RETRY_AFTER));
        for text in ["", "soon", "-1", "Thu, 01 Jan 1970 00:00:01 GMT"] {
            assert_eq!(asked(text), None, "{text}");
        }
    }
}
