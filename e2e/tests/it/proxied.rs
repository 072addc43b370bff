//! The gateway behind a real nginx and a real Caddy, with the configurations that the documents give.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::{Http, HttpResponse};
use e2e::processes::{Builder, Certificates, Pipeline, ReverseProxy, Role, caddy};
use e2e::{Visitor, eventually};
use reqwest::StatusCode;
use serde_json::Value;
use simulator::world::Kind;

use crate::page::browser::{Page, with_page};

const TOKEN: &str = "open-sesame";

/// Both proxies in front of one gateway.
struct Proxied {
    site: Pipeline,
    certificates: Certificates,
    proxies: [(&'static str, ReverseProxy); 2],
}

fn folder(name: &str) -> Result<PathBuf> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn proxied(name: &str, site: Builder) -> Result<Proxied> {
    let site = site
        .flag(Role::Gateway, "--base-path", "/visitors")
        .flag(Role::Gateway, "--trusted-proxies", "127.0.0.1")
        .start()
        .await?;
    let certificates = Certificates::make(&folder(&format!("{name}-certificates"))?)?;
    let base = site.instance(Role::Gateway, 0)?.http.base();
    let nginx = ReverseProxy::nginx(base, &folder(&format!("{name}-nginx"))?, &certificates).await?;
    let of_caddy = folder(&format!("{name}-caddy"))?;
    let caddy = ReverseProxy::caddy("Caddyfile", base, &of_caddy, &certificates, "").await?;
    Ok(Proxied {
        site,
        certificates,
        proxies: [("nginx", nginx), ("caddy", caddy)],
    })
}

/// A client with another address of this machine.
fn client(base: &str, address: &str, certificates: &Certificates) -> Result<Http> {
    let address: IpAddr = address.parse()?;
    Http::encrypted_from(base, &certificates.authority(), address)
}

#[tokio::test]
async fn page_works_below_a_path_of_a_proxy() -> Result<()> {
    let Proxied { site, proxies, .. } = proxied("page", with_page()).await?;
    for (number, (name, proxy)) in (1..).zip(&proxies) {
        let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, number));
        site.send(&[visitor.opened(0)]);
        let mut page = Page::at(&format!("{}/visitors/", proxy.http.base()))?;
        page.shows(&format!("the visitor behind {name}"), |seen| {
            seen.is_live()?;
            seen.row(&visitor).map(drop)
        })
        .await?;
        page.is_content().await?;
        let redirect = proxy.http.get("/visitors").await?;
        ensure!(redirect.status.is_redirection(), "{name}: {}", redirect.status);
        let location = redirect.headers["location"].to_str()?;
        ensure!(location.ends_with("/visitors/"), "{name}: {location}");
        let answer = proxy.http.get("/visitors/api/stats").await?;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        let missing = proxy.http.get("/visitors/api/nothing").await?;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{name}");
        ensure!(serde_json::from_str::<Value>(&missing.text)?["error"].is_string());
        let elsewhere = proxy.http.get("/api/stats").await?;
        ensure!(
            elsewhere.text.is_empty() || elsewhere.status == StatusCode::NOT_FOUND,
            "{name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn wrong_tokens_lock_out_one_client_behind_a_proxy() -> Result<()> {
    let site = with_page().flag(Role::Gateway, "--access-token", TOKEN);
    let Proxied {
        site: _site,
        certificates,
        proxies,
    } = proxied("lockout", site).await?;
    for (number, (name, proxy)) in (2..).zip(&proxies) {
        let base = proxy.http.base();
        let guesser = client(base, &format!("127.0.0.{number}0"), &certificates)?;
        let other = client(base, &format!("127.0.0.{number}1"), &certificates)?;
        for _ in 0..10 {
            let answer = guesser.post_form("/visitors/login", "token=guess").await?;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        }
        let paused = guesser.post_form("/visitors/login", "token=open-sesame").await?;
        assert_eq!(paused.status, StatusCode::TOO_MANY_REQUESTS, "{name}");
        let login = other
            .post_form("/visitors/login?next=%2Fvisitors%2F%3Fq%3Da", "token=open-sesame")
            .await?;
        assert_eq!(login.headers["location"], "/visitors/?q=a", "{name}");
        let cookie = login.headers["set-cookie"].to_str()?;
        ensure!(cookie.contains("; Path=/visitors/;"), "{name}: {cookie}");
        ensure!(cookie.ends_with("; Secure"), "{name}: {cookie}");
    }
    Ok(())
}

#[tokio::test]
async fn request_rate_is_per_client_behind_a_proxy() -> Result<()> {
    let site = with_page().flag(Role::Gateway, "--request-rate", "2");
    let Proxied {
        site: _site,
        certificates,
        proxies,
    } = proxied("rate", site).await?;
    for (number, (name, proxy)) in (4..).zip(&proxies) {
        let base = proxy.http.base();
        let eager = client(base, &format!("127.0.0.{number}0"), &certificates)?;
        let other = client(base, &format!("127.0.0.{number}1"), &certificates)?;
        eventually("the eager client is refused", async || {
            let answer = eager.get("/visitors/api/stats").await?;
            ensure!(
                answer.status == StatusCode::TOO_MANY_REQUESTS,
                "{}",
                answer.status
            );
            Ok(())
        })
        .await?;
        let answer = other.get("/visitors/api/stats").await?;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn proxy_says_who_has_logged_in() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--trusted-proxies", "127.0.0.1")
        .flag(Role::Gateway, "--user-header", "X-Remote-User")
        .start()
        .await?;
    let certificates = Certificates::make(&folder("sso-certificates")?)?;
    let hashed = Command::new(caddy()?)
        .args(["hash-password", "--plaintext", TOKEN])
        .output()?;
    let hash = String::from_utf8(hashed.stdout)?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let of_caddy = folder("sso-caddy")?;
    let proxy = ReverseProxy::caddy(
        "Caddyfile.sso",
        gateway.base(),
        &of_caddy,
        &certificates,
        hash.trim(),
    )
    .await?;
    let request = || {
        proxy
            .http
            .request("/api/stats")
            .header("x-remote-user", "mallory")
    };
    let stranger = HttpResponse::of(request()).await?;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let ada = HttpResponse::of(request().basic_auth("ada", Some(TOKEN))).await?;
    assert_eq!(ada.status, StatusCode::OK, "{}", ada.text);

    let direct = gateway.get("/api/stats").await?;
    assert_eq!(direct.status, StatusCode::UNAUTHORIZED);
    ensure!(direct.text.contains("proxy"), "{}", direct.text);
    let untrusted = reqwest::Client::builder()
        .local_address(Some("127.0.0.9".parse()?))
        .build()?
        .get(format!("{}/api/stats", gateway.base()))
        .header("x-remote-user", "mallory");
    assert_eq!(
        HttpResponse::of(untrusted).await?.status,
        StatusCode::UNAUTHORIZED
    );
    Ok(())
}

#[tokio::test]
async fn scripts_are_served_to_a_proxy_that_changes_the_host() -> Result<()> {
    let site = with_page().start().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let page = gateway.get("/").await?.text;
    let script = page
        .split('"')
        .find(|part| part.starts_with("./assets/") && part.contains(".js"))
        .context(page.clone())?;
    let path = format!("/{}", script.trim_start_matches("./"));
    // As a browser asks for it without TLS, and as nginx passes it on by default.
    let request = gateway.request(&path).header("origin", "http://visitors.example");
    assert_eq!(HttpResponse::of(request).await?.status, StatusCode::OK);
    let request = gateway
        .request("/api/sessions")
        .header("origin", "http://visitors.example");
    let refused = HttpResponse::of(request).await?;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    ensure!(refused.text.contains("Host"), "{}", refused.text);
    Ok(())
}
