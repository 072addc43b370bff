//! The minimum number of messages that the sessions' stream must hold. Pure.

use std::collections::BTreeMap;

use protocol::{Millis, Timestamp};

/// Messages are counted by expiry, in steps of this many ms.
const STEP: Millis = 10_000;

/// Messages that are known to be in the stream, by their expiry.
#[derive(Debug, Default)]
pub struct ExpectedMessages {
    by_expiry: BTreeMap<i64, u64>,
    total: u64,
}

impl ExpectedMessages {
    /// The stream holds a message that expires at `expires_at`, in place of one that would have expired at `before`.
    pub fn replace(&mut self, before: Option<Timestamp>, expires_at: Timestamp) {
        if let Some(before) = before {
            self.forget(before);
        }
        *self.by_expiry.entry(step(expires_at)).or_default() += 1;
        self.total += 1;
    }

    /// Forgets a message that expires at that time.
    pub fn forget(&mut self, expires_at: Timestamp) {
        if let Some(count) = self.by_expiry.get_mut(&step(expires_at))
            && *count > 0
        {
            *count -= 1;
            self.total -= 1;
        }
    }

    /// Forgets all messages.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The number of messages that do not expire soon.
    pub fn at_least(&mut self, now: Timestamp) -> u64 {
        while let Some(expired) = self.by_expiry.first_entry()
            && *expired.key() <= step(now) + 1
        {
            self.total -= expired.remove();
        }
        self.total
    }
}

/// Which step since the Unix epoch it is at that time.
fn step(at: Timestamp) -> i64 {
    at.unix_ms().div_euclid(STEP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::time::unix_ms;

    use super::*;

    #[test]
    fn expired_messages_are_not_expected() {
        let mut expected = ExpectedMessages::default();
        expected.replace(None, unix_ms(100_000));
        expected.replace(None, unix_ms(200_000));
        assert_eq!(expected.at_least(unix_ms(0)), 2);
        assert_eq!(expected.at_least(unix_ms(100_000)), 1);
        expected.forget(unix_ms(100_000));
        assert_eq!(expected.at_least(unix_ms(100_000)), 1);
        expected.clear();
        assert_eq!(expected.at_least(unix_ms(0)), 0);
    }

    proptest! {
        #[test]
        fn never_expects_more_than_there_is(
            writes in proptest::collection::vec((0_u8..5, 0_i64..300_000, 0_i64..10_000), 0..60),
        ) {
            let mut expected = ExpectedMessages::default();
            let mut stream: BTreeMap<u8, Timestamp> = BTreeMap::new();
            let mut now = Timestamp::default();
            for (subject, ttl, pause) in writes {
                now += pause;
                let before = stream.insert(subject, now + ttl);
                expected.replace(before, now + ttl);
                let there = stream.values().filter(|expires_at| **expires_at > now).count() as u64;
                prop_assert!(expected.at_least(now) <= there);
            }
        }
    }
}
