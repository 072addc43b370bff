//! Receives beacons: rejects unusable ones, and passes the others to the hub.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest as _, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, HOST, ORIGIN, USER_AGENT, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;
use service::client_limit::client_key;
use service::proxies::{self, Proxies};
use tokio::time::{sleep, timeout};

use super::crawlers::Crawlers;
use super::sites::Sites;
use crate::beacon::Beacon;
use crate::drop_reason::DropReason;
use crate::hub::Hub;
use crate::metrics::CollectorMetrics;

/// How long a beacon may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many seconds' worth of beacons may come at once from one address.
const BURST: u32 = 10;

/// How often idle addresses are forgotten.
const SWEEP: Duration = Duration::from_mins(1);

const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");

/// The beacons of each address.
pub type Rates = DefaultKeyedRateLimiter<IpAddr>;

/// The checks of a beacon before it reaches the hub.
pub struct BeaconHandler {
    /// The websites that may send.
    pub sites: Sites,
    /// The trusted proxies.
    pub proxies: Proxies,
    /// Networks whose visitors are left out.
    pub ignored: Vec<IpNet>,
    /// Whether browsers that send Global Privacy Control are left out.
    pub respect_gpc: bool,
    /// The crawlers that are left out.
    pub crawlers: Crawlers,
    /// The beacon rate of each address.
    pub rates: Arc<Rates>,
    /// The hub's channel.
    pub hub: Hub,
    /// Counts beacons.
    pub metrics: Arc<CollectorMetrics>,
}

/// Limits the beacons per second of each address, with bursts of ten times as many.
pub fn rates(per_second: NonZeroU32) -> Arc<Rates> {
    let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST - 1));
    Arc::new(RateLimiter::keyed(
        Quota::per_second(per_second).allow_burst(burst),
    ))
}

/// Removes idle addresses from time to time. Never returns.
pub async fn sweep(rates: Arc<Rates>) {
    loop {
        sleep(SWEEP).await;
        rates.retain_recent();
        rates.shrink_to_fit();
    }
}

impl BeaconHandler {
    /// The visitor's address, unless its beacons are dropped.
    fn admit(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(IpAddr, HeaderValue), DropReason> {
        let visitor = self.proxies.visitor(peer, headers);
        if self
            .rates
            .check_key(&client_key(SocketAddr::new(visitor, 0)))
            .is_err()
        {
            return Err(DropReason::Rate);
        }
        let origin = self.origin(headers).ok_or(DropReason::Origin)?;
        if proxies::contains(&self.ignored, visitor) {
            return Err(DropReason::Ignored);
        }
        if self.respect_gpc && headers.get(SEC_GPC).is_some_and(|value| value == "1") {
            return Err(DropReason::PrivacyControl);
        }
        let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        if user_agent.is_none_or(|text| text.is_empty() || self.crawlers.know(text)) {
            return Err(DropReason::Crawler);
        }
        Ok((visitor, origin))
    }

    /// The origin of the sending page, if it may send.
    fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let host = headers.get(HOST).and_then(|value| value.to_str().ok());
        let origin = headers.get(ORIGIN)?;
        self.sites
            .allow(origin.to_str().ok()?, host)
            .then(|| origin.clone())
    }

    async fn take(&self, peer: IpAddr, request: Request) -> Result<HeaderValue, DropReason> {
        let (visitor, origin) = self.admit(peer, request.headers())?;
        let body = timeout(BODY_TIMEOUT, Bytes::from_request(request, &()));
        let Ok(Ok(body)) = body.await else {
            return Err(DropReason::Body);
        };
        let beacon = Beacon::parse(&body, origin.to_str().unwrap_or_default())?;
        self.hub.apply(beacon, visitor)?;
        Ok(origin)
    }
}

/// `POST /v`.
pub async fn receive(
    State(handler): State<Arc<BeaconHandler>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    match handler.take(peer.ip(), request).await {
        Ok(origin) => (StatusCode::NO_CONTENT, allowed(origin)).into_response(),
        Err(reason) => {
            handler.metrics.dropped(reason);
            status(reason).into_response()
        }
    }
}

/// `OPTIONS /v`: browsers send this preflight request if an extension has added a header to the beacon.
pub async fn preflight(State(handler): State<Arc<BeaconHandler>>, headers: HeaderMap) -> Response {
    let Some(origin) = handler.origin(&headers) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let rules = [
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, allowed(origin), rules).into_response()
}

fn allowed(origin: HeaderValue) -> [(HeaderName, HeaderValue); 2] {
    let vary = HeaderValue::from_static("origin");
    [(ACCESS_CONTROL_ALLOW_ORIGIN, origin), (VARY, vary)]
}

/// The answer to the browser. The tracker ignores it; a developer sees it in the browser's tools.
fn status(reason: DropReason) -> StatusCode {
    match reason {
        DropReason::Origin => StatusCode::FORBIDDEN,
        DropReason::Body => StatusCode::PAYLOAD_TOO_LARGE,
        DropReason::Malformed => StatusCode::BAD_REQUEST,
        DropReason::Rate => StatusCode::TOO_MANY_REQUESTS,
        DropReason::Busy => StatusCode::SERVICE_UNAVAILABLE,
        DropReason::Ignored
        | DropReason::Crawler
        | DropReason::PrivacyControl
        | DropReason::Outdated
        | DropReason::MaxSessions
        | DropReason::MaxSessionsPerAddress => StatusCode::NO_CONTENT,
    }
}
