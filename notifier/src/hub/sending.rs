//! Sends one message, and records the outcome.

use std::sync::Arc;

use futures_util::future::join_all;
use service::bucket::BucketError;
use service::clock;

use crate::cooldown::StoredClaim;
use crate::cooldown::claim::{Claim, CompanyKey, State};
use crate::cooldown::lease::Held;
use crate::cooldown::store::Store;
use crate::delivery::response::Outcome;
use crate::message::{AnnouncedArrival, Messages};
use crate::webhook::Receiver;

/// Everything that is needed to send. Clones share it.
#[derive(Clone, Debug)]
pub struct Sender {
    pub instance: Arc<str>,
    pub store: Store,
    pub messages: Messages,
    pub receiver: Receiver,
    pub held: Held,
}

/// One arrival of a message.
#[derive(Debug)]
pub struct Item {
    pub key: CompanyKey,
    pub claim: Claim,
    pub sequence: u64,
    /// Another notifier had begun to send it, and may have succeeded.
    pub is_repeat: bool,
}

/// The outcome of a message.
#[derive(Debug)]
pub struct Sent {
    /// The arrivals that it contained or would have contained.
    pub items: Vec<Item>,
    /// `None` if nothing was sent.
    pub outcome: Option<Outcome>,
}

impl Sender {
    /// Marks each claim as being sent, then sends those that are still ours.
    pub async fn send(self, batch: Vec<(CompanyKey, StoredClaim)>) -> Sent {
        let marked = join_all(batch.into_iter().map(|(key, stored)| self.mark(key, stored))).await;
        let items: Vec<_> = marked.into_iter().filter_map(Result::ok).flatten().collect();
        let announced: Vec<_> = items
            .iter()
            .filter_map(|item| {
                let arrival = item.claim.waiting()?.clone();
                let id = item.claim.id.clone();
                Some(AnnouncedArrival { id, arrival })
            })
            .collect();
        // Marking may have taken long, and another notifier may send by now.
        if announced.is_empty() || !self.held.is_held() {
            return Sent { items, outcome: None };
        }
        let message = self.messages.render(&announced, clock::now());
        let outcome = self.receiver.send(&message_id(&announced), &message).await;
        Sent {
            items,
            outcome: Some(outcome),
        }
    }

    async fn mark(&self, key: CompanyKey, stored: StoredClaim) -> Result<Option<Item>, BucketError> {
        let StoredClaim { mut claim, sequence } = stored;
        let State::Waiting { sender, .. } = &mut claim.state else {
            return Ok(None);
        };
        let is_ours = sender.as_deref() == Some(&*self.instance);
        let is_repeat = sender.is_some() && !is_ours;
        *sender = Some(self.instance.to_string());
        let sequence = if is_ours {
            Some(sequence)
        } else {
            self.store.note(&key, &claim, sequence).await?
        };
        Ok(sequence.map(|sequence| Item {
            key,
            claim,
            sequence,
            is_repeat,
        }))
    }
}

/// The id of a message: the same for the same arrivals, so that a receiver recognizes another attempt.
fn message_id(announced: &[AnnouncedArrival]) -> String {
    let ids: Vec<_> = announced.iter().map(|announced| announced.id.as_str()).collect();
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, ids.join(" ").as_bytes());
    format!("msg_{}", id.simple())
}
