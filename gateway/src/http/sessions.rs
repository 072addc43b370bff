//! `GET /api/sessions`: the snapshot, built and compressed once for everyone who asks at the same time.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use service::client_limit::{ClientLimit, ClientPermit};
use service::{Place, Room};
use tokio::time::Instant;

use crate::http::api::{Api, NEVER_STORED};
use crate::http::shared_body::{SharedBody, TIMEOUT};
use crate::hub::Unavailable;
use crate::hub::snapshots::Joined;

/// The most answers that are being sent at once, and how many of them to one address.
pub const MAX_ANSWERS: usize = 256;
const MAX_ANSWERS_PER_ADDRESS: usize = 64;

/// The answers that are being sent. Clones share them.
#[derive(Clone)]
pub struct Answers {
    room: Room,
    clients: ClientLimit,
}

impl Answers {
    /// Room for so many, and for some of each address.
    pub fn new(room: Room) -> Self {
        Self {
            room,
            clients: ClientLimit::new(MAX_ANSWERS_PER_ADDRESS),
        }
    }

    fn begin(&self, peer: SocketAddr) -> Option<(Place, Arc<ClientPermit>)> {
        let client = self.clients.acquire(peer);
        if client.is_none() {
            self.room.refuse();
        }
        let client = Arc::new(client?);
        Some((self.room.enter()?, client))
    }
}

/// Answers with the snapshot.
pub async fn sessions(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Unavailable> {
    let Some(permit) = api.answers.begin(peer) else {
        let retry = [(RETRY_AFTER, "1")];
        let why = "Too many snapshots are being sent.\n";
        return Ok((StatusCode::SERVICE_UNAVAILABLE, retry, why).into_response());
    };
    let (Joined { snapshot, .. }, _) = api.hub.join().await?;
    let (encoding, bytes) = if accepts_gzip(&headers) {
        (Some([(CONTENT_ENCODING, "gzip")]), snapshot.gzip().await)
    } else {
        (None, snapshot.text().await)
    };
    let body = SharedBody::new(bytes, (permit, snapshot), Instant::now() + TIMEOUT);
    let kind = [(CONTENT_TYPE, "application/json"), NEVER_STORED];
    let vary = [(VARY, "accept-encoding")];
    Ok((kind, vary, encoding, Body::new(body)).into_response())
}

/// Whether gzip may be answered with (RFC 9110, section 12.5.3). Who says nothing gets none.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    // Naming it counts more than naming all.
    let (mut named, mut any) = (None, None);
    for coding in codings {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::trim);
        let accepted = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0));
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => named = Some(accepted),
            "*" => any = Some(accepted),
            _ => {}
        }
    }
    named.or(any).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use service::metrics::{Counter, Gauge};

    #[test]
    fn gzip_where_it_is_accepted() {
        for (accepted, gzip) in [
            ("gzip", true),
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("", false),
            ("identity", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("*, gzip;q=0", false),
            ("gzip;q=nonsense", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(accepts_gzip(&headers), gzip, "{accepted}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn one_address_does_not_take_every_answer() {
        let answers = Answers::new(Room::new(MAX_ANSWERS, Gauge::default(), Counter::default()));
        let [one, other] = ["203.0.113.7:1", "203.0.113.8:1"].map(|peer| peer.parse().unwrap());
        let held: Vec<_> = (0..MAX_ANSWERS).map_while(|_| answers.begin(one)).collect();
        assert_eq!(held.len(), MAX_ANSWERS_PER_ADDRESS);
        assert!(answers.begin(other).is_some());
        drop(held);
        assert!(answers.begin(one).is_some());
    }
}
