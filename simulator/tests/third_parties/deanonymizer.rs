use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use simulator::{
    deanonymizer::{Deanonymizer, DeanonymizerConfig, Failure, Latency},
    world::Kind,
};
use tokio::time::timeout;

use crate::{TEST_TIMEOUT, client::http};

fn start() -> Deanonymizer {
    Deanonymizer::start(DeanonymizerConfig::default()).unwrap()
}

async fn ask(deanonymizer: &Deanonymizer, ip: &str) -> reqwest::Result<Response> {
    http()
        .post(deanonymizer.url())
        .json(&json!({ "ip": ip }))
        .send()
        .await
}

async fn status_and_text(deanonymizer: &Deanonymizer, ip: &str) -> (u16, String) {
    let response = timeout(TEST_TIMEOUT, ask(deanonymizer, ip))
        .await
        .unwrap()
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn answers_are_those_of_the_world() {
    let deanonymizer = start();
    let world = deanonymizer.world();
    for kind in [
        Kind::Full,
        Kind::CompanyOnly,
        Kind::Empty,
        Kind::NexaCore,
        Kind::PersonalEmails,
    ] {
        let ip = world.ip(kind, 3);
        let (status, text) = status_and_text(&deanonymizer, &ip).await;
        assert_eq!(status, 200);
        assert_eq!(
            serde_json::from_str::<Value>(&text).ok(),
            world.answer(&ip).body(&ip)
        );
    }
    assert_eq!(
        status_and_text(&deanonymizer, &world.ip(Kind::Unknown, 3))
            .await
            .0,
        404
    );
    let stats = deanonymizer.stats();
    assert_eq!(
        (stats.calls, stats.successes, stats.distinct_ips, stats.in_flight),
        (6, 6, 6, 0)
    );
    assert_eq!(stats.by_status, [(200, 5), (404, 1)].into());
}

#[tokio::test]
async fn statistics_over_http() {
    let deanonymizer = start();
    for spelling in ["2001:db8::1", "2001:0DB8::1"] {
        ask(&deanonymizer, spelling).await.unwrap();
    }
    let base = format!("http://{}", deanonymizer.addr());
    let get = |path: &str| http().get(format!("{base}{path}")).send();
    let stats: Value = get("/stats").await.unwrap().json().await.unwrap();
    assert_eq!(stats["calls"], 2);
    assert_eq!(
        stats["mostCallsForOneIp"],
        json!({ "ip": "2001:db8::1", "calls": 2 })
    );
    let calls: Value = get("/calls?ip=2001:DB8::1").await.unwrap().json().await.unwrap();
    let spellings = ["2001:0DB8::1", "2001:db8::1"];
    assert_eq!(
        calls,
        json!({ "ip": "2001:DB8::1", "calls": 2, "successes": 2, "spellings": spellings })
    );
}

#[tokio::test]
async fn failures_have_their_status_and_count_as_calls() {
    let deanonymizer = start();
    let cases = [
        (Failure::ServerError, 500),
        (Failure::ServiceUnavailable, 503),
        (Failure::TooManyRequests, 429),
        (Failure::TooManyRequestsRetryAfter, 429),
    ];
    deanonymizer.set_retry_after(Duration::from_secs(7));
    for (failure, status) in cases {
        deanonymizer.fail_all(Some(failure));
        let response = ask(&deanonymizer, "1.2.3.4").await.unwrap();
        assert_eq!(response.status(), status, "{failure}");
        let retry_after = response
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap());
        assert_eq!(
            retry_after,
            (failure == Failure::TooManyRequestsRetryAfter).then_some("7")
        );
    }
    let stats = deanonymizer.calls_for("1.2.3.4");
    assert_eq!((stats.calls, stats.successes), (4, 0));
}

#[tokio::test]
async fn garbage_comes_with_200() {
    let deanonymizer = start();
    let ip = deanonymizer.world().ip(Kind::Full, 1);
    let right = deanonymizer.world().answer(&ip).body(&ip);
    for failure in Failure::GARBAGE
        .into_iter()
        .filter(|failure| *failure != Failure::SlowBody)
    {
        deanonymizer.set_garbage(1.0, &[failure]);
        let (status, text) = status_and_text(&deanonymizer, &ip).await;
        assert_eq!(status, 200, "{failure}");
        assert_ne!(serde_json::from_str::<Value>(&text).ok(), right, "{failure}");
        assert_eq!(text.len() > 10 << 20, failure == Failure::HugeBody, "{failure}");
    }
    let stats = deanonymizer.stats();
    assert_eq!((stats.garbage, stats.successes), (7, 0));
}

#[tokio::test]
async fn a_slow_body_comes_byte_by_byte() {
    let deanonymizer = start();
    deanonymizer.fail_ip("1.2.3.4", Failure::SlowBody);
    let mut response = ask(&deanonymizer, "1.2.3.4").await.unwrap();
    for byte in [b"{", b"\""] {
        assert_eq!(
            timeout(TEST_TIMEOUT, response.chunk())
                .await
                .unwrap()
                .unwrap()
                .as_deref(),
            Some(&byte[..])
        );
    }
}

#[tokio::test]
async fn one_address_hangs_the_others_do_not() {
    let deanonymizer = start();
    deanonymizer.fail_ip("1.2.3.4", Failure::Hang);
    let other = async {
        calls_in_flight(&deanonymizer, 1).await;
        ask(&deanonymizer, "1.2.3.5").await.unwrap()
    };
    tokio::select! {
        answer = ask(&deanonymizer, "1.2.3.4") => panic!("{answer:?}"),
        _ = other => {}
    }
    // The call ended with its client, which was dropped just now.
    calls_in_flight(&deanonymizer, 0).await;
    deanonymizer.heal_ip("1.2.3.4");
    ask(&deanonymizer, "1.2.3.4").await.unwrap();
    assert_eq!(deanonymizer.stats().hung, 1);
}

async fn calls_in_flight(deanonymizer: &Deanonymizer, count: u64) {
    let reached = async {
        while deanonymizer.stats().in_flight != count {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, reached).await.unwrap();
}

#[tokio::test]
async fn an_answer_can_be_any_bytes() {
    let deanonymizer = start();
    deanonymizer.answer_ip("2001:db8::1", b"{\"ip\":");
    let (status, text) = status_and_text(&deanonymizer, "2001:DB8:0::1").await;
    assert_eq!((status, text.as_str()), (200, "{\"ip\":"));
    assert_ne!(status_and_text(&deanonymizer, "2001:db8::2").await.1, text);
}

#[tokio::test]
async fn latency_is_that_asked_for() {
    let deanonymizer = start();
    deanonymizer.set_latency(Latency::fixed(Duration::from_millis(30)));
    let start = std::time::Instant::now();
    ask(&deanonymizer, "1.2.3.4").await.unwrap();
    // A lower bound holds on the slowest machine.
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn a_reset_is_an_error_and_hits_only_its_connection() {
    let deanonymizer = start();
    deanonymizer.fail_ip("1.2.3.4", Failure::Reset);
    let error = timeout(TEST_TIMEOUT, ask(&deanonymizer, "1.2.3.4"))
        .await
        .unwrap()
        .unwrap_err();
    assert!(error.is_request(), "{error:?}");
    ask(&deanonymizer, "1.2.3.5").await.unwrap();
}

#[tokio::test]
async fn refusing_ends_connections_that_are_kept_alive() {
    let deanonymizer = start();
    let client = http();
    let ask = || {
        client
            .post(deanonymizer.url())
            .json(&json!({ "ip": "1.2.3.4" }))
            .send()
    };
    ask().await.unwrap().bytes().await.unwrap();
    deanonymizer.refuse(true).await.unwrap();
    assert!(timeout(TEST_TIMEOUT, ask()).await.unwrap().is_err());
    deanonymizer.refuse(false).await.unwrap();
    ask().await.unwrap();
    assert_eq!(deanonymizer.stats().calls, 2);
}

#[tokio::test]
async fn bad_questions_are_no_calls() {
    let deanonymizer = start();
    let response = http()
        .post(deanonymizer.url())
        .json(&json!({ "address": "1.2.3.4" }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 422);
    assert_eq!(deanonymizer.stats().calls, 0);
}
