//! The form where a browser shows the token, and what strangers are told.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use serde::Deserialize;
use service::clock;

use crate::access::{Access, COOKIE_NAME, Verdict};
use crate::{attempts, pass};

/// Where the form is.
const PATH: &str = "/login";

/// The most bytes of a filled-in form.
const MAX_FORM: usize = 4 * 1024;

const PAGE: &str = include_str!("login.html");
const STYLE: &str = include_str!("login.css");

/// Where in the page a message goes.
const MESSAGE: &str = "<!-- message -->";

/// The form and its style, for everybody; `encrypted` says whether we speak TLS.
pub fn routes(access: Access, encrypted: bool) -> Router {
    let style = async || ([(CONTENT_TYPE, "text/css")], STYLE);
    Router::new()
        .route(PATH, get(async || page(StatusCode::OK, "")).post(log_in))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .route("/login.css", get(style))
        .with_state(Login { access, encrypted })
}

#[derive(Clone)]
struct Login {
    access: Access,
    encrypted: bool,
}

#[derive(Deserialize)]
struct Filled {
    token: String,
}

async fn log_in(
    State(login): State<Login>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(Filled { token }): Form<Filled>,
) -> Response {
    match login.access.token(&token, peer) {
        Verdict::Welcome => {
            let secure = login.encrypted || is_encrypted_before_us(&headers);
            let cookie = login.access.pass(clock::now()).map(|pass| cookie(&pass, secure));
            (cookie.map(|cookie| [(SET_COOKIE, cookie)]), Redirect::to("/")).into_response()
        }
        verdict => refusal(verdict, PATH),
    }
}

/// Whether a proxy says that it was spoken to with TLS. Somebody who lies about it gets a cookie that is of less use.
fn is_encrypted_before_us(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .is_some_and(|protocol| protocol == "https")
}

fn cookie(pass: &str, secure: bool) -> String {
    let age = pass::LIFETIME.as_secs();
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={pass}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
}

/// What somebody is told who may not see `path`: people get the form, programs a sentence.
pub fn refusal(verdict: Verdict, path: &str) -> Response {
    let (status, message) = match verdict {
        Verdict::Welcome | Verdict::Stranger => (StatusCode::UNAUTHORIZED, ""),
        Verdict::Wrong => (StatusCode::UNAUTHORIZED, "That is not the token."),
        Verdict::Paused => (
            StatusCode::TOO_MANY_REQUESTS,
            "That were too many wrong tokens. Wait a minute, then try again.",
        ),
    };
    let mut response = if path.starts_with("/api/") || path == "/ws" {
        let help = "Show the token as `Authorization: Bearer`, or log in at /login.\n";
        (status, if message.is_empty() { help } else { message }).into_response()
    } else {
        page(status, message)
    };
    let headers = response.headers_mut();
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(RETRY_AFTER, attempts::PAUSE.as_secs().into());
    } else {
        headers.insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
    }
    response
}

/// The form. The messages are ours, and need no escaping.
fn page(status: StatusCode, message: &'static str) -> Response {
    let alert = format!("<p role=\"alert\">{message}</p>");
    let text = PAGE.replace(MESSAGE, if message.is_empty() { "" } else { &alert });
    (status, [(CACHE_CONTROL, "no-store")], Html(text)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_room_for_a_message() {
        assert_eq!(PAGE.matches(MESSAGE).count(), 1);
    }

    #[test]
    fn a_cookie_is_for_no_script_and_no_other_site() {
        assert_eq!(
            cookie("p", true),
            "visitor_pass=p; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!cookie("p", false).contains("Secure"));
    }

    #[test]
    fn people_get_the_form_and_programs_a_sentence() {
        for (path, kind) in [
            ("/", "text/html"),
            ("/api/sessions", "text/plain"),
            ("/ws", "text/plain"),
        ] {
            let response = refusal(Verdict::Stranger, path);
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            let content = response.headers()[CONTENT_TYPE].to_str().unwrap();
            assert!(content.starts_with(kind), "{path}: {content}");
        }
        let paused = refusal(Verdict::Paused, "/");
        assert_eq!(paused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(paused.headers()[RETRY_AFTER], "60");
    }
}
