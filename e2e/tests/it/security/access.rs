//! `--access-token`: nobody can read anything without it, and nobody can guess it.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::{Http, HttpResponse};
use e2e::processes::{Pipeline, Role};
use reqwest::StatusCode;

use super::first_frame;

const TOKEN: &str = "open-sesame";
const PAGE: &str = "the page itself";
const GUARDED: [&str; 6] = [
    "/",
    "/index.html",
    "/api/sessions",
    "/api/stats",
    "/api/pipeline",
    "/ws",
];

async fn guarded() -> Result<Pipeline> {
    let assets = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guarded");
    std::fs::create_dir_all(&assets)?;
    std::fs::write(assets.join("index.html"), PAGE)?;
    Pipeline::builder()
        .flag(Role::Gateway, "--assets", &assets.to_string_lossy())
        .flag(Role::Gateway, "--access-token", TOKEN)
        .start()
        .await
}

async fn bearer(gateway: &Http, path: &str, token: &str) -> Result<HttpResponse> {
    HttpResponse::of(gateway.request(path).bearer_auth(token)).await
}

/// What a browser keeps of the cookie that an answer sets.
fn cookie(answer: &HttpResponse) -> Result<&str> {
    let cookie = answer.headers.get("set-cookie").context("no cookie")?.to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default())
}

#[tokio::test]
async fn requests_without_a_token_get_only_the_form() -> Result<()> {
    let site = guarded().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    for path in GUARDED {
        for request in [
            gateway.request(path),
            gateway.request(path).header("cookie", "visitor_pass=1"),
            gateway
                .request(path)
                .header("cookie", format!("visitor_pass={TOKEN}")),
            gateway
                .request(path)
                .header("cookie", "visitor_pass=99999999999999.00"),
            gateway.request(&format!("{path}?access_token={TOKEN}")),
            gateway
                .request(path)
                .header("authorization", format!("Basic {TOKEN}")),
        ] {
            let answer = HttpResponse::of(request).await?;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            ensure!(!answer.text.contains(PAGE), "{path}");
            let is_form = answer.text.contains("<form method=\"post\" action=\"/login");
            assert_eq!(is_form, !path.starts_with("/api/") && path != "/ws", "{path}");
        }
    }
    assert_eq!(
        bearer(gateway, "/api/sessions", "open-sesam").await?.status,
        StatusCode::UNAUTHORIZED
    );
    ensure!(
        site.viewer().await.is_err(),
        "a viewer without the token was let in"
    );
    for open in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(gateway.get(open).await?.status, StatusCode::OK, "{open}");
    }
    Ok(())
}

#[tokio::test]
async fn programs_send_a_bearer_token() -> Result<()> {
    let site = guarded().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let answer = bearer(gateway, "/api/sessions", TOKEN).await?;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let authorization = format!("Bearer {TOKEN}");
    let frame = first_frame(gateway.base(), &[("authorization", &authorization)]).await?;
    assert_eq!(frame["type"], "snapshot");
    Ok(())
}

#[tokio::test]
async fn login_is_valid_on_all_gateways() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Gateway, 2)
        .flag(Role::Gateway, "--access-token", TOKEN)
        .start()
        .await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let wrong = gateway.post_form("/login", "token=open").await?;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    ensure!(wrong.text.contains("That is not the token.") && wrong.headers.get("set-cookie").is_none());

    let right = gateway.post_form("/login", &format!("token={TOKEN}")).await?;
    assert_eq!(
        (right.status, right.headers["location"].to_str()?),
        (StatusCode::SEE_OTHER, "/")
    );
    let set = right.headers["set-cookie"].to_str()?;
    ensure!(
        set.contains("HttpOnly") && set.contains("SameSite=Lax") && !set.contains("Secure"),
        "{set}"
    );
    ensure!(!set.contains("sesame"), "{set}");
    for number in [0, 1] {
        let gateway = &site.instance(Role::Gateway, number)?.http;
        for path in ["/api/sessions", "/api/stats", "/api/pipeline"] {
            let answer = HttpResponse::of(gateway.request(path).header("cookie", cookie(&right)?)).await?;
            assert_eq!(answer.status, StatusCode::OK, "{path} of gateway {number}");
        }
        let frame = first_frame(gateway.base(), &[("cookie", cookie(&right)?)]).await?;
        assert_eq!(frame["type"], "snapshot");
    }
    Ok(())
}

#[tokio::test]
async fn login_returns_to_the_requested_url_and_to_no_other_site() -> Result<()> {
    let site = guarded().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let form = gateway.get("/?q=lumen").await?;
    ensure!(
        form.text.contains("action=\"/login?next=%2F%3Fq%3Dlumen\""),
        "{}",
        form.text
    );
    for (next, location) in [
        ("%2F%3Fq%3Dlumen", "/?q=lumen"),
        ("%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("%2F%09%2Fevil.example", "/"),
        ("%2F.%2F%2Fevil.example", "/"),
        ("https%3A%2F%2Fevil.example", "/"),
        ("%2F%0D%0Aset-cookie%3A+a%3Db", "/"),
    ] {
        let path = format!("/login?next={next}");
        let answer = gateway.post_form(&path, &format!("token={TOKEN}")).await?;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{next}");
        assert_eq!(answer.headers["location"].to_str()?, location, "{next}");
    }
    Ok(())
}

#[tokio::test]
async fn logout_deletes_the_pass() -> Result<()> {
    let site = guarded().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let by_link = gateway.get("/logout").await?;
    ensure!(
        by_link.headers.get("set-cookie").is_none(),
        "a link logs nobody out"
    );
    let answer = gateway.post_form("/logout", "").await?;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.headers["location"], "/login");
    let cookies = answer.headers.get_all("set-cookie").iter();
    let cookies: Vec<_> = cookies.filter_map(|cookie| cookie.to_str().ok()).collect();
    for name in ["visitor_pass", "visitor_logged_in"] {
        let gone = format!("{name}=; Path=/; Max-Age=0");
        ensure!(
            cookies.iter().any(|cookie| cookie.starts_with(&gone)),
            "{cookies:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn too_many_wrong_tokens_lock_out_the_right_one() -> Result<()> {
    let site = guarded().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let logged_in = gateway.post_form("/login", &format!("token={TOKEN}")).await?;
    for attempt in 0..10 {
        let answer = if attempt % 2 == 0 {
            gateway.post_form("/login", "token=guess").await?
        } else {
            bearer(gateway, "/api/stats", "guess").await?
        };
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "attempt {attempt}");
    }
    for answer in [
        gateway.post_form("/login", &format!("token={TOKEN}")).await?,
        bearer(gateway, "/api/stats", TOKEN).await?,
    ] {
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers["retry-after"], "60");
    }
    let pass = gateway
        .request("/api/stats")
        .header("cookie", cookie(&logged_in)?);
    assert_eq!(
        HttpResponse::of(pass).await?.status,
        StatusCode::OK,
        "who is in stays in"
    );
    Ok(())
}

#[tokio::test]
async fn token_can_come_from_a_file() -> Result<()> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("access-token");
    std::fs::write(&file, format!("{TOKEN}\n"))?;
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--access-token-file", &file.to_string_lossy())
        .start()
        .await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    assert_eq!(gateway.get("/api/stats").await?.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bearer(gateway, "/api/stats", TOKEN).await?.status, StatusCode::OK);
    Ok(())
}
