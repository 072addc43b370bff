//! `--access-token`: who may see page, API and WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::middleware::Next;
use axum::response::Response;
use protocol::Millis;
use service::clock;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::http::auth::attempts::Attempts;
use crate::http::auth::login;
use crate::http::auth::pass::Passes;

/// The cookie that carries a browser's pass.
pub const COOKIE_NAME: &str = "visitor_pass";

/// What becomes of somebody who wants to see something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Welcome,
    /// They show no token and no pass that holds.
    Stranger,
    /// The token is not the right one.
    Wrong,
    /// They have shown too many wrong tokens; nobody looks at another for a while.
    Paused,
}

/// The token that must be shown, if any. Clones share the attempts at it.
#[derive(Clone)]
pub struct Access(Option<Arc<Guard>>);

struct Guard {
    /// Of the token only this is kept: two of the same length can be compared in the same time, whatever they hold.
    digest: [u8; 32],
    passes: Passes,
    attempts: Attempts,
}

impl Access {
    /// Without a token, or with an empty one as an unset variable leaves it, everybody may.
    pub fn new(token: Option<&str>) -> Self {
        let token = token.filter(|token| !token.is_empty());
        Self(token.map(|token| {
            Arc::new(Guard {
                digest: digest(token),
                passes: Passes::new(token),
                attempts: Attempts::new(),
            })
        }))
    }

    /// Whether the token is the right one.
    pub fn token(&self, token: &str, peer: SocketAddr) -> Verdict {
        let Some(guard) = &self.0 else {
            return Verdict::Welcome;
        };
        if !guard.attempts.may(peer) {
            Verdict::Paused
        } else if guard.digest.ct_eq(&digest(token)).into() {
            Verdict::Welcome
        } else {
            guard.attempts.failed(peer);
            Verdict::Wrong
        }
    }

    /// A pass for somebody who has shown the token; `None` where nobody needs one.
    pub fn pass(&self, now: Millis) -> Option<String> {
        self.0.as_ref().map(|guard| guard.passes.issue(now))
    }

    /// Judges by a pass in the cookie, or by the token as `Authorization: Bearer`. Passes that do not hold are nobody's
    /// attempt: they have got old, or cannot be guessed.
    fn judge(&self, headers: &HeaderMap, peer: SocketAddr, now: Millis) -> Verdict {
        let Some(guard) = &self.0 else {
            return Verdict::Welcome;
        };
        if passes(headers).any(|pass| guard.passes.holds(pass, now)) {
            return Verdict::Welcome;
        }
        bearer(headers).map_or(Verdict::Stranger, |token| self.token(token, peer))
    }
}

/// Lets through who may, and shows the others the door.
pub async fn check(
    State(access): State<Access>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match access.judge(request.headers(), peer, clock::now()) {
        Verdict::Welcome => next.run(request).await,
        verdict => login::refusal(verdict, request.uri()),
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn passes(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::attempts::MOST;
    use axum::http::HeaderValue;

    const NOW: Millis = 1_750_000_000_000;

    fn peer() -> SocketAddr {
        "203.0.113.7:1".parse().unwrap()
    }

    fn judged(access: &Access, name: &'static str, value: &str) -> Verdict {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        access.judge(&headers, peer(), NOW)
    }

    #[test]
    fn only_the_whole_token() {
        let access = Access::new(Some("secret"));
        assert_eq!(
            judged(&access, "authorization", "Bearer secret"),
            Verdict::Welcome
        );
        for shown in ["", "secre", "secrets", "SECRET"] {
            let bearer = format!("Bearer {shown}");
            assert_eq!(
                judged(&access, "authorization", &bearer),
                Verdict::Wrong,
                "{shown}"
            );
        }
        assert_eq!(
            judged(&access, "authorization", "Basic secret"),
            Verdict::Stranger
        );
        assert_eq!(access.judge(&HeaderMap::new(), peer(), NOW), Verdict::Stranger);
    }

    #[test]
    fn a_pass_among_other_cookies_but_not_the_token_itself() {
        let access = Access::new(Some("secret"));
        let pass = access.pass(NOW).unwrap();
        let cookies = format!("x=y; {COOKIE_NAME}=old; {COOKIE_NAME}={pass}");
        assert_eq!(judged(&access, "cookie", &cookies), Verdict::Welcome);
        for _ in 0..=MOST {
            let token = format!("{COOKIE_NAME}=secret");
            assert_eq!(judged(&access, "cookie", &token), Verdict::Stranger);
        }
    }

    #[test]
    fn too_many_wrong_tokens_bring_a_pause_that_does_not_end_a_pass() {
        let access = Access::new(Some("secret"));
        for _ in 0..MOST {
            assert_eq!(access.token("guess", peer()), Verdict::Wrong);
        }
        assert_eq!(access.token("secret", peer()), Verdict::Paused);
        let pass = format!("{COOKIE_NAME}={}", access.pass(NOW).unwrap());
        assert_eq!(judged(&access, "cookie", &pass), Verdict::Welcome);
    }

    #[test]
    fn without_a_token_everybody() {
        for access in [Access::new(None), Access::new(Some(""))] {
            assert_eq!(access.judge(&HeaderMap::new(), peer(), NOW), Verdict::Welcome);
            assert_eq!(access.pass(NOW), None);
        }
    }
}
