//! Holds calls back while the provider does not accept our account, and lets the fleet's one probe through.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::Timestamp;
use protocol::status::Account;
use service::bucket::BucketError;
use service::clock;
use service::health::Health;

use super::account::{AccountEntry, AccountState, Call, KeyTag, Refusal};
use crate::address_key::AddressHasher;
use crate::lookup::cache::shared::SharedCache;
use crate::lookup::cache::shared_account::Probe;
use crate::lookup::failure::{FailureKind, HeldBack, LookupFailure, RetryAfter};
use crate::lookup::provider::key_file::KeyFile;

/// The part's name in [`Health`].
const PART: &str = "account";

/// How often the key file is read while the account is not accepted: a changed key is tried at once.
const KEY_LOOKS: Duration = Duration::from_millis(250);

/// The gate. Clones share it.
#[derive(Clone)]
pub struct AccountGate {
    state: Arc<Mutex<AccountState>>,
    shared_cache: SharedCache,
    key_file: Option<KeyFile>,
    hasher: AddressHasher,
    /// How long the fleet makes no calls after a refusal.
    retry: Duration,
    health: Health,
}

/// The account's permission for one call; returned with the call's result.
pub struct AccountPass {
    key: KeyTag,
    began: Instant,
    began_at: Timestamp,
    is_probe: bool,
}

impl AccountGate {
    /// A gate that is open until the fleet or a call reports otherwise.
    pub fn new(
        shared_cache: SharedCache,
        key_file: Option<KeyFile>,
        hasher: AddressHasher,
        retry: Duration,
        health: Health,
    ) -> Self {
        Self {
            state: Arc::default(),
            shared_cache,
            key_file,
            hasher,
            retry,
            health,
        }
    }

    /// Why no call may be made now.
    pub fn held_back(&self) -> Option<HeldBack> {
        match self.lock().call(Instant::now()) {
            Call::Held(refusal) => Some(HeldBack::Account(refusal)),
            Call::Free | Call::Probe { .. } => None,
        }
    }

    /// Whether only a probe may be made now.
    pub fn only_probes(&self) -> bool {
        matches!(self.lock().call(Instant::now()), Call::Probe { .. })
    }

    /// Permits a call now. Called just before the call: while the account is not accepted, the call is the fleet's one probe.
    ///
    /// # Errors
    /// Fails if calls are held back, or if it is not known whether another enricher probes.
    pub async fn admit(&self) -> Result<AccountPass, LookupFailure> {
        if !self.lock().is_known() {
            // An entry that cannot be parsed comes from another release.
            let entry = match self.shared_cache.account().await {
                Err(BucketError::Invalid) => None,
                entry => entry?,
            };
            self.learn(entry);
        }
        let key = self.key();
        let call = {
            let mut state = self.lock();
            state.has_key(key.clone());
            state.call(Instant::now())
        };
        let is_probe = match call {
            Call::Free => false,
            Call::Held(refusal) => return Err(HeldBack::Account(refusal).into()),
            Call::Probe { untried } => self.claim_probe(&key, untried).await?,
        };
        Ok(AccountPass {
            key,
            began: Instant::now(),
            began_at: clock::now(),
            is_probe,
        })
    }

    async fn claim_probe(&self, key: &KeyTag, untried: bool) -> Result<bool, LookupFailure> {
        match self.shared_cache.claim_probe(key, untried, self.retry).await? {
            Probe::Ours(entry) => {
                tracing::info!("probing whether the Deanonymizer accepts our account again");
                self.lock().probing(entry, Instant::now(), self.retry);
                Ok(true)
            }
            Probe::NotNeeded => {
                self.learn(None);
                Ok(false)
            }
            Probe::Theirs(entry) => {
                let refusal = entry.refusal();
                self.learn(Some(entry));
                match refusal {
                    Some(refusal) => Err(HeldBack::Account(refusal).into()),
                    None => Ok(false),
                }
            }
        }
    }

    /// A call has ended. Tells the fleet what the result says about the account.
    pub async fn ended<T>(&self, pass: AccountPass, outcome: &Result<T, LookupFailure>) {
        let told = match outcome {
            Err(failure) if failure.kind() == FailureKind::Account => match failure.refusal() {
                Some(refusal) => self.refused(pass, refusal, failure.retry_after()).await,
                None => Ok(()),
            },
            outcome if pass.is_probe && is_accepted(outcome) => {
                self.lock().accepted(Instant::now());
                self.tell();
                self.shared_cache.account_accepted(&pass.key).await
            }
            _ => Ok(()),
        };
        if let Err(error) = told {
            tracing::debug!(%error, "the state of the account was not shared; the other enrichers detect it themselves");
        }
    }

    async fn refused(
        &self,
        pass: AccountPass,
        refusal: Refusal,
        retry_after: RetryAfter,
    ) -> Result<(), BucketError> {
        let now = clock::now();
        let wait = self.retry.max(retry_after.unwrap_or_default());
        let entry = AccountEntry {
            state: refusal.account,
            status: refusal.status,
            since: now,
            retry_at: now + wait,
            key: pass.key,
            by: Arc::clone(self.shared_cache.instance()),
        };
        let is_news = self
            .lock()
            .refused(entry.clone(), pass.began, Instant::now(), wait);
        self.tell();
        if is_news || pass.is_probe {
            self.shared_cache.account_refused(&entry, pass.began_at).await?;
        }
        Ok(())
    }

    /// Applies the fleet's current entry.
    pub fn learn(&self, entry: Option<AccountEntry>) {
        let wait = entry
            .as_ref()
            .map_or(Duration::ZERO, |entry| entry.wait(clock::now(), self.retry));
        self.lock().learn(entry, wait, Instant::now());
        self.tell();
    }

    /// The state of the account for the key that this enricher has.
    pub fn account(&self) -> Account {
        self.lock()
            .refusal()
            .map_or(Account::Ok, |refusal| refusal.account)
    }

    /// The fleet's entry while the account is not accepted.
    pub fn not_accepted(&self) -> Option<AccountEntry> {
        self.lock().not_accepted().cloned()
    }

    /// Detects a changed key in the key file while the account is not accepted.
    pub async fn watch_key(self) {
        loop {
            tokio::time::sleep(KEY_LOOKS).await;
            if self.lock().not_accepted().is_some() {
                let key = self.key();
                self.lock().has_key(key);
                self.tell();
            }
        }
    }

    /// The current key; `None` if it cannot be read.
    fn key(&self) -> KeyTag {
        let key = self.key_file.as_ref().and_then(|file| file.read().ok());
        let digest = self
            .hasher
            .digest(b"provider key", key.unwrap_or_default().as_bytes());
        KeyTag::new(digest[..8].try_into().unwrap_or_default())
    }

    /// Reports the account on `/readyz`.
    fn tell(&self) {
        let refusal = self.lock().refusal();
        match refusal {
            Some(refusal) => self.health.failing(PART, refusal.advice(self.key_file.is_some())),
            None => self.health.ok(PART),
        }
    }

    fn lock(&self) -> MutexGuard<'_, AccountState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call with this result shows that the account is accepted.
fn is_accepted<T>(outcome: &Result<T, LookupFailure>) -> bool {
    match outcome.as_ref().map_err(LookupFailure::kind) {
        Ok(_) | Err(FailureKind::Queued) => true,
        // A provider may reject the form of a request before it checks the key.
        Err(FailureKind::Unusable) => !matches!(outcome, Err(LookupFailure::Rejected(..))),
        Err(
            FailureKind::NotAsked
            | FailureKind::Unreachable
            | FailureKind::Interrupted
            | FailureKind::TimedOut
            | FailureKind::Throttled
            | FailureKind::ServerError
            | FailureKind::Account,
        ) => false,
    }
}
