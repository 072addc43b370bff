//! Checks `--access-token`, in the `Authorization` header or as a pass in a cookie.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use protocol::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::http::auth::attempts::Attempts;
use crate::http::auth::pass::Passes;

/// The cookie that holds a pass.
pub const COOKIE_NAME: &str = "visitor_pass";

/// Whether a request is authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request has the token or a valid pass.
    Authorized,
    /// The request has no token and no valid pass.
    Unauthenticated,
    /// The token is wrong.
    InvalidToken,
    /// Nobody has logged in at the proxy, and there is no token.
    NotAtProxy,
    /// The address has sent too many wrong tokens; its tokens are not checked for a minute.
    LockedOut,
}

/// The token that requests need, if any. Clones share the count of wrong tokens.
#[derive(Clone)]
pub struct Access(Option<Arc<Guard>>);

struct Guard {
    /// Kept instead of the token: digests have one length, so comparing them takes constant time.
    digest: [u8; 32],
    passes: Passes,
    attempts: Attempts,
}

impl Access {
    /// Authorizes all requests if there is no token or it is empty, as an unset variable is.
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

    /// Whether no token is needed.
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Checks a token, and counts it if it is wrong.
    pub fn token(&self, token: &str, peer: SocketAddr) -> Decision {
        let Some(guard) = &self.0 else {
            return Decision::Authorized;
        };
        if !guard.attempts.are_allowed(peer) {
            Decision::LockedOut
        } else if guard.digest.ct_eq(&digest(token)).into() {
            Decision::Authorized
        } else {
            guard.attempts.record(peer);
            Decision::InvalidToken
        }
    }

    /// A new pass, for a client that has sent the token; `None` if no token is needed.
    pub fn pass(&self, now: Timestamp) -> Option<String> {
        self.0.as_ref().map(|guard| guard.passes.issue(now))
    }

    /// Checks the pass in the cookie or the token in `Authorization: Bearer`. An invalid pass does not count as a wrong
    /// token: it has expired, or its signature is a guess that cannot succeed.
    pub fn check(&self, headers: &HeaderMap, peer: SocketAddr, now: Timestamp) -> Decision {
        let Some(guard) = &self.0 else {
            return Decision::Authorized;
        };
        if passes(headers).any(|pass| guard.passes.is_valid(pass, now)) {
            return Decision::Authorized;
        }
        bearer(headers).map_or(Decision::Unauthenticated, |token| self.token(token, peer))
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
    use crate::http::auth::attempts::MAX_ATTEMPTS;
    use axum::http::HeaderValue;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);

    fn peer() -> SocketAddr {
        "203.0.113.7:1".parse().unwrap()
    }

    fn checked(access: &Access, name: &'static str, value: &str) -> Decision {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        access.check(&headers, peer(), NOW)
    }

    #[test]
    fn accepts_only_the_exact_token() {
        let access = Access::new(Some("secret"));
        assert_eq!(
            checked(&access, "authorization", "Bearer secret"),
            Decision::Authorized
        );
        for shown in ["", "secre", "secrets", "SECRET"] {
            let bearer = format!("Bearer {shown}");
            assert_eq!(
                checked(&access, "authorization", &bearer),
                Decision::InvalidToken,
                "{shown}"
            );
        }
        assert_eq!(
            checked(&access, "authorization", "Basic secret"),
            Decision::Unauthenticated
        );
        assert_eq!(
            access.check(&HeaderMap::new(), peer(), NOW),
            Decision::Unauthenticated
        );
    }

    #[test]
    fn accepts_a_pass_among_other_cookies_and_never_the_token() {
        let access = Access::new(Some("secret"));
        let pass = access.pass(NOW).unwrap();
        let cookies = format!("x=y; {COOKIE_NAME}=old; {COOKIE_NAME}={pass}");
        assert_eq!(checked(&access, "cookie", &cookies), Decision::Authorized);
        for _ in 0..=MAX_ATTEMPTS {
            let token = format!("{COOKIE_NAME}=secret");
            assert_eq!(checked(&access, "cookie", &token), Decision::Unauthenticated);
        }
    }

    #[test]
    fn lockout_does_not_invalidate_passes() {
        let access = Access::new(Some("secret"));
        for _ in 0..MAX_ATTEMPTS {
            assert_eq!(access.token("guess", peer()), Decision::InvalidToken);
        }
        assert_eq!(access.token("secret", peer()), Decision::LockedOut);
        let pass = format!("{COOKIE_NAME}={}", access.pass(NOW).unwrap());
        assert_eq!(checked(&access, "cookie", &pass), Decision::Authorized);
    }

    #[test]
    fn authorizes_everybody_without_a_token() {
        for access in [Access::new(None), Access::new(Some(""))] {
            assert_eq!(access.check(&HeaderMap::new(), peer(), NOW), Decision::Authorized);
            assert_eq!(access.pass(NOW), None);
        }
    }
}
