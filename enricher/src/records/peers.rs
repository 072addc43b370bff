//! Listens to the other enrichers: does any of them hide by other rules, how many calls do they make, and are they connected?

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use protocol::status::{Figures, Status};
use service::Nats;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::address_key::AddressHasher;
use crate::filter::rules::Rules;
use crate::lookup::admission::guard::Guard;
use crate::lookup::cache::holders::Holders;

/// The subject of the enrichers' status.
const SUBJECT: &str = "visitor.status.enricher.*";

/// When an enricher with other rules was last heard. Clones share it.
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
            // The process is ending.
            std::future::pending::<()>().await;
        }
    }
}

/// Listens in a separate task until the process exits.
pub fn listen(
    nats: Nats,
    rules: Arc<Rules>,
    hasher: AddressHasher,
    guard: Guard,
    holders: Holders,
) -> OtherRules {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            nats.connected().await;
            match nats.client().subscribe(SUBJECT).await {
                Ok(mut messages) => {
                    guard.start_listening();
                    while let Some(message) = messages.next().await {
                        let status = serde_json::from_slice(&message.payload).ok();
                        if let Some(Status {
                            figures: Figures::Enricher(figures),
                            instance,
                            ..
                        }) = &status
                        {
                            guard.on_status(instance, figures);
                            holders.on_status(instance);
                        }
                        if has_other_rules(status.as_ref(), &rules.fingerprint(&hasher)) {
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

/// An enricher whose status has no rules runs a release with other rules.
fn has_other_rules(status: Option<&Status>, own: &str) -> bool {
    match status.map(|status| &status.figures) {
        Some(Figures::Enricher(figures)) => figures.rules.as_deref() != Some(own),
        Some(Figures::Ingestor(_) | Figures::Gateway(_) | Figures::Notifier(_)) => false,
        // Another release has sent a status that cannot be read.
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Timestamp;
    use protocol::status::EnricherFigures;

    fn status(rules: Option<&str>) -> Status {
        let figures = Figures::Enricher(EnricherFigures {
            rules: rules.map(str::to_owned),
            ..EnricherFigures::default()
        });
        Status {
            figures,
            instance: "e".into(),
            at: Timestamp::from_unix_ms(0),
            started_at: Timestamp::from_unix_ms(0),
            ready: true,
            reason: None,
            stopping: None,
            clock_offset_seconds: None,
        }
    }

    #[test]
    fn only_the_same_fingerprint_means_the_same_rules() {
        assert!(!has_other_rules(Some(&status(Some("a"))), "a"));
        assert!(has_other_rules(Some(&status(Some("b"))), "a"));
        assert!(has_other_rules(Some(&status(None)), "a"));
        assert!(has_other_rules(None, "a"));
    }
}
