//! Listens to the other enrichers: does any of them hide by other rules?

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use protocol::status::{Figures, Status};
use service::Nats;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::address_key::AddressHasher;
use crate::filter::rules::Rules;

/// Where the enrichers tell how they are.
const SUBJECT: &str = "visitor.status.enricher.*";

/// When an enricher with other rules was last heard. Clones tell the same.
#[derive(Clone, Debug)]
pub struct OtherRules(watch::Receiver<Option<Instant>>);

impl OtherRules {
    /// Whether one was heard within the last `period`.
    pub fn heard_within(&self, period: Duration) -> bool {
        self.0.borrow().is_some_and(|at| at.elapsed() < period)
    }

    /// Waits until one is heard.
    pub async fn heard(&mut self) {
        self.0.mark_unchanged();
        if self.0.changed().await.is_err() {
            // The process ends.
            std::future::pending::<()>().await;
        }
    }
}

/// Listens for ever, in a task of its own.
pub fn listen(nats: Nats, rules: Arc<Rules>, hasher: AddressHasher) -> OtherRules {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            nats.connected().await;
            match nats.client().subscribe(SUBJECT).await {
                Ok(mut messages) => {
                    while let Some(message) = messages.next().await {
                        if has_other_rules(&message.payload, &rules.fingerprint(&hasher)) {
                            sender.send_replace(Some(Instant::now()));
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "cannot listen to the other enrichers"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    OtherRules(receiver)
}

/// An enricher that does not tell its rules is of a release that had others.
fn has_other_rules(status: &[u8], own: &str) -> bool {
    match serde_json::from_slice(status) {
        Ok(Status {
            figures: Figures::Enricher(figures),
            ..
        }) => figures.rules.as_deref() != Some(own),
        Ok(_) => false,
        // Whoever it is, it is not of this release.
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::status::EnricherFigures;

    fn status(rules: Option<&str>) -> Vec<u8> {
        let figures = Figures::Enricher(EnricherFigures {
            rules: rules.map(str::to_owned),
            ..EnricherFigures::default()
        });
        let status = Status {
            figures,
            instance: "e".into(),
            at: 0,
            started_at: 0,
            ready: true,
            reason: None,
            clock_offset_seconds: None,
        };
        serde_json::to_vec(&status).unwrap()
    }

    #[test]
    fn only_the_same_fingerprint_means_the_same_rules() {
        assert!(!has_other_rules(&status(Some("a")), "a"));
        assert!(has_other_rules(&status(Some("b")), "a"));
        assert!(has_other_rules(&status(None), "a"));
        assert!(has_other_rules(b"no status", "a"));
    }
}
