//! Holds calls back while the provider does not accept our account, and lets the fleet's one probe through.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::Timestamp;
use protocol::status::Account;
use service::bucket::BucketError;
use service::clock;
use service::health::Health;

use super::account::{AccountEntry, AccountState, Call, KeyTag, Refusal};
use super::ruling::{RefusedCall, Ruling};
use crate::address_key::{AddressHasher, Key};
use crate::lookup::cache::deferral::Unusable;
use crate::lookup::cache::shared::SharedCache;
use crate::lookup::cache::shared_account::Probe;
use crate::lookup::failure::{FailureKind, LookupFailure, RetryAfter};
use crate::lookup::held_back::HeldBack;
use crate::lookup::provider::key_file::KeyFile;

/// The part's name in [`Health`].
const PART: &str = "account";

/// How often the key file is read while the account is not accepted: a changed key is tried at once.
const KEY_LOOKS: Duration = Duration::from_millis(250);

/// The gate. Clones share it.
#[derive(Clone)]
pub struct AccountGate {
    state: Arc<Mutex<AccountState>>,
    /// Held while a refusal is reported to the fleet, so that calls that are refused together report it once.
    refusals: Arc<tokio::sync::Mutex<()>>,
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
            refusals: Arc::default(),
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

    /// A call for this address has ended. Tells the fleet what the result says about the account. Returns why the answer is
    /// unusable, if it is a refusal of the address only.
    pub async fn ended<T>(
        &self,
        pass: AccountPass,
        address: Key,
        outcome: &Result<T, LookupFailure>,
    ) -> Option<Unusable> {
        if let Err(failure) = outcome
            && let Some(refusal) = failure.refusal()
        {
            let retry_after = failure.retry_after();
            let is_for_address = self.refused(pass, address, refusal, retry_after).await;
            return is_for_address.then_some(Unusable::Rejected { retry_after });
        }
        if is_accepted(outcome) {
            self.lock().answered(pass.key.clone(), clock::now());
            if pass.is_probe {
                self.lock().accepted(Instant::now());
                self.report_health();
                if let Err(error) = self.shared_cache.account_accepted(&pass.key).await {
                    tracing::debug!(%error, "the acceptance of the account was not shared with the fleet");
                }
            }
        }
        None
    }

    /// Returns whether the refusal concerns only the address.
    async fn refused(
        &self,
        pass: AccountPass,
        address: Key,
        refusal: Refusal,
        retry_after: RetryAfter,
    ) -> bool {
        let _turn = self.refusals.lock().await;
        let now = clock::now();
        let entry = AccountEntry {
            state: refusal.account,
            status: refusal.status,
            since: now,
            retry_at: now + self.retry.max(retry_after.unwrap_or_default()),
            key: pass.key,
            by: Arc::clone(self.shared_cache.instance()),
            address_refusal: None,
        };
        let call = {
            let state = self.lock();
            if state.was_accepted_after(pass.began) {
                return true;
            }
            if state.knows(&entry) && !pass.is_probe {
                return false;
            }
            RefusedCall {
                address: address.text().into(),
                began_at: pass.began_at,
                accepted_at: state.accepted_with(&entry.key),
                answered_at: state.answered_at(),
                entry,
            }
        };
        let ruling = self.shared_cache.refused(&call).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "a refusal was not shared with the fleet; the other enrichers detect it themselves");
            call.ruling(self.lock().not_accepted())
        });
        match ruling {
            Ruling::Account(entry) => {
                let wait = entry.wait(clock::now(), self.retry);
                self.lock().refused(entry, Instant::now(), wait);
                self.report_health();
                false
            }
            Ruling::Address(_) => true,
        }
    }

    /// Some enricher had an answer at this time.
    pub fn fleet_answered(&self, at: Timestamp) {
        self.lock().fleet_answered(at);
    }

    /// Whether an address that the provider has refused may be looked up now.
    pub fn admits_refused(&self) -> bool {
        self.lock().admits_refused(Instant::now())
    }

    /// Applies the fleet's current entry.
    pub fn learn(&self, entry: Option<AccountEntry>) {
        let wait = entry
            .as_ref()
            .map_or(Duration::ZERO, |entry| entry.wait(clock::now(), self.retry));
        self.lock().learn(entry, wait, Instant::now());
        self.report_health();
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
                self.report_health();
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
    fn report_health(&self) {
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
