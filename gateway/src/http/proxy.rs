//! Accepts what trusted proxies report about a request, and ignores such reports by others: the client's address, the
//! host and scheme that it used, and the logged-in user.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::FORWARDED;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use service::proxies::{Proxies, contains};

/// The host that the browser requested.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The scheme that the browser used.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The addresses that a request has passed through.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const FORWARDED_HEADERS: [HeaderName; 4] = [X_FORWARDED_HOST, X_FORWARDED_PROTO, X_FORWARDED_FOR, FORWARDED];

/// A request by a user that the proxy has logged in.
#[derive(Clone, Copy, Debug)]
pub struct LoggedInAtProxy;

/// Which proxies are trusted. Clones share it.
#[derive(Clone, Debug)]
pub struct Trust(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    proxies: Proxies,
    user_header: Option<HeaderName>,
}

impl Trust {
    /// Trusts these proxies, which name the logged-in user in this header.
    pub fn new(proxies: Proxies, user_header: Option<HeaderName>) -> Self {
        Self(Arc::new(Inner { proxies, user_header }))
    }

    /// Sets the request's client address, and removes these headers unless they come from a trusted proxy.
    fn apply(&self, peer: SocketAddr, request: &mut Request) {
        let Inner { proxies, user_header } = &*self.0;
        if !contains(&proxies.trusted, peer.ip().to_canonical()) {
            for name in FORWARDED_HEADERS.iter().chain(user_header) {
                request.headers_mut().remove(name);
            }
            return;
        }
        let client = proxies.visitor(peer.ip(), request.headers());
        let is_user = |value: &HeaderValue| !value.as_bytes().trim_ascii().is_empty();
        let user = user_header.as_ref().and_then(|name| request.headers().get(name));
        let is_logged_in = user.is_some_and(is_user);
        let client = ConnectInfo(SocketAddr::new(client, peer.port()));
        request.extensions_mut().insert(client);
        if is_logged_in {
            request.extensions_mut().insert(LoggedInAtProxy);
        }
    }
}

/// Lets the following checks see the client instead of the proxy.
pub async fn see_through(
    State(trust): State<Trust>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    trust.apply(peer, &mut request);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use service::proxies::network;

    /// The client's address, whether it is logged in, and the headers that are left.
    fn seen(peer: &str, headers: &[(&str, &str)]) -> (String, bool, usize) {
        let proxies = Proxies {
            trusted: vec![network("10.0.0.0/8").unwrap()],
            header: X_FORWARDED_FOR,
        };
        let trust = Trust::new(proxies, Some(HeaderName::from_static("x-user")));
        let mut request = headers
            .iter()
            .fold(Request::get("/"), |request, (name, value)| {
                request.header(*name, *value)
            })
            .body(Body::empty())
            .unwrap();
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        trust.apply(peer, &mut request);
        let ConnectInfo(client) = request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap();
        let is_logged_in = request.extensions().get::<LoggedInAtProxy>().is_some();
        (client.ip().to_string(), is_logged_in, request.headers().len())
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let said = [
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-host", "visitors.example"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=203.0.113.7"),
            ("x-user", "ada"),
            ("accept", "*/*"),
        ];
        assert_eq!(seen("10.1.2.3:4", &said), ("203.0.113.7".into(), true, 6));
        assert_eq!(seen("198.51.100.1:4", &said), ("198.51.100.1".into(), false, 1));
        assert_eq!(
            seen("[::ffff:10.1.2.3]:4", &said),
            ("203.0.113.7".into(), true, 6)
        );
    }

    #[test]
    fn nobody_is_logged_in_without_a_name() {
        for name in ["", " "] {
            assert_eq!(
                seen("10.1.2.3:4", &[("x-user", name)]),
                ("10.1.2.3".into(), false, 1)
            );
        }
        assert_eq!(seen("10.1.2.3:4", &[]), ("10.1.2.3".into(), false, 0));
    }
}
