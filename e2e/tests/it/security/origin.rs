//! Pages of others get nothing from the gateway, whatever cookie their visitors have.

use anyhow::{Result, ensure};
use e2e::clients::HttpResponse;
use e2e::processes::{Pipeline, Role};
use reqwest::StatusCode;

use super::first_frame;

const FOREIGN: [&str; 5] = [
    "https://evil.example",
    "http://127.0.0.1:1",
    "http://localhost",
    "null",
    "file://",
];

#[tokio::test]
async fn foreign_page_cannot_open_a_websocket_or_read() -> Result<()> {
    let site = Pipeline::builder()
        .flag(
            Role::Gateway,
            "--allowed-origin",
            "https://portal.example,https://other.example:8443",
        )
        .start()
        .await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    for origin in FOREIGN {
        let error = first_frame(gateway.base(), &[("origin", origin)]).await.err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        ensure!(error.contains("403"), "{origin}: {error}");
        for path in ["/api/sessions", "/api/stats", "/api/nothing"] {
            let answer = HttpResponse::of(gateway.request(path).header("origin", origin)).await?;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin} {path}");
            ensure!(answer.headers.get("access-control-allow-origin").is_none());
        }
        let form = gateway.request("/login").header("origin", origin);
        let answer = HttpResponse::of(form).await?;
        assert_eq!(answer.status, StatusCode::OK, "the form holds no secret");
        ensure!(answer.headers.get("access-control-allow-origin").is_none());
    }
    Ok(())
}

#[tokio::test]
async fn own_page_allowed_origin_and_programs_are_accepted() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--allowed-origin", "https://portal.example")
        .start()
        .await?;
    let base = site.instance(Role::Gateway, 0)?.http.base();
    let own = [("origin", base)];
    let allowed = [("origin", "https://portal.example")];
    for headers in [&own[..], &allowed, &[]] {
        assert_eq!(
            first_frame(base, headers).await?["type"],
            "snapshot",
            "{headers:?}"
        );
    }
    Ok(())
}
