//! How many messages the sessions' stream must hold at least, given what was read from it. Pure.

use std::collections::BTreeMap;

use protocol::Millis;

/// Messages are counted by when they expire, in steps of this many ms.
const STEP: Millis = 10_000;

/// Messages that are known to be in the stream, by their expiry.
#[derive(Debug, Default)]
pub struct StoredMessages {
    by_expiry: BTreeMap<Millis, u64>,
    total: u64,
}

impl StoredMessages {
    /// A message that expires then is in the stream, in place of one that expired then.
    pub fn replace(&mut self, before: Option<Millis>, expires_at: Millis) {
        if let Some(before) = before {
            self.forget(before);
        }
        *self.by_expiry.entry(step(expires_at)).or_default() += 1;
        self.total += 1;
    }

    /// Nothing is known any longer of a message that expires then.
    pub fn forget(&mut self, expires_at: Millis) {
        if let Some(count) = self.by_expiry.get_mut(&step(expires_at))
            && *count > 0
        {
            *count -= 1;
            self.total -= 1;
        }
    }

    /// Nothing is known of any message.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many messages must be there, without those that expire soon.
    pub fn at_least(&mut self, now: Millis) -> u64 {
        while let Some(expired) = self.by_expiry.first_entry()
            && *expired.key() <= step(now) + 1
        {
            self.total -= expired.remove();
        }
        self.total
    }
}

fn step(at: Millis) -> Millis {
    at.div_euclid(STEP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn expired_messages_are_not_expected() {
        let mut stored = StoredMessages::default();
        stored.replace(None, 100_000);
        stored.replace(None, 200_000);
        assert_eq!(stored.at_least(0), 2);
        assert_eq!(stored.at_least(100_000), 1);
        stored.forget(100_000);
        assert_eq!(stored.at_least(100_000), 1);
        stored.clear();
        assert_eq!(stored.at_least(0), 0);
    }

    proptest! {
        #[test]
        fn never_expects_more_than_there_is(
            writes in proptest::collection::vec((0_u8..5, 0_i64..300_000, 0_i64..10_000), 0..60),
        ) {
            let mut stored = StoredMessages::default();
            let mut stream: BTreeMap<u8, Millis> = BTreeMap::new();
            let mut now = 0;
            for (subject, ttl, pause) in writes {
                now += pause;
                let before = stream.insert(subject, now + ttl);
                stored.replace(before, now + ttl);
                let there = stream.values().filter(|expires_at| **expires_at > now).count() as u64;
                prop_assert!(stored.at_least(now) <= there);
            }
        }
    }
}
