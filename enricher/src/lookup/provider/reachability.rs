//! Why the provider answers no calls, as `/readyz` reports it: it cannot be reached (by host and cause), it refuses all calls
//! with 429, or our key cannot be read.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use service::client::cause::Cause;
use service::health::Health;
use service::log_throttle::LogThrottle;
use tokio::time::Instant;

use crate::lookup::failure::{LookupFailure, RetryAfter};
use crate::lookup::held_back::Outage;

/// The part's name in [`Health`].
const PART: &str = "deanonymizer";

/// How many calls in a row must fail to connect before the provider counts as unreachable. One that fails now and then is
/// not unreachable.
const FAILURES: u32 = 3;

/// How long the provider must refuse every call with 429 before a quota counts as used up. A rate limit that is exceeded by
/// a burst of visitors lets calls through sooner.
const THROTTLED_FOR: Duration = Duration::from_secs(10);

/// Whether the provider's connections succeed, and whether it accepts calls. Clones share it.
#[derive(Clone, Debug)]
pub struct Reachability {
    /// Host and port.
    host: String,
    connect_timeout: Duration,
    health: Health,
    failures: Arc<AtomicU32>,
    /// Since when every call has been refused with 429.
    throttled_since: Arc<Mutex<Option<Instant>>>,
}

impl Reachability {
    /// Creates it for a provider at this host and port. `connect_timeout` is how long connecting may take.
    pub fn new(host: String, connect_timeout: Duration) -> Self {
        Self {
            host,
            connect_timeout,
            health: Health::default(),
            failures: Arc::default(),
            throttled_since: Arc::default(),
        }
    }

    /// Reports to this health from now on.
    pub fn report_to(&mut self, health: Health) {
        self.health = health;
    }

    /// A call has ended.
    pub fn ended<T>(&self, outcome: &Result<T, LookupFailure>) {
        static UNCONNECTED: LogThrottle = LogThrottle::new();
        match outcome {
            Err(LookupFailure::Unreachable(error)) => {
                let before = self.failures.fetch_add(1, Ordering::Relaxed);
                if before + 1 >= FAILURES {
                    let reason = self.reason(error);
                    self.health.impaired(PART, reason);
                } else if let Some(suppressed) = UNCONNECTED.allow() {
                    let reason = self.reason(error);
                    tracing::warn!(
                        reason,
                        suppressed,
                        "a call to the Deanonymizer found no connection"
                    );
                }
            }
            Err(failure @ LookupFailure::KeyUnusable(_)) => self.health.impaired(
                PART,
                format!("{failure}. New visitors are not identified until it can be read."),
            ),
            // Nothing was sent, which says nothing.
            Err(LookupFailure::NotWanted) => {}
            Err(LookupFailure::RateLimited(retry_after)) => self.throttled(*retry_after),
            _ => {
                self.failures.store(0, Ordering::Relaxed);
                *self.throttled_since() = None;
                self.health.ok(PART);
            }
        }
    }

    fn throttled_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.throttled_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A call was refused with 429. A provider that wants no calls for long will refuse them until then.
    fn throttled(&self, retry_after: RetryAfter) {
        let since = *self.throttled_since().get_or_insert_with(Instant::now);
        if since.elapsed() + retry_after.unwrap_or_default() >= THROTTLED_FOR {
            let reason = Outage::RateLimited;
            self.health.impaired(
                PART,
                format!("{reason}. New visitors are not identified until it accepts calls again."),
            );
        } else if self.failures.swap(0, Ordering::Relaxed) >= FAILURES {
            // It can be reached again.
            self.health.ok(PART);
        }
    }

    fn reason(&self, error: &reqwest::Error) -> String {
        let cause = if error.is_timeout() {
            format!("no answer within {:?}", self.connect_timeout)
        } else {
            Cause::of(error).to_string()
        };
        format!(
            "cannot connect to {}: {cause}. New visitors are not identified until it is reachable.",
            self.host
        )
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// The failure of a call to this URL.
    async fn failure(url: &str) -> LookupFailure {
        // Another test may have said so before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let error = reqwest::get(url).await.unwrap_err();
        LookupFailure::Unreachable(Arc::new(error.without_url()))
    }

    #[tokio::test]
    async fn names_host_and_cause_but_not_the_url() {
        let health = Health::default();
        let mut reachability = Reachability::new("127.0.0.1:1".to_owned(), Duration::from_secs(2));
        reachability.report_to(health.clone());
        let refused = failure("http://127.0.0.1:1/find?key=s3cret&ip=11.0.0.1").await;
        for _ in 0..2 {
            reachability.ended::<()>(&Err(refused.clone()));
            assert_eq!(health.impairment(), None, "it may be chance");
        }
        reachability.ended::<()>(&Err(refused.clone()));
        let reason = health.impairment().unwrap();
        assert!(
            reason.starts_with("deanonymizer: cannot connect to 127.0.0.1:1: Connection refused"),
            "{reason}"
        );
        assert!(
            !reason.contains("s3cret") && !reason.contains("11.0.0.1"),
            "{reason}"
        );
        reachability.ended::<()>(&Err(LookupFailure::NotWanted));
        assert!(health.impairment().is_some(), "no call was made");
        reachability.ended::<()>(&Err(LookupFailure::Status(500, None)));
        assert_eq!((health.impairment(), health.reason()), (None, None));
    }

    #[test]
    fn says_that_the_key_cannot_be_read() {
        let health = Health::default();
        let mut reachability = Reachability::new("127.0.0.1:1".to_owned(), Duration::from_secs(2));
        reachability.report_to(health.clone());
        let unusable = LookupFailure::KeyUnusable("--deanonymizer-key-file /key is empty".into());
        reachability.ended::<()>(&Err(unusable));
        let told = health.impairment().unwrap();
        assert!(told.contains("/key is empty. New visitors"), "{told}");
        reachability.ended(&Ok(()));
        assert_eq!(health.impairment(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn says_that_a_quota_is_used_up_once_no_call_has_been_accepted_for_a_while() {
        let health = Health::default();
        let mut reachability = Reachability::new("127.0.0.1:1".to_owned(), Duration::from_secs(2));
        reachability.report_to(health.clone());
        let throttled = |wait| reachability.ended::<()>(&Err(LookupFailure::RateLimited(wait)));
        let told = "deanonymizer: the Deanonymizer refuses calls with status 429: our rate limit or quota is used up. \
                    New visitors are not identified until it accepts calls again.";
        throttled(None);
        tokio::time::advance(THROTTLED_FOR / 2).await;
        throttled(Some(THROTTLED_FOR / 4));
        assert_eq!(health.impairment(), None, "it may be a burst of visitors");
        reachability.ended(&Ok(()));
        tokio::time::advance(THROTTLED_FOR / 2).await;
        throttled(None);
        assert_eq!(health.impairment(), None, "a call was accepted in between");
        tokio::time::advance(THROTTLED_FOR).await;
        throttled(None);
        assert_eq!(health.impairment().as_deref(), Some(told));
        assert_eq!(health.reason(), None, "the rest is done");
        reachability.ended(&Ok(()));
        assert_eq!(health.impairment(), None);
        throttled(Some(THROTTLED_FOR));
        assert_eq!(
            health.impairment().as_deref(),
            Some(told),
            "it wants no calls for long"
        );
    }

    /// Why a call fails at a server with a certificate of this last year, whose authority is trusted or not.
    async fn refusal(year: i32, trusted: bool) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            // It fails, which is what the test is about.
            drop(TlsAcceptor::from(Arc::new(config)).accept(stream).await);
        });
        let mut client = reqwest::Client::builder();
        if trusted {
            client = client.tls_certs_only([reqwest::Certificate::from_der(certificate.der()).unwrap()]);
        } else {
            client = client.tls_certs_only([]);
        }
        let url = format!("https://localhost:{port}/");
        let error = client.build().unwrap().get(url).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        Cause::of(&error).to_string()
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_a_certificate() {
        assert_eq!(
            refusal(2000, true).await,
            "invalid peer certificate: certificate expired"
        );
        let foreign = refusal(2999, false).await;
        assert_eq!(foreign, "invalid peer certificate: UnknownIssuer");
    }

    #[tokio::test]
    async fn says_that_the_name_is_unknown() {
        let reachability = Reachability::new("nowhere.invalid:80".to_owned(), Duration::from_secs(2));
        let LookupFailure::Unreachable(error) = failure("http://nowhere.invalid/").await else {
            panic!("it is reachable");
        };
        let reason = reachability.reason(&error);
        assert!(
            reason.starts_with("cannot connect to nowhere.invalid:80: failed to lookup address"),
            "{reason}"
        );
    }
}
