//! `--access-token`: who may see page, API and WebSocket.

use axum::extract::{Query, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::HashMap;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// The cookie that carries the token for a browser.
const COOKIE_NAME: &str = "visitor_access_token";

/// The query parameter with which a browser gets its cookie.
const PARAMETER: &str = "access_token";

/// The token that must be shown, if any.
#[derive(Clone)]
pub struct Access {
    token: Option<Arc<str>>,
}

impl Access {
    /// Without a token, or with an empty one as an unset variable leaves it, everybody may.
    pub fn new(token: Option<String>) -> Self {
        Self {
            token: token.filter(|token| !token.is_empty()).map(Into::into),
        }
    }

    fn allows(&self, shown: &str) -> bool {
        self.token
            .as_ref()
            .is_none_or(|token| token.as_bytes().ct_eq(shown.as_bytes()).into())
    }
}

/// Lets a request through that shows the token: as `Authorization: Bearer`, or as the cookie that a browser gets for
/// opening `/?access_token=…` once.
pub async fn check(
    State(access): State<Access>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
    next: Next,
) -> Response {
    if access.token.is_none() || shown(request.headers()).any(|shown| access.allows(shown)) {
        return next.run(request).await;
    }
    match query.get(PARAMETER) {
        Some(token) if access.allows(token) => {
            let cookie = format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict");
            ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        _ => (
            StatusCode::UNAUTHORIZED,
            "Open the page once as /?access_token=… with the token of its operator.\n",
        )
            .into_response(),
    }
}

fn shown(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let cookie = cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
    bearer.into_iter().chain(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_the_whole_token() {
        let access = Access::new(Some("secret".into()));
        assert!(access.allows("secret"));
        for shown in ["", "secre", "secrets", "SECRET"] {
            assert!(!access.allows(shown), "{shown}");
        }
    }

    #[test]
    fn shown_as_bearer_or_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        headers.insert(COOKIE, HeaderValue::from_static("x=y; visitor_access_token=b"));
        assert_eq!(shown(&headers).collect::<Vec<_>>(), ["a", "b"]);
    }
}
