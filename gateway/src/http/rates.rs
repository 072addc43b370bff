//! Limits the requests per address.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use service::client_limit::client_key;

/// The burst, in seconds of the rate: several people behind one address load the page with its files at once.
const BURST: u32 = 10;

/// How often idle addresses are forgotten.
const SWEEP: Duration = Duration::from_mins(1);

/// Recent requests per address. Clones share them.
#[derive(Clone)]
pub struct Rates(Arc<DefaultKeyedRateLimiter<IpAddr>>);

impl Rates {
    /// Allows `per_second` requests per address.
    pub fn new(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST - 1));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self(Arc::new(RateLimiter::keyed(quota)))
    }

    /// Removes idle addresses every few seconds. Never returns.
    pub async fn sweep(self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
    }

    fn allows(&self, peer: SocketAddr) -> bool {
        self.0.check_key(&client_key(peer)).is_ok()
    }
}

/// Refuses requests beyond the rate.
pub async fn check(
    State(rates): State<Rates>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if rates.allows(peer) {
        next.run(request).await
    } else {
        let retry = [(RETRY_AFTER, "1")];
        (StatusCode::TOO_MANY_REQUESTS, retry, "Too many requests.\n").into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_per_address() {
        let rates = Rates::new(NonZeroU32::MIN);
        let [one, another] = ["203.0.113.7:1", "203.0.113.8:1"].map(|peer| peer.parse().unwrap());
        let served = (0..100).filter(|_| rates.allows(one)).count();
        // One more for each second that the loop took.
        assert!((BURST as usize..50).contains(&served), "{served}");
        assert!(rates.allows(another));
    }
}
