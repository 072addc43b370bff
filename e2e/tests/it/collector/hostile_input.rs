//! Hostile requests to the collector.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::eventually;
use futures_util::future::try_join_all;
use reqwest::StatusCode;
use simulator::world::Kind;
use tokio::time::sleep;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::site::{Browser, Collector, SITE, USUAL, arrives, is_gone, patient_pipeline};

#[tokio::test]
async fn forged_address_is_ignored_without_trusted_proxies() -> Result<()> {
    let collector = Collector::start(&[("--settle", "300ms")]).await?;
    let site = collector.pipeline().start().await?;
    let forged = site.ip(Kind::CompanyOnly, 1);
    let mut browser = Browser::at(&collector, &forged);
    browser.sees(1, "/").await?;
    arrives(&site, "127.0.0.1").await?;
    assert!(super::site::rows(&site, &forged).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn foreign_origins_are_refused() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    for origin in ["https://evil.example", "http://shop.example", "null"] {
        let mut browser = Browser::at(&collector, "198.51.100.1");
        origin.clone_into(&mut browser.origin);
        let status = browser.sends("{}".to_owned()).await?;
        assert_eq!(status, StatusCode::FORBIDDEN, "{origin}");
    }
    assert_eq!(collector.dropped("origin").await?, 3);
    // A page in an operator's browser must not read who visits.
    let mut request = collector.emitter_url.as_str().into_client_request()?;
    request
        .headers_mut()
        .insert("origin", "https://evil.example".parse()?);
    match connect_async(request).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 403),
        other => anyhow::bail!("{other:?}"),
    }
    connect_async(&collector.emitter_url).await?;
    Ok(())
}

#[tokio::test]
async fn oversized_and_malformed_beacons_are_counted() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let browser = Browser::at(&collector, "198.51.100.1");
    for (body, status, reason) in [
        ("x".repeat(2049), StatusCode::PAYLOAD_TOO_LARGE, "body"),
        ("x".repeat(2048), StatusCode::BAD_REQUEST, "malformed"),
        (String::new(), StatusCode::BAD_REQUEST, "malformed"),
        (
            r#"{"s":"x","p":1,"n":1,"k":"l"}"#.to_owned(),
            StatusCode::BAD_REQUEST,
            "malformed",
        ),
    ] {
        let before = collector.dropped(reason).await?;
        assert_eq!(browser.sends(body).await?, status);
        assert_eq!(collector.dropped(reason).await?, before + 1);
    }
    Ok(())
}

#[tokio::test]
async fn ten_thousand_sessions_of_one_address_are_bounded() -> Result<()> {
    let flood = [
        ("--beacon-rate", "100000"),
        ("--new-sessions-per-minute", "100000"),
    ];
    let collector = Collector::start(&[USUAL, &flood].concat()).await?;
    let site = collector.pipeline().start().await?;
    let flooder = Browser::at(&collector, "198.51.100.66");
    for _ in 0..100 {
        let mut browsers = [(); 100].map(|()| flooder.another());
        try_join_all(browsers.iter_mut().map(|browser| browser.sees(1, "/"))).await?;
    }
    eventually("all others are dropped", async || {
        let dropped = collector.dropped("max-sessions-per-address").await?;
        ensure!(dropped == 10_000 - 256, "{dropped}");
        Ok(())
    })
    .await?;
    let address = site.ip(Kind::CompanyOnly, 1);
    let mut visitor = Browser::at(&collector, &address);
    visitor.sees(1, "/").await?;
    arrives(&site, &address).await?;
    Ok(())
}

/// Somebody records a visitor's beacons and sends them again, in any order.
#[tokio::test]
async fn replayed_beacons_change_nothing() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let site = collector.pipeline().start().await?;
    let address = site.ip(Kind::CompanyOnly, 1);
    let mut visitor = Browser::at(&collector, &address);
    visitor.sees(1, "/").await?;
    let row = arrives(&site, &address).await?;
    let recorded = |number: u32, kind: &str, path: &str| {
        let page = format!("{SITE}{path}");
        serde_json::json!({ "s": visitor.session, "p": 1, "n": number, "k": kind, "u": page }).to_string()
    };
    let replays = [
        recorded(1, "l", "/"),
        recorded(1, "v", "/forged"),
        recorded(0, "v", "/forged"),
    ];
    let before = collector.dropped("outdated").await?;
    let attacker = Browser::at(&collector, "198.51.100.9");
    for _ in 0..50 {
        for body in &replays {
            assert_eq!(attacker.sends(body.clone()).await?, StatusCode::NO_CONTENT);
        }
    }
    assert_eq!(collector.dropped("outdated").await?, before + 150);
    visitor.sees(1, "/next").await?;
    eventually("the visitor moves on", async || {
        let row = arrives(&site, &address).await?;
        ensure!(row.page.is_some_and(|page| page.url.ends_with("/next")));
        Ok(())
    })
    .await?;
    let same = arrives(&site, &address).await?;
    assert_eq!((same.guid, same.opened_at), (row.guid, row.opened_at));
    assert_eq!(collector.opened().await?, 1);
    Ok(())
}

#[tokio::test]
async fn addresses_of_an_ipv6_network_share_a_rate() -> Result<()> {
    let collector = Collector::start(&[USUAL, &[("--beacon-rate", "1")]].concat()).await?;
    let mut refused = 0;
    for host in 0..100 {
        let browser = Browser::at(&collector, &format!("2001:db8:1:2::{host:x}"));
        let status = browser.sends(String::new()).await?;
        refused += u64::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 0);
    assert_eq!(collector.dropped("rate").await?, refused);
    let neighbour = Browser::at(&collector, "2001:db8:1:3::1");
    assert_eq!(neighbour.sends(String::new()).await?, StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn nothing_a_beacon_says_reaches_log_or_metrics() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let mut browser = Browser::at(&collector, "198.51.100.77");
    browser.sees(1, "/pricing-for-spies").await?;
    browser.sends("{\"s\":\"malformed-by-spies\"}".to_owned()).await?;
    eventually("the session is open", async || {
        ensure!(collector.opened().await? == 1);
        Ok(())
    })
    .await?;
    browser.leaves(1).await?;
    let metrics = collector.health.get("/metrics").await?.text;
    let log = collector.process.log()?;
    for said in [
        "198.51.100.77",
        "spies",
        "A page",
        "shop.example",
        "AppleWebKit",
        browser.session.as_str(),
    ] {
        assert!(!metrics.contains(said), "{said} is in the metrics");
        assert!(!log.contains(said), "{said} is in the log");
    }
    Ok(())
}

/// The only thing that an answer repeats is an origin of `--sites`, as the protocol of browsers requires.
#[tokio::test]
async fn no_header_of_an_answer_repeats_what_was_sent() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let mut browser = Browser::at(&collector, "198.51.100.77");
    let beacon = |url: &str| {
        let session = &browser.session;
        serde_json::json!({ "s": session, "p": 7_654_321, "n": 1, "k": "v", "u": url, "t": "spies" })
            .to_string()
    };
    let [accepted, refused] = [beacon(&format!("{SITE}/spies")), beacon("https://spies.example/")];
    let preflight = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, format!("{}/v", collector.url))
        .header("access-control-request-headers", "x-spies")
        .header("access-control-request-method", "POST")
        .header("x-forwarded-for", "198.51.100.77");
    let mut answers = vec![
        browser.posts(accepted.clone()).await?,
        browser.posts(accepted.clone()).await?,
        browser.posts(refused).await?,
        browser.posts("spies".repeat(1_000)).await?,
    ];
    for origin in [SITE, "https://spies.example"] {
        let preflight = preflight.try_clone().context("no body")?;
        answers.push(preflight.header("origin", origin).send().await?);
    }
    "https://spies.example".clone_into(&mut browser.origin);
    answers.push(browser.posts(accepted).await?);
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses, [204, 204, 400, 413, 204, 403, 403]);
    for answer in answers {
        let headers = format!("{:?}", answer.headers());
        for sent in ["spies", "198.51.100.77", "7654321", browser.session.as_str()] {
            assert!(!headers.contains(sent), "{sent} is in {headers}");
        }
        assert_eq!(answer.text().await?, "");
    }
    Ok(())
}

/// Visitors whom a flood must not disturb.
const TRUE_VISITORS: u32 = 8;

/// Sends a round of everything that somebody could send in bulk, each from another address.
async fn floods(collector: &Collector, round: u32) -> Result<()> {
    let senders = (0..24_u32).map(async |n| {
        let mut browser = Browser::at(collector, &format!("203.0.113.{}", (round + n) % 250));
        match n % 4 {
            0 | 1 => browser.sees(1, "/flood").await,
            2 => browser.sends("x".repeat(4_000)).await.map(drop),
            _ => {
                "https://evil.example".clone_into(&mut browser.origin);
                browser.sends("{}".to_owned()).await.map(drop)
            }
        }
    });
    try_join_all(senders).await.map(drop)
}

#[tokio::test]
async fn flood_leaves_true_visitors_in_the_table() -> Result<()> {
    let limits = [("--max-sessions", "100")];
    let collector = Collector::start(&[USUAL, &limits].concat()).await?;
    let site = patient_pipeline(&collector).await?;
    let mut visitors = Vec::new();
    for n in 0..TRUE_VISITORS {
        let mut visitor = Browser::at(&collector, &site.ip(Kind::CompanyOnly, n));
        visitor.sees(1, "/").await?;
        let guid = arrives(&site, &visitor.address).await?.guid;
        visitors.push((visitor, guid));
    }
    let flood = async {
        for round in 0.. {
            floods(&collector, round).await?;
            // Leaves some of the machine to the tests beside.
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    let visits = async {
        eventually("the collector takes no more sessions", async || {
            ensure!(collector.dropped("max-sessions").await? > 0);
            Ok(())
        })
        .await?;
        for (visitor, guid) in &mut visitors {
            visitor.sees(1, "/next").await?;
            eventually("the visitor moves on", async || {
                let row = arrives(&site, &visitor.address).await?;
                ensure!(row.guid == *guid, "another visit");
                ensure!(row.page.is_some_and(|page| page.url.ends_with("/next")));
                Ok(())
            })
            .await?;
        }
        for (visitor, _) in visitors.iter_mut().step_by(2) {
            visitor.leaves(1).await?;
            is_gone(&site, &visitor.address).await?;
        }
        for (visitor, guid) in visitors.iter().skip(1).step_by(2) {
            ensure!(
                arrives(&site, &visitor.address).await?.guid == *guid,
                "another visit"
            );
        }
        anyhow::Ok(())
    };
    tokio::select! {
        ended = flood => ended?,
        done = visits => done?,
    }
    for reason in ["max-sessions", "body", "origin"] {
        assert!(collector.dropped(reason).await? > 0, "{reason}");
    }
    Ok(())
}
