//! Who is behind an address: from the cache or, for money, from the Deanonymizer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable as _};
use moka::Expiry;
use moka::future::Cache;
use protocol::ip::IpKey;
use tokio::sync::Semaphore;

use crate::answer::Failure;
use crate::deanonymizer::Deanonymizer;
use crate::gauges::Gauges;
use crate::profile::{HiddenCompanies, Verdict, filter};

/// How often one lookup calls before it gives up for now.
const ATTEMPTS: usize = 3;

/// How long verdicts are cached.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// A profile, or that a company is hidden.
    pub profile: Duration,
    /// That the Deanonymizer does not know an address.
    pub unknown: Duration,
}

impl Expiry<IpKey, Verdict> for Lifetimes {
    fn expire_after_create(&self, _: &IpKey, verdict: &Verdict, _: Instant) -> Option<Duration> {
        Some(match verdict {
            Verdict::Shown(_) | Verdict::Hidden => self.profile,
            Verdict::Unknown => self.unknown,
        })
    }
}

/// Looks addresses up. Clones share the cache.
#[derive(Clone)]
pub struct Lookup {
    cache: Cache<IpKey, Verdict>,
    deanonymizer: Deanonymizer,
    hidden: Arc<HiddenCompanies>,
    permits: Arc<Semaphore>,
    gauges: Arc<Gauges>,
}

impl Lookup {
    /// With an empty cache for `capacity` addresses, and at most `concurrency` calls at once.
    pub fn new(
        deanonymizer: Deanonymizer,
        hidden: HiddenCompanies,
        lifetimes: Lifetimes,
        capacity: u64,
        concurrency: usize,
        gauges: Arc<Gauges>,
    ) -> Self {
        Self {
            cache: Cache::builder()
                .max_capacity(capacity)
                .expire_after(lifetimes)
                .build(),
            deanonymizer,
            hidden: Arc::new(hidden),
            permits: Arc::new(Semaphore::new(concurrency)),
            gauges,
        }
    }

    /// The verdict, where it is known without a call.
    pub async fn cached(&self, key: &IpKey) -> Option<Verdict> {
        self.cache.get(key).await
    }

    /// The verdict, with a call where it must be. However many ask for one address at once, one call is made.
    ///
    /// # Errors
    /// Where several attempts brought no verdict; that is not cached.
    pub async fn verdict(&self, key: IpKey, ip: &str) -> Result<Verdict, Arc<Failure>> {
        self.cache.try_get_with(key, self.call(ip)).await
    }

    async fn call(&self, ip: &str) -> Result<Verdict, Failure> {
        // The semaphore is never closed; without a permit there would be one call too many, no more.
        let _permit = self.permits.acquire().await;
        let attempts = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(1))
            .with_max_times(ATTEMPTS - 1)
            .with_jitter();
        (|| self.attempt(ip))
            .retry(attempts)
            .when(is_worth_another_attempt)
            .await
    }

    async fn attempt(&self, ip: &str) -> Result<Verdict, Failure> {
        self.gauges.lookups_paid.inc();
        let answer = self
            .deanonymizer
            .ask(ip)
            .await
            .inspect_err(|failure| self.gauges.lookup_failed(failure))?;
        Ok(filter(answer, &self.hidden))
    }
}

/// A Deanonymizer that asks to be left alone is left alone; the event comes back later.
fn is_worth_another_attempt(failure: &Failure) -> bool {
    !matches!(failure, Failure::RateLimited(_))
}
