//! The login form, logging out, and the answers to unauthorized requests.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, DefaultBodyLimit, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;
use service::clock;

use crate::http::auth::access::{Access, COOKIE_NAME, Decision};
use crate::http::auth::return_address::{LOGIN_PATH, ReturnAddress};
use crate::http::auth::{attempts, pass};
use crate::http::base_path::BasePath;
use crate::http::proxy::X_FORWARDED_PROTO;

/// The largest form, in bytes.
const MAX_FORM: usize = 4 * 1024;

const PAGE: &str = include_str!("login.html");
const STYLE: &str = include_str!("login.css");

/// Keeps the fragment of the address, which browsers do not send.
const SCRIPT: &str = include_str!("login.js");

/// What `page` replaces: the message, and the address that the form is sent to.
const MESSAGE: &str = "<!-- message -->";
const ACTION: &str = "/login?next=";

/// What `page` puts the base path in front of.
const FILES: [&str; 2] = ["/login.css", "/login.js"];

/// Tells the page that the reader has logged in, so that it offers to log out. It authorizes nothing, so scripts may
/// read it.
const LOGGED_IN_COOKIE: &str = "visitor_logged_in";

/// The form with its files, and logging out. These need no token. `encrypted` says whether the gateway serves
/// TLS.
pub fn routes(access: Access, encrypted: bool, base: BasePath) -> Router {
    Router::new()
        .route(LOGIN_PATH, get(form).post(log_in))
        .route("/logout", post(log_out))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .route("/login.css", get(async || ([(CONTENT_TYPE, "text/css")], STYLE)))
        .route(
            "/login.js",
            get(async || ([(CONTENT_TYPE, "text/javascript")], SCRIPT)),
        )
        .with_state(Login {
            access,
            encrypted,
            base,
        })
}

#[derive(Clone)]
struct Login {
    access: Access,
    encrypted: bool,
    base: BasePath,
}

#[derive(Deserialize)]
struct Filled {
    token: String,
}

/// Where to go after logging in.
#[derive(Deserialize)]
struct Destination {
    #[serde(default)]
    next: String,
}

impl Destination {
    fn address(&self, base: &BasePath) -> ReturnAddress {
        ReturnAddress::of(&self.next, base)
    }
}

async fn form(State(login): State<Login>, Query(destination): Query<Destination>) -> Response {
    page(StatusCode::OK, "", &destination.address(&login.base), &login.base)
}

async fn log_in(
    State(login): State<Login>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(destination): Query<Destination>,
    headers: HeaderMap,
    Form(Filled { token }): Form<Filled>,
) -> Response {
    let next = destination.address(&login.base);
    match login.access.token(&token, peer) {
        Decision::Authorized => {
            let secure = login.encrypted || is_encrypted_at_proxy(&headers);
            let pass = login.access.pass(clock::now());
            let cookies = pass.map(|pass| {
                AppendHeaders(log_in_cookies(&pass, secure, &login.base).map(|c| (SET_COOKIE, c)))
            });
            (cookies, Redirect::to(next.as_str())).into_response()
        }
        decision => form_refusal(decision, &next, &login.base),
    }
}

/// Removes the pass from the browser. The gateway stores no passes, so a copy stays valid until it expires.
async fn log_out(State(login): State<Login>) -> Response {
    let cookies = log_out_cookies(&login.base).map(|cookie| (SET_COOKIE, cookie));
    (AppendHeaders(cookies), Redirect::to(&login.base.of(LOGIN_PATH))).into_response()
}

/// Whether a proxy reports that the browser uses TLS. A client that lies only makes its own cookie less useful.
fn is_encrypted_at_proxy(headers: &HeaderMap) -> bool {
    let protocol = headers
        .get(X_FORWARDED_PROTO)
        .and_then(|value| value.to_str().ok());
    // The first of several values is from the proxy that the browser connects to.
    protocol
        .and_then(|protocols| protocols.split(',').next())
        .is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("https"))
}

/// The pass, and the cookie for the page. With `Lax`, a link from another site, such as a chat, opens the page at once.
/// Requests that change something also need our own origin.
fn log_in_cookies(pass: &str, secure: bool, base: &BasePath) -> [String; 2] {
    let path = base.page();
    let age = pass::LIFETIME.as_secs();
    let secure = if secure { "; Secure" } else { "" };
    [
        format!("{COOKIE_NAME}={pass}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"),
        format!("{LOGGED_IN_COOKIE}=1; Path={path}; Max-Age={age}; SameSite=Lax{secure}"),
    ]
}

fn log_out_cookies(base: &BasePath) -> [String; 2] {
    let path = base.page();
    [
        format!("{COOKIE_NAME}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Lax"),
        format!("{LOGGED_IN_COOKIE}=; Path={path}; Max-Age=0; SameSite=Lax"),
    ]
}

/// The answer to an unauthorized request for `uri`: the form for browsers, a sentence for API clients and where the form
/// would not help.
pub fn refusal(decision: Decision, uri: &Uri, base: &BasePath) -> Response {
    if decision == Decision::NotAtProxy {
        let why = "Log in at the proxy in front of the gateway: it has not said who you are.\n";
        return challenged((StatusCode::UNAUTHORIZED, why).into_response());
    }
    let path = uri.path();
    if path.starts_with("/api/") || path == "/ws" {
        let (status, message) = status_and_message(decision);
        let help = "Show the token as `Authorization: Bearer`, or log in at /login.\n";
        let message = if message.is_empty() { help } else { message };
        return challenged((status, message).into_response());
    }
    let asked_for = uri.path_and_query().map_or("/", |address| address.as_str());
    form_refusal(decision, &ReturnAddress::of(&base.of(asked_for), base), base)
}

fn form_refusal(decision: Decision, next: &ReturnAddress, base: &BasePath) -> Response {
    let (status, message) = status_and_message(decision);
    challenged(page(status, message, next, base))
}

fn status_and_message(decision: Decision) -> (StatusCode, &'static str) {
    match decision {
        Decision::Authorized | Decision::Unauthenticated | Decision::NotAtProxy => {
            (StatusCode::UNAUTHORIZED, "")
        }
        Decision::InvalidToken => (StatusCode::UNAUTHORIZED, "That is not the token."),
        Decision::LockedOut => (
            StatusCode::TOO_MANY_REQUESTS,
            "There were too many wrong tokens. Wait a minute, then try again.",
        ),
    }
}

/// Adds the header that tells API clients how to continue.
fn challenged(mut response: Response) -> Response {
    let too_many = response.status() == StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    if too_many {
        headers.insert(RETRY_AFTER, attempts::LOCKOUT.as_secs().into());
    } else {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The form. Neither part needs escaping: messages are constants, and the address is percent-encoded.
fn page(status: StatusCode, message: &'static str, next: &ReturnAddress, base: &BasePath) -> Response {
    let alert = format!("<p role=\"alert\">{message}</p>");
    let form = PAGE
        .replace(MESSAGE, if message.is_empty() { "" } else { &alert })
        .replace(ACTION, &next.login(base));
    let text = FILES
        .iter()
        .fold(form, |form, file| form.replace(file, &base.of(file)));
    (status, [(CACHE_CONTROL, "no-store")], Html(text)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_at(decision: Decision, uri: &'static str) -> Response {
        refusal(decision, &Uri::from_static(uri), &BasePath::default())
    }

    async fn text(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn form_has_places_for_a_message_and_an_address() {
        assert_eq!(PAGE.matches(MESSAGE).count(), 1);
        assert_eq!(PAGE.matches(ACTION).count(), 1);
    }

    #[test]
    fn cookies_are_hidden_from_scripts_and_other_sites() {
        let [pass, sign] = log_in_cookies("p", true, &BasePath::default());
        assert_eq!(
            pass,
            "visitor_pass=p; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(sign.starts_with("visitor_logged_in=1;") && !sign.contains("HttpOnly"));
        for cookie in log_in_cookies("p", false, &BasePath::default()) {
            assert!(!cookie.contains("Secure"));
        }
        for cookie in log_out_cookies(&BasePath::default()) {
            assert!(cookie.contains("=; Path=/; Max-Age=0;"), "{cookie}");
        }
    }

    #[test]
    fn browsers_get_the_form_and_api_clients_a_sentence() {
        for (path, kind) in [
            ("/", "text/html"),
            ("/api/sessions", "text/plain"),
            ("/ws", "text/plain"),
        ] {
            let response = refused_at(Decision::Unauthenticated, path);
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            let content = response.headers()[CONTENT_TYPE].to_str().unwrap();
            assert!(content.starts_with(kind), "{path}: {content}");
        }
        let paused = refused_at(Decision::LockedOut, "/");
        assert_eq!(paused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(paused.headers()[RETRY_AFTER], "60");
    }

    #[tokio::test]
    async fn form_leads_back_to_the_requested_address() {
        for (asked, action) in [
            ("/", "\"/login\""),
            ("/?q=lumen", "\"/login?next=%2F%3Fq%3Dlumen\""),
            ("//evil.example", "\"/login\""),
        ] {
            let form = text(refused_at(Decision::Unauthenticated, asked)).await;
            assert!(
                form.contains(&format!("<form method=\"post\" action={action}>")),
                "{form}"
            );
        }
    }

    #[tokio::test]
    async fn everything_is_below_the_base_path() {
        let base = "/visitors".parse().unwrap();
        let uri = Uri::from_static("/?q=lumen");
        let form = text(refusal(Decision::Unauthenticated, &uri, &base)).await;
        for address in [
            "\"/visitors/login?next=%2Fvisitors%2F%3Fq%3Dlumen\"",
            "\"/visitors/login.css\"",
            "\"/visitors/login.js\"",
        ] {
            assert!(form.contains(address), "{address}: {form}");
        }
        for cookie in log_in_cookies("p", true, &base)
            .iter()
            .chain(&log_out_cookies(&base))
        {
            assert!(cookie.contains("; Path=/visitors/;"), "{cookie}");
        }
    }

    #[test]
    fn a_proxy_says_whether_the_browser_spoke_tls() {
        for (said, encrypted) in [
            ("https", true),
            ("HTTPS, http", true),
            ("http", false),
            ("", false),
        ] {
            let headers = [("x-forwarded-proto", said)]
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            assert_eq!(
                is_encrypted_at_proxy(&HeaderMap::from_iter(headers)),
                encrypted,
                "{said}"
            );
        }
        assert!(!is_encrypted_at_proxy(&HeaderMap::new()));
    }
}
