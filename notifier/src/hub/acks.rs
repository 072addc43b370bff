//! The messages of the shared consumer that are not acknowledged yet.

use std::collections::{BTreeMap, HashMap};

use async_nats::jetstream::{AckKind, Message};
use protocol::Guid;

use crate::streams::intake::Delivery;

/// The waiting messages.
#[derive(Debug, Default)]
pub struct Acks {
    /// Those that this notifier has not read from the stream yet, by sequence.
    early: BTreeMap<u64, Delivery>,
    /// Those whose session's arrival is not announced yet.
    held: HashMap<Guid, Vec<Delivery>>,
}

impl Acks {
    /// Adds a message.
    pub fn add(&mut self, delivery: Delivery) {
        self.early.insert(delivery.sequence, delivery);
    }

    /// The stream has lost its messages, and the consumer with them.
    pub fn clear(&mut self) {
        self.early.clear();
        self.held.clear();
    }

    /// The messages up to the last sequence read whose session is done. The others are held.
    pub fn settle(&mut self, read: u64, waits: impl Fn(&Guid) -> bool) -> Vec<Message> {
        let later = self.early.split_off(&(read + 1));
        let reached = std::mem::replace(&mut self.early, later);
        let mut settled = Vec::new();
        for delivery in reached.into_values() {
            match &delivery.guid {
                Some(guid) if waits(guid) => self.held.entry(guid.clone()).or_default().push(delivery),
                _ => settled.push(delivery.message),
            }
        }
        settled
    }

    /// The held messages whose session is done now.
    pub fn release(&mut self, waits: impl Fn(&Guid) -> bool) -> Vec<Message> {
        let released = self.held.extract_if(|guid, _| !waits(guid));
        let deliveries = released.flat_map(|(_, deliveries)| deliveries);
        deliveries.map(|delivery| delivery.message).collect()
    }

    /// Tells the consumer that the others are still being worked on.
    pub fn in_progress(&self) -> impl Future<Output = ()> + Send + use<> {
        let held = self.held.values().flatten().chain(self.early.values());
        let messages: Vec<_> = held.map(|delivery| delivery.message.clone()).collect();
        async move {
            for message in messages {
                // If this fails, the message is redelivered.
                let _ = message.ack_with(AckKind::Progress).await;
            }
        }
    }
}
