//! `GET /api/sessions`: the snapshot, built and compressed once for all clients that ask at the same time.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::http::api::{Api, NEVER_STORED};
use crate::http::shared_body::{SharedBody, TIMEOUT};
use crate::hub::Unavailable;
use crate::hub::snapshots::Joined;

/// Answers with a snapshot of the view.
pub async fn sessions(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Unavailable> {
    let Some(permit) = api.answers.acquire(peer) else {
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

/// Whether the client accepts gzip (RFC 9110, section 12.5.3). Without the header it does not.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    // `gzip` takes precedence over `*`.
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
}
