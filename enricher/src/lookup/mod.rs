//! Finds out who is behind an address: from the local cache, the shared cache or, with a paid call, the Deanonymizer.

pub mod admission;
pub mod billing;
pub mod cache;
pub mod failure;
pub mod free_tier;
pub mod held_back;
pub mod interest;
pub mod pauses;
pub mod provider;
pub mod waiting;

use service::{clock, trace};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};

use crate::address_key::Key;
use crate::filter::answer::Answer;
use crate::filter::rules::Rules;
use crate::lookup::admission::guard::{Guard, Permit};
use crate::lookup::cache::deferral::{Deferral, Unusable};
use crate::lookup::cache::entry::{CachedVerdict, Entry};
use crate::lookup::cache::leases::{Claim, Lease};
use crate::lookup::cache::local::LocalCache;
use crate::lookup::cache::shared::SharedCache;
use crate::lookup::cache::verdict_store::VerdictStore;
use crate::lookup::failure::LookupFailure;
use crate::lookup::interest::Interest;
use crate::lookup::provider::deanonymizer::Deanonymizer;
use crate::metrics::Metrics;
use crate::metrics::outcomes::VerdictSource;
use crate::verdict::Verdict;

/// How often a lookup that waits for another enricher's call checks whether its lease has expired or its holder has exited.
const LEASE_CHECK: Duration = Duration::from_secs(2);

/// How long verdicts are valid.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// For a profile or a hidden company.
    pub profile: Duration,
    /// For an address that the Deanonymizer does not know.
    pub unknown: Duration,
}

impl Lifetimes {
    fn of(&self, verdict: &Verdict) -> Duration {
        match verdict {
            Verdict::Shown(_) | Verdict::Hidden => self.profile,
            Verdict::Unknown => self.unknown,
        }
    }
}

/// A verdict, and how it was found.
#[derive(Clone, Debug)]
pub struct LookedUp {
    /// The verdict.
    pub found: Arc<CachedVerdict>,
    /// Whether it is from a call just now: then the Deanonymizer answers, and addresses with failed calls may be retried.
    pub is_from_call: bool,
}

/// A lookup that yielded no verdict.
struct FailedCall {
    failure: LookupFailure,
    /// Why the answer is unusable, if it is. A refusal of the address only counts as unusable.
    unusable: Option<Unusable>,
}

impl From<LookupFailure> for FailedCall {
    fn from(failure: LookupFailure) -> Self {
        Self {
            unusable: failure.unusable(),
            failure,
        }
    }
}

/// Looks addresses up. Clones share everything.
#[derive(Clone)]
pub struct Lookup {
    local_cache: LocalCache,
    shared_cache: SharedCache,
    store: VerdictStore,
    guard: Guard,
    deanonymizer: Deanonymizer,
    rules: Arc<Rules>,
    lifetimes: Lifetimes,
    metrics: Arc<Metrics>,
}

impl Lookup {
    /// Creates a lookup from its sources.
    pub fn new(
        local_cache: LocalCache,
        store: VerdictStore,
        guard: Guard,
        deanonymizer: Deanonymizer,
        rules: Arc<Rules>,
        lifetimes: Lifetimes,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            local_cache,
            shared_cache: store.shared_cache().clone(),
            store,
            guard,
            deanonymizer,
            rules,
            lifetimes,
            metrics,
        }
    }

    /// The verdict, if this enricher knows it.
    pub async fn cached(&self, key: Key) -> Option<Arc<CachedVerdict>> {
        self.local_cache.get(key).await
    }

    /// The verdict, with a call if it is not known. Concurrent lookups of one address cause one call across all
    /// enrichers. `failures` is how often this has failed for the address so far; `early`: another address has just
    /// had a usable answer.
    ///
    /// # Errors
    /// Fails if there is no verdict yet. The failure is not cached.
    pub async fn verdict(
        &self,
        key: Key,
        ip: &str,
        interest: &Interest,
        failures: u32,
        early: bool,
    ) -> Result<LookedUp, Arc<LookupFailure>> {
        let started = Instant::now();
        let is_from_call = AtomicBool::new(false);
        let attempt = async {
            let found = self.attempt(key, ip, interest, failures, early).await?;
            is_from_call.store(found.is_from_call, Ordering::Relaxed);
            Ok(found.found)
        };
        let found = Box::pin(self.local_cache.get_or(key, attempt)).await;
        self.metrics.lookups.duration.took(started.elapsed());
        Ok(LookedUp {
            found: found?,
            is_from_call: is_from_call.load(Ordering::Relaxed),
        })
    }

    /// How many lookups may be in progress now.
    pub fn max_under_way(&self) -> usize {
        self.guard.max_lookups()
    }

    /// Whether an address that the provider has refused may be looked up now: other addresses have precedence for probes.
    pub fn admits_refused(&self) -> bool {
        self.guard.account().admits_refused()
    }

    /// Whether calls are held back now.
    pub fn is_held_back(&self) -> bool {
        self.guard.held_back().is_some()
    }

    /// Waits for a permit before it takes the lease: a lease that waited for a permit would expire before the call is made.
    async fn attempt(
        &self,
        key: Key,
        ip: &str,
        interest: &Interest,
        failures: u32,
        early: bool,
    ) -> Result<LookedUp, LookupFailure> {
        let from_fleet = |found| LookedUp {
            found,
            is_from_call: false,
        };
        if let Some(deferral) = self.local_cache.deferrals().holds_back(key, early).await {
            return Err(LookupFailure::Deferred(deferral));
        }
        if let Some(reason) = self.guard.held_back() {
            let found = self
                .known_to_fleet(key)
                .await?
                .ok_or(LookupFailure::HeldBack(reason))?;
            return Ok(from_fleet(found));
        }
        let mut exited = None;
        loop {
            // A failure to open shows in the claim.
            self.shared_cache.claim_gate().opened().await;
            let permit = self.guard.enter().await?;
            if interest.is_lost() {
                return Err(LookupFailure::NotWanted);
            }
            let subscription = self.local_cache.subscribe(key);
            let changed = subscription.notified();
            let claim = self.shared_cache.claim(key, early, exited.as_ref()).await;
            let claim = claim.inspect_err(|_| self.local_cache.unsubscribe(key))?;
            match claim {
                Claim::Verdict(found) => {
                    self.local_cache.unsubscribe(key);
                    self.saved_by_fleet(&found);
                    return Ok(from_fleet(found));
                }
                Claim::Deferred(deferral) => {
                    self.local_cache.deferrals().set(key, Some(deferral)).await;
                    return Err(LookupFailure::Deferred(deferral));
                }
                Claim::Ours(lease) => {
                    let found = self.call(key, ip, lease, permit, failures).await?;
                    return Ok(LookedUp {
                        found,
                        is_from_call: true,
                    });
                }
                Claim::Theirs(holder) => {
                    drop(permit);
                    exited = if self.shared_cache.holders().has_exited(&holder).await {
                        Some(holder)
                    } else {
                        // An expiring lease sends no update to subscribers.
                        drop(timeout(LEASE_CHECK, changed).await);
                        None
                    };
                }
            }
        }
    }

    async fn known_to_fleet(&self, key: Key) -> Result<Option<Arc<CachedVerdict>>, LookupFailure> {
        match self.shared_cache.read(key).await? {
            Some(Entry::Verdict(found)) => {
                self.saved_by_fleet(&found);
                Ok(Some(found))
            }
            Some(Entry::Lease { .. } | Entry::Deferred { .. }) | None => Ok(None),
        }
    }

    fn saved_by_fleet(&self, found: &CachedVerdict) {
        self.metrics.lookups.saved_by_fleet.inc();
        self.metrics
            .lookups
            .verdicts
            .found(VerdictSource::Fleet, &found.verdict);
    }

    /// Calls while the lease is renewed, and stores the result in the bucket.
    async fn call(
        &self,
        key: Key,
        ip: &str,
        mut lease: Lease,
        permit: Permit,
        failures: u32,
    ) -> Result<Arc<CachedVerdict>, LookupFailure> {
        let answered = {
            let mut asking = std::pin::pin!(self.ask(key, ip, permit));
            tokio::select! {
                answered = &mut asking => answered,
                // Another enricher may now call as well, but this call is already paid for.
                () = self.shared_cache.keep(&mut lease) => asking.await,
            }
        };
        let answer = match answered {
            Ok(answer) => answer,
            Err(failure) => return Err(self.give_up(key, lease, failure).await),
        };
        let found = Arc::new(self.judge(answer, failures.saturating_add(1)));
        self.store.store(key, &found, lease.sequence()).await;
        Ok(found)
    }

    /// Releases the lease. Tells the fleet if the address must not be looked up for a while, or if the Deanonymizer
    /// asks for a pause.
    async fn give_up(&self, key: Key, lease: Lease, failed: FailedCall) -> LookupFailure {
        let FailedCall { failure, unusable } = failed;
        if let Some(unusable) = unusable {
            let deferral = Deferral::after(lease.before, unusable, clock::now(), rand::random());
            self.local_cache.deferrals().set(key, Some(deferral)).await;
            if let Err(error) = self.shared_cache.defer(lease, deferral).await {
                tracing::debug!(%error, "the deferral of an address was not shared with the fleet");
            }
            // The address is not logged: it may turn out to be one that must not be shown.
            tracing::debug!(%failure, "an answer is unusable; its address is looked up again later");
            return LookupFailure::Deferred(deferral);
        }
        if let Err(error) = self.shared_cache.release(lease).await {
            tracing::debug!(%error, "a lease was not released; it expires");
        }
        if let Some(wait) = failure.pause()
            && let Err(error) = self.shared_cache.pause(wait).await
        {
            tracing::debug!(%error, "a pause was not shared with the fleet; the other enrichers detect it themselves");
        }
        failure
    }

    async fn ask(&self, key: Key, ip: &str, mut permit: Permit) -> Result<Answer, FailedCall> {
        let pass = self.guard.account().admit().await?;
        permit.pay().await?;
        let started = Instant::now();
        let span = trace::current().and_then(|span| span.child("call"));
        let outcome = self.deanonymizer.ask(ip).await;
        if let (Some(span), Err(failure)) = (&span, &outcome) {
            span.fail(failure.token());
        }
        drop(span);
        self.metrics.lookups.call_duration.took(started.elapsed());
        let is_billed = self.deanonymizer.bills(&outcome);
        if is_billed {
            self.metrics.lookups.paid();
        }
        permit.end(&outcome, is_billed);
        let refused_address = self.guard.account().ended(pass, key, &outcome).await;
        outcome.map_err(|failure| {
            self.metrics.lookups.failed(&failure);
            FailedCall {
                unusable: refused_address.or(failure.unusable()),
                failure,
            }
        })
    }

    fn judge(&self, answer: Answer, attempts: u32) -> CachedVerdict {
        let verdict = self.rules.judge(answer);
        self.metrics.lookups.verdicts.found(VerdictSource::Call, &verdict);
        let now = clock::now();
        CachedVerdict {
            expires_at: now + self.lifetimes.of(&verdict),
            verdict,
            looked_up_at: now,
            attempts,
            by: Arc::clone(self.shared_cache.instance()),
        }
    }
}
