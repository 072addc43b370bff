//! The bucket `visitor_secrets`, which only enrichers may read: keeps the secret that addresses are hashed with.

use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use protocol::stream::SECRETS;
use service::backoff::Backoff;
use service::health::Health;
use service::streams::Streams;
use service::{Nats, clock};
use tokio::sync::watch;

use crate::address_key::{AddressHasher, Agreement, Secret, agree};
use crate::lookup::cache::local::LocalCache;

/// The part's name in [`Health`].
pub const PART: &str = "secrets bucket";

/// How often the bucket is checked for existence and for another secret.
const CHECK_EVERY: Duration = Duration::from_secs(3);

/// How often a write of the secret is retried after conflicts with other enrichers.
const CONFLICTS: usize = 8;

/// The entry that holds the secret.
const KEY: &str = "address-hash";

/// A new secret.
pub fn new_secret() -> Secret {
    Secret::new(rand::random(), clock::now())
}

/// Waits until the fleet has agreed on a secret. Clones wait for the same event.
#[derive(Clone, Debug)]
pub struct Agreed(watch::Receiver<bool>);

impl Agreed {
    /// Returns once the fleet has agreed.
    pub async fn wait(mut self) {
        if self.0.wait_for(|agreed| *agreed).await.is_err() {
            // The process ends.
            std::future::pending::<()>().await;
        }
    }
}

/// Keeps this enricher's secret and the bucket's in sync.
pub struct Secrets {
    hasher: AddressHasher,
    local_cache: LocalCache,
    nats: Nats,
    streams: Streams,
    health: Health,
    agreed: watch::Sender<bool>,
}

impl Secrets {
    /// `local_cache` is cleared when another secret makes its keys useless.
    pub fn new(
        hasher: AddressHasher,
        local_cache: LocalCache,
        nats: Nats,
        streams: Streams,
        health: Health,
    ) -> (Agreed, Self) {
        let (agreed, receiver) = watch::channel(false);
        let secrets = Self {
            hasher,
            local_cache,
            nats,
            streams,
            health,
            agreed,
        };
        (Agreed(receiver), secrets)
    }

    /// Puts the secret back whenever NATS has lost it. Never returns.
    pub async fn follow(self) {
        let mut backoff = Backoff::for_nats();
        loop {
            let epoch = self.nats.connected().await;
            match self.agree().await {
                Ok(()) => {
                    backoff.reset();
                    self.health.ok(PART);
                    self.agreed.send_replace(true);
                    tokio::select! {
                        () = self.nats.lost(epoch) => {}
                        () = tokio::time::sleep(CHECK_EVERY) => {}
                    }
                }
                Err(error) => {
                    self.health.failing(PART, format!("{error:#}"));
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }

    async fn agree(&self) -> anyhow::Result<()> {
        self.streams.secrets().await?;
        for _ in 0..CONFLICTS {
            let (stored, sequence) = self.stored().await?;
            let (own, in_use) = self.hasher.secret();
            let agreed = match agree(own, in_use, stored) {
                Agreement::Keep => own,
                Agreement::Adopt(stored) => stored,
                Agreement::Write if self.write(&own, sequence).await? => own,
                Agreement::Write => continue,
            };
            if self.hasher.agreed(agreed) {
                tracing::warn!(
                    "another enricher had an older secret; verdicts cached here are looked up again"
                );
                self.local_cache.clear();
            }
            return Ok(());
        }
        anyhow::bail!("{CONFLICTS} write conflicts in a row")
    }

    /// The secret in the bucket, and the sequence of its entry; 0 if there is none.
    async fn stored(&self) -> anyhow::Result<(Option<Secret>, u64)> {
        let Some(message) = self
            .nats
            .last(&format!("KV_{SECRETS}"), format!("$KV.{SECRETS}.{KEY}"))
            .await?
        else {
            return Ok((None, 0));
        };
        // The marker of a deleted entry is not a secret. The error is dropped, because it could contain part of a secret.
        let secret = serde_json::from_slice(&message.payload).ok();
        Ok((secret, message.sequence))
    }

    /// Writes the secret if the entry has that sequence. Returns whether it had.
    async fn write(&self, secret: &Secret, expected: u64) -> anyhow::Result<bool> {
        let message = PublishMessage::build()
            .expected_last_subject_sequence(expected)
            .payload(serde_json::to_vec(secret)?.into())
            .outbound_message(self.nats.entry_subject(SECRETS, KEY));
        Ok(self.nats.replace(message).await?.is_some())
    }
}
