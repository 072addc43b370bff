//! Group commit for activities: activities that arrive while a message is unacknowledged share the next one. Pure.

use std::collections::VecDeque;

use protocol::Activity;
use protocol::event::MAX_EVENTS;

/// Maximum number of unacknowledged messages.
const WINDOW: usize = 16;

/// Activities to be published. `T` is the caller's ticket for each.
#[derive(Debug)]
pub struct Activities<T> {
    /// A deque, because there may be hundreds of thousands after an outage.
    gathered: VecDeque<(Activity, T)>,
    unacknowledged: usize,
}

impl<T> Activities<T> {
    pub fn new() -> Self {
        Self {
            gathered: VecDeque::new(),
            unacknowledged: 0,
        }
    }

    pub fn push(&mut self, activity: Activity, ticket: T) {
        self.gathered.push_back((activity, ticket));
    }

    /// The next message to send: immediately while none is unacknowledged, otherwise once it is full.
    pub fn next(&mut self) -> Option<Vec<(Activity, T)>> {
        let full = self.gathered.len() >= MAX_EVENTS && self.unacknowledged < WINDOW;
        let alone = !self.gathered.is_empty() && self.unacknowledged == 0;
        if !full && !alone {
            return None;
        }
        self.unacknowledged += 1;
        let count = self.gathered.len().min(MAX_EVENTS);
        Some(self.gathered.drain(..count).collect())
    }

    /// A message is acknowledged or abandoned.
    pub fn settled(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    /// Abandons everything gathered and sent.
    pub fn abandon(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Guid, Timestamp};

    fn activity(at: i64) -> Activity {
        let at = Timestamp::from_unix_ms(at);
        Activity::new(Guid::new("a").unwrap(), at, at)
    }

    fn sizes(activities: &mut Activities<()>) -> Vec<usize> {
        std::iter::from_fn(|| activities.next())
            .map(|message| message.len())
            .collect()
    }

    #[test]
    fn first_activity_is_sent_at_once_and_the_next_share_a_message() {
        let mut activities = Activities::new();
        activities.push(activity(1), ());
        assert_eq!(sizes(&mut activities), [1]);
        activities.push(activity(2), ());
        activities.push(activity(3), ());
        assert!(activities.next().is_none());
        activities.settled();
        assert_eq!(sizes(&mut activities), [2]);
    }

    #[test]
    fn full_messages_are_sent_within_the_window() {
        let mut activities = Activities::new();
        for at in 0..(WINDOW + 2) * MAX_EVENTS {
            activities.push(activity(at.try_into().unwrap()), ());
        }
        assert_eq!(sizes(&mut activities), [MAX_EVENTS; WINDOW]);
        activities.settled();
        assert_eq!(sizes(&mut activities), [MAX_EVENTS]);
    }

    #[test]
    fn oldest_is_sent_first() {
        let mut activities = Activities::new();
        for at in 0..300 {
            activities.push(activity(at), at);
        }
        let mut sent = Vec::new();
        while let Some(message) = activities.next() {
            sent.extend(
                message
                    .into_iter()
                    .map(|(activity, ticket)| (activity.at.unix_ms(), ticket)),
            );
            activities.settled();
        }
        assert_eq!(sent, (0..300).map(|at| (at, at)).collect::<Vec<_>>());
    }
}
