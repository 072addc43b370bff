//! `GET /api/sessions`: the snapshot, built and compressed once for all clients that ask at the same time, or a page of it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::Guid;
use serde::Deserialize;
use tokio::time::Instant;

use crate::http::api::{Api, NEVER_STORED, refused};
use crate::http::shared_body::{SharedBody, TIMEOUT};
use crate::hub::Unavailable;
use crate::hub::outgoing::compressed;
use crate::hub::snapshots::Joined;

/// Maximum number of sessions in one page, and the default if the client gives only a cursor.
const MAX_LIMIT: usize = 10_000;
const DEFAULT_LIMIT: usize = 1_000;

/// Which part of the snapshot is wanted; all of it if nothing is given.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    limit: Option<String>,
    cursor: Option<String>,
}

/// An invalid limit or cursor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPage {
    #[error("limit must be a number from 1 to {MAX_LIMIT}")]
    Limit,
    #[error("cursor must be the nextCursor of the previous page")]
    Cursor,
}

/// A page of the snapshot: the session after which it starts, and its length.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    after: Option<Guid>,
    limit: usize,
}

impl Wanted {
    fn cut(&self) -> Result<Option<Cut>, InvalidPage> {
        if self.limit.is_none() && self.cursor.is_none() {
            return Ok(None);
        }
        let limit = self.limit.as_deref().map_or(Ok(DEFAULT_LIMIT), str::parse);
        let limit = limit.ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        // The first page has an empty cursor or none.
        let after = self.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        Ok(Some(Cut {
            after: after
                .map(Guid::new)
                .transpose()
                .map_err(|_| InvalidPage::Cursor)?,
            limit: limit.ok_or(InvalidPage::Limit)?,
        }))
    }
}

/// Answers with a snapshot of the view, or a page of it.
pub async fn sessions(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Unavailable> {
    let cut = match wanted.cut() {
        Ok(cut) => cut,
        Err(error) => return Ok(refused(StatusCode::BAD_REQUEST, &error)),
    };
    let Some(permit) = api.answers.acquire(peer) else {
        let retry = [(RETRY_AFTER, "1")];
        let why = "Too many snapshots are being sent.\n";
        return Ok((StatusCode::SERVICE_UNAVAILABLE, retry, why).into_response());
    };
    let (Joined { snapshot, .. }, _) = api.hub.join().await?;
    let accepts_gzip = accepts_gzip(&headers);
    let bytes = match cut {
        Some(Cut { after, limit }) => {
            let text = snapshot.page(after, limit).await;
            if accepts_gzip {
                compressed(&text)
            } else {
                text.into()
            }
        }
        None if accepts_gzip => snapshot.gzip().await,
        None => snapshot.whole().await,
    };
    let body = SharedBody::new(bytes, (permit, snapshot), Instant::now() + TIMEOUT);
    let kind = [(CONTENT_TYPE, "application/json"), NEVER_STORED];
    let vary = [(VARY, "accept-encoding")];
    let encoding = accepts_gzip.then_some([(CONTENT_ENCODING, "gzip")]);
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

    fn cut(limit: Option<&str>, cursor: Option<&str>) -> Result<Option<Cut>, InvalidPage> {
        let [limit, cursor] = [limit, cursor].map(|text| text.map(str::to_owned));
        Wanted { limit, cursor }.cut()
    }

    #[test]
    fn pages_are_cut_as_the_query_says() {
        let page = |after: Option<&str>, limit| {
            let after = after.map(|guid| Guid::new(guid).unwrap());
            Ok(Some(Cut { after, limit }))
        };
        assert_eq!(cut(None, None), Ok(None));
        assert_eq!(cut(Some("2"), None), page(None, 2));
        assert_eq!(cut(Some("2"), Some("")), page(None, 2));
        assert_eq!(cut(None, Some("b")), page(Some("b"), DEFAULT_LIMIT));
        for limit in ["0", "-1", "many", "", "10001", "99999999999999999999"] {
            assert_eq!(cut(Some(limit), None), Err(InvalidPage::Limit), "{limit}");
        }
        assert_eq!(cut(None, Some("a b")), Err(InvalidPage::Cursor));
    }

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
