use super::*;

fn allows(method: &Method, headers: &[(&'static str, &str)]) -> bool {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_str(value).unwrap());
    }
    Origins::new(&[parse("https://portal.example").unwrap()]).allows(method, "/ws", &map)
}

fn may(host: &str, origin: &str) -> bool {
    allows(&Method::POST, &[("host", host), ("origin", origin)])
}

#[test]
fn our_own_pages_and_those_that_are_allowed() {
    for (host, origin) in [
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("visitors.example", "https://visitors.example"),
        ("visitors.example:443", "https://visitors.example"),
        ("VISITORS.example", "http://visitors.example"),
        ("[::1]:3000", "http://[::1]:3000"),
        ("127.0.0.1:3000", "https://portal.example"),
    ] {
        assert!(may(host, origin), "{origin} at {host}");
    }
}

#[test]
fn foreign_and_opaque_origins_are_rejected() {
    for (host, origin) in [
        ("127.0.0.1:3000", "http://127.0.0.1:3001"),
        ("127.0.0.1:3000", "http://localhost:3000"),
        ("visitors.example", "https://visitors.example.evil.example"),
        ("visitors.example", "https://evil.example/visitors.example"),
        ("visitors.example", "https://visitors.example:8443"),
        ("127.0.0.1:3000", "http://portal.example"),
        ("127.0.0.1:3000", "null"),
        ("127.0.0.1:3000", ""),
        ("127.0.0.1:3000", "file://"),
        ("", "file://"),
        ("127.0.0.1:3000", "data:text/html,x"),
    ] {
        assert!(!may(host, origin), "{origin} at {host}");
    }
}

#[test]
fn programs_need_not_say() {
    for method in [Method::GET, Method::POST] {
        assert!(Origins::new(&[]).allows(&method, "/ws", &HeaderMap::new()));
    }
}

#[test]
fn a_browser_is_believed_whatever_a_proxy_does_to_the_host() {
    let behind_proxy = ("host", "gateway:3000");
    for origin in ["https://visitors.example", "null"] {
        let headers = [
            behind_proxy,
            ("origin", origin),
            ("sec-fetch-site", "same-origin"),
        ];
        assert!(allows(&Method::POST, &headers), "{origin}");
    }
    // Chromium sends no Sec-Fetch-Site with a WebSocket.
    let origin = ("origin", "https://visitors.example");
    assert!(!allows(&Method::GET, &[behind_proxy, origin]));
    for forwarded in ["visitors.example", "visitors.example, inner:8080"] {
        let forwarded = ("x-forwarded-host", forwarded);
        assert!(allows(&Method::GET, &[behind_proxy, origin, forwarded]));
    }
    let forwarded = ("x-forwarded-host", "other.example");
    assert!(!allows(&Method::GET, &[behind_proxy, origin, forwarded]));
}

#[test]
fn another_site_may_link_to_us_and_change_nothing() {
    let host = ("host", "visitors.example");
    for site in ["cross-site", "same-site", "something-new"] {
        let site = ("sec-fetch-site", site);
        assert!(allows(&Method::GET, &[host, site]), "a link is followed");
        assert!(!allows(&Method::POST, &[host, site]));
        // The same host without TLS: anyone on the network path can forge such a page.
        let insecure = ("origin", "http://visitors.example");
        assert!(!allows(&Method::POST, &[host, site, insecure]));
        let portal = ("origin", "https://portal.example");
        assert!(allows(&Method::POST, &[host, site, portal]));
    }
}

#[test]
fn an_origin_and_nothing_more() {
    assert!(parse("https://portal.example:8443").is_ok());
    for text in [
        "portal.example",
        "https://portal.example/path",
        "data:x",
        "*",
        "https://",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn files_of_the_page_are_served_to_every_page() {
    let origins = Origins::new(&[]);
    let headers = HeaderMap::from_iter([
        (HOST, HeaderValue::from_static("127.0.0.1:3000")),
        (ORIGIN, HeaderValue::from_static("http://visitors.example")),
    ]);
    for path in ["/", "/assets/index-1.js", "/login"] {
        assert!(origins.allows(&Method::GET, path, &headers), "{path}");
        assert!(!origins.allows(&Method::POST, path, &headers), "{path}");
    }
    for path in ["/ws", "/api", "/api/sessions"] {
        assert!(!origins.allows(&Method::GET, path, &headers), "{path}");
    }
}
