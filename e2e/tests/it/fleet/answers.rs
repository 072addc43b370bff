//! Answers that cannot be believed: each is counted by its kind, and none is ever used as a profile.

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::SessionMessage;
use simulator::deanonymizer::Failure;
use simulator::world::Kind;

/// Every failure, and under which kind it is counted.
const KINDS: [(Failure, &str); 19] = [
    (Failure::ServerError, "status"),
    (Failure::ServiceUnavailable, "status"),
    (Failure::BadRequest, "rejected"),
    (Failure::Unauthorized, "refused"),
    (Failure::PaymentRequired, "exhausted"),
    (Failure::Forbidden, "refused"),
    (Failure::UnprocessableEntity, "rejected"),
    (Failure::TooManyRequests, "rate-limited"),
    (Failure::TooManyRequestsRetryAfter, "rate-limited"),
    (Failure::Hang, "timeout"),
    (Failure::Reset, "interrupted"),
    (Failure::Html200, "not-json"),
    (Failure::TruncatedJson, "not-json"),
    (Failure::MissingFields, "wrong-form"),
    (Failure::NullFields, "wrong-form"),
    (Failure::WrongTypes, "wrong-form"),
    (Failure::WrongIp, "other-ip"),
    (Failure::HugeBody, "too-large"),
    (Failure::SlowBody, "timeout"),
];

/// Good answers between two failures keep the breaker closed.
const GOOD_BETWEEN: u32 = 20;

#[tokio::test]
async fn invalid_answers_are_counted_by_kind_and_never_used() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-timeout", "500ms")
        .start()
        .await?;
    let records = site.tap("visitor.session.*").await?;
    for ((failure, kind), number) in KINDS.into_iter().zip(0..) {
        let good: Vec<_> = (0..GOOD_BETWEEN)
            .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, number * GOOD_BETWEEN + n)))
            .collect();
        site.send(&good.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
        for visitor in &good {
            site.shows(visitor).await?;
        }
        let metric = format!(r#"visitor_enricher_lookups_failed_total{{kind="{kind}"}}"#);
        let before = site.metric(Role::Enricher, &metric).await?;
        let visitor = Visitor::from(&site.ip(Kind::Full, number));
        site.deanonymizer.fail_ip(&visitor.ip, failure);
        site.send(&[visitor.opened(1_000)]);
        eventually(&format!("{failure} is counted as {kind}"), async || {
            let count = site.metric(Role::Enricher, &metric).await?;
            ensure!(count > before, "{count}");
            Ok(())
        })
        .await?;
        assert!(!site.sessions().await?.contains_key(&visitor.guid), "{failure}");
        site.deanonymizer.heal_ip(&visitor.ip);
        site.shows(&visitor).await.with_context(|| failure.to_string())?;
    }
    site.view_is_right().await?;

    let failed = site.deanonymizer.stats();
    assert_eq!(
        failed.successes,
        u64::try_from(KINDS.len())? * u64::from(GOOD_BETWEEN + 1)
    );
    for heard in records.heard() {
        let SessionMessage::Record(record) = serde_json::from_slice(&heard.payload)? else {
            continue;
        };
        let answer = site.deanonymizer.world().answer(&record.ip);
        let name = record.profile.company.as_ref().map(|company| &company.name);
        assert_eq!(
            name,
            answer.company().map(|company| &company.name),
            "{}",
            record.ip
        );
    }
    Ok(())
}
