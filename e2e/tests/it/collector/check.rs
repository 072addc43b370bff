//! `collector check`: its output for pages that report their visitors, and for pages that do not.

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use e2e::eventually;
use e2e::processes::workspace_binary;
use simulator::world::Kind;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::site::{Browser, Collector, USUAL, arrives};

/// Runs the check, and returns its exit code and output.
async fn check(collector: &Collector, url: &str) -> Result<(i32, String)> {
    let output = Command::new(workspace_binary("collector")?)
        .args([
            "--http-listen",
            collector.health.base().trim_start_matches("http://"),
        ])
        .args(["check", url])
        .env_clear()
        .output()
        .await?;
    let text = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    Ok((output.status.code().context("killed")?, text))
}

/// Pages of a website at `base`, by path. The collector is at `script`.
fn pages(base: &str, script: &str) -> [(&'static str, String); 9] {
    let tag = format!("<!doctype html><script async src=\"{script}/v.js\"></script>");
    let own = format!("<!doctype html><script async src=\"{base}/own/v.js\"></script>");
    let policy =
        |policy: &str| format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">{tag}");
    [
        ("/", tag.clone()),
        ("/none", "<!doctype html><!-- v.js -->".to_owned()),
        ("/own/v.js", "not the tracker".to_owned()),
        ("/own", own),
        (
            "/allowed",
            policy(&format!(
                "default-src 'none'; script-src {script}; connect-src {script}"
            )),
        ),
        (
            "/no-script",
            policy(&format!("script-src 'self'; connect-src {script}")),
        ),
        (
            "/no-beacons",
            policy(&format!("default-src 'self'; script-src {script}")),
        ),
        ("/only-default", policy("default-src 'self'")),
        (
            "/gone-script",
            format!("<!doctype html><script async src=\"{base}/elsewhere/v.js\"></script>"),
        ),
    ]
}

/// The expected result for each page: the exit code, and a part of the output.
const EXPECTED: [(&str, i32, &str); 9] = [
    ("/", 0, "The collector accepts beacons from this website."),
    (
        "/allowed",
        0,
        "The content security policy allows the script and its beacons.",
    ),
    ("/none", 1, "MISSING The page has no script tag for /v.js"),
    ("/own", 1, "is not the collector's script"),
    ("/no-script", 1, "Add to script-src: http://127.0.0.1:"),
    (
        "/no-beacons",
        1,
        "Add the directive: connect-src 'self' http://127.0.0.1:",
    ),
    (
        "/only-default",
        1,
        "Add the directive: script-src 'self' http://127.0.0.1:",
    ),
    ("/gone", 1, "answers 404"),
    (
        "/gone-script",
        1,
        "If it reaches the collector, that has no tracker",
    ),
];

#[tokio::test]
async fn check_says_what_keeps_a_page_from_reporting() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let collector = Collector::start(&[USUAL, &[("--sites", base.as_str())]].concat()).await?;
    let routes = pages(&base, &collector.url)
        .into_iter()
        .fold(Router::new(), |router, (path, page)| {
            router.route(path, get(async move || Html(page)))
        });
    tokio::spawn(async move { axum::serve(listener, routes).await });

    for (path, code, said) in EXPECTED {
        let (status, text) = check(&collector, &format!("{base}{path}")).await?;
        ensure!(status == code && text.contains(said), "{path}: {status}, {text}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let (status, text) = check(&collector, &format!("http://{closed}/")).await?;
    ensure!(status == 1 && text.contains("Cannot fetch"), "{text}");
    let (status, text) = check(&collector, "shop").await?;
    ensure!(status == 64, "{status}: {text}");

    // A collector for another website.
    let other = Collector::start(USUAL).await?;
    let (status, text) = check(&other, &format!("{}/", collector.url)).await?;
    ensure!(status == 1 && text.contains("MISSING"), "{text}");
    Ok(())
}

#[tokio::test]
async fn check_says_that_the_website_is_missing_from_the_sites() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let tag = format!("<script async src=\"{}/v.js\"></script>", collector.url);
    let routes = Router::new().route("/", get(async move || Html(tag)));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let (status, text) = check(&collector, &base).await?;
    ensure!(
        status == 1 && text.contains(&format!("does not accept beacons from {base}. Add it to --sites")),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn check_tells_how_many_visitors_were_seen() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let site = collector.pipeline().start().await?;
    for n in 0..3 {
        let address = site.ip(Kind::CompanyOnly, n);
        Browser::at(&collector, &address).sees(1, "/").await?;
        arrives(&site, &address).await?;
    }
    eventually("they are counted", async || {
        let (_, text) = check(&collector, &collector.url).await?;
        ensure!(
            text.contains("The collector has seen 3 visitors in the last minute."),
            "{text}"
        );
        Ok(())
    })
    .await
}
