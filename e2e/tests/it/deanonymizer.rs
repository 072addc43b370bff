//! Faults of the Deanonymizer, their cost, and that they do not affect other visitors.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::processes::{Builder, Pipeline, Role};
use e2e::{Visitor, eventually};
use simulator::deanonymizer::{Failure, Latency};
use simulator::world::Kind;
use strum::VariantArray;

/// A pipeline that does not wait long for an answer.
fn impatient() -> Builder {
    Pipeline::builder().flag(Role::Enricher, "--lookup-timeout", "500ms")
}

/// Waits until this number of sessions is being identified.
async fn being_identified(site: &Pipeline, expected: u64) -> Result<()> {
    eventually(&format!("{expected} sessions are being identified"), async || {
        let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
        ensure!(stats.being_identified == expected, "{stats:?}");
        Ok(())
    })
    .await
}

/// While lookups fail in this way, new visitors are not shown and known ones stay. After the recovery everybody is
/// shown.
async fn fails_and_heals(failure: Failure) -> Result<()> {
    let site = impatient().start().await?;
    let known = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[known.opened(0)]);
    site.shows(&known).await?;

    site.deanonymizer.fail_all(Some(failure));
    let waiting = [Kind::Full, Kind::CompanyOnly, Kind::Unknown, Kind::NexaCore]
        .map(|kind| Visitor::from(&site.ip(kind, 2)));
    site.send(&waiting.each_ref().map(|visitor| visitor.opened(2_000)));
    eventually("each lookup has failed more than once", async || {
        for visitor in &waiting {
            let calls = site.deanonymizer.calls_for(&visitor.ip).calls;
            ensure!(calls > 0, "no call for {}", visitor.ip);
        }
        let calls = site.deanonymizer.stats().calls;
        ensure!(calls >= 2 * waiting.len() as u64, "{calls} calls");
        Ok(())
    })
    .await?;
    being_identified(&site, waiting.len() as u64).await?;

    site.serves_known(&known).await?;
    assert_eq!(site.sessions().await?.len(), 2, "{failure}");

    site.deanonymizer.fail_all(None);
    site.view_is_right().await?;
    being_identified(&site, 0).await?;
    assert_eq!(site.sessions().await?.len(), 5, "{failure}");
    Ok(())
}

/// One test for each failure.
macro_rules! every_failure {
    ($($name:ident: $failure:ident,)*) => {
        mod fails_and_heals {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() -> Result<()> {
                    super::fails_and_heals(Failure::$failure).await
                }
            )*

            #[test]
            fn in_every_way() {
                let tested = [$(Failure::$failure),*];
                assert!(Failure::VARIANTS.iter().all(|failure| tested.contains(failure)));
            }
        }
    };
}

every_failure! {
    with_500: ServerError,
    with_503: ServiceUnavailable,
    with_400: BadRequest,
    with_401: Unauthorized,
    with_402: PaymentRequired,
    with_403: Forbidden,
    with_422: UnprocessableEntity,
    with_429: TooManyRequests,
    with_429_and_retry_after: TooManyRequestsRetryAfter,
    by_never_answering: Hang,
    by_resetting_connections: Reset,
    with_html: Html200,
    with_truncated_json: TruncatedJson,
    with_missing_fields: MissingFields,
    with_null_fields: NullFields,
    with_wrong_types: WrongTypes,
    with_the_answer_for_another_address: WrongIp,
    with_a_huge_body: HugeBody,
    with_a_slow_body: SlowBody,
}

#[tokio::test]
async fn occasional_500_goes_unnoticed() -> Result<()> {
    let site = Pipeline::start().await?;
    site.deanonymizer.set_error_rate(0.1);
    let visitors = site.arrive(Kind::CompanyOnly, 0..200);
    site.view_is_right().await?;
    let stats = site.deanonymizer.stats();
    assert!(stats.by_status.contains_key(&500), "{stats:?}");
    assert_eq!(
        stats.successes,
        visitors.len() as u64,
        "no right answer was paid for twice"
    );
    Ok(())
}

#[tokio::test]
async fn lookups_wait_while_the_deanonymizer_refuses_connections() -> Result<()> {
    let site = impatient().start().await?;
    site.deanonymizer_refuses(true).await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    being_identified(&site, 1).await?;
    eventually("calls have failed", async || {
        let failed = site
            .metric(
                Role::Enricher,
                r#"visitor_enricher_lookups_failed_total{kind="unreachable"}"#,
            )
            .await?;
        ensure!(failed > 1, "{failed}");
        Ok(())
    })
    .await?;
    assert!(site.sessions().await?.is_empty());
    let enricher = &site.instance(Role::Enricher, 0)?.http;
    eventually("the enricher is ready and names host and cause", async || {
        let answer = enricher.get("/readyz").await?;
        ensure!(answer.status.is_success(), "{}", answer.text);
        let cause = "deanonymizer: cannot connect to 127.0.0.1:";
        ensure!(answer.text.contains(cause), "{}", answer.text);
        ensure!(answer.text.contains("Connection refused"), "{}", answer.text);
        ensure!(!answer.text.contains(&visitor.ip), "{}", answer.text);
        Ok(())
    })
    .await?;
    site.deanonymizer_refuses(false).await?;
    site.view_is_right().await?;
    let answer = enricher.get("/readyz").await?;
    ensure!(!answer.text.contains("impaired"), "{}", answer.text);
    let counted = enricher
        .metric(r#"visitor_enricher_call_responses_total{code="200"}"#)
        .await?;
    ensure!(counted > 0, "no answer is counted by its status");
    Ok(())
}

#[tokio::test]
async fn hanging_call_delays_no_other_lookup() -> Result<()> {
    // The call would end long after the test.
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-timeout", "10m")
        .start()
        .await?;
    let stuck = Visitor::from(&site.ip(Kind::Full, 1));
    site.deanonymizer.fail_ip(&stuck.ip, Failure::Hang);
    site.send(&[stuck.opened(0)]);
    being_identified(&site, 1).await?;
    let others: Vec<_> = (2..50)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    site.send(&others.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
    for other in &others {
        site.shows(other).await?;
    }
    assert!(!site.sessions().await?.contains_key(&stuck.guid));
    assert_eq!(site.deanonymizer.stats().hung, 1);
    Ok(())
}

#[tokio::test]
async fn unknown_address_is_looked_up_once() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    for kind in [Kind::Unknown, Kind::Empty, Kind::NexaCore] {
        let ip = site.ip(kind, 1);
        for _ in 0..20 {
            site.send(&[Visitor::from(&ip).opened(0)]);
            site.queue_is_empty().await?;
        }
        assert_eq!(site.deanonymizer.calls_for(&ip).calls, 1, "{kind:?}");
    }
    site.view_is_right().await
}

#[tokio::test]
async fn one_lookup_per_address_across_the_fleet() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 3).start().await?;
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_millis(300)));
    let ips: Vec<_> = (0..4).map(|n| site.ip(Kind::Full, n)).collect();
    eventually("every enricher has handled visitors", async || {
        for ip in &ips {
            let visitor = Visitor::from(ip);
            site.send(&[visitor.opened(0), visitor.keep_alive(0)]);
        }
        for enricher in site.instances(Role::Enricher) {
            let handled = enricher
                .http
                .metric(r#"visitor_enricher_events_total{kind="session-opened"}"#)
                .await?;
            ensure!(handled > 0, "{} had nothing to do", enricher.process.name());
        }
        Ok(())
    })
    .await?;
    site.view_is_right().await?;
    for ip in &ips {
        assert_eq!(site.deanonymizer.calls_for(ip).calls, 1);
    }
    Ok(())
}

#[tokio::test]
async fn new_enricher_reuses_paid_verdicts() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let ip = site.ip(Kind::Full, 1);
    let before = Visitor::from(&ip);
    site.send(&[before.opened(0)]);
    site.shows(&before).await?;
    site.enricher()?.process.restart().await?;
    site.ready().await?;
    let after = Visitor::from(&ip);
    site.send(&[after.opened(0)]);
    site.view_is_right().await?;
    assert_eq!(site.deanonymizer.calls_for(&ip).calls, 1);
    Ok(())
}

#[tokio::test]
async fn no_lookup_for_a_closed_session() -> Result<()> {
    let site = impatient()
        .flag(Role::Enricher, "--lookup-concurrency", "1")
        .start()
        .await?;
    let [stuck, gone] = [1, 2].map(|n| Visitor::from(&site.ip(Kind::Full, n)));
    site.deanonymizer.fail_ip(&stuck.ip, Failure::Hang);
    site.send(&[stuck.opened(0)]);
    eventually("a call hangs", async || {
        ensure!(site.deanonymizer.stats().in_flight == 1);
        Ok(())
    })
    .await?;
    let tombstones = site.tap(&format!("visitor.session.{}", gone.guid)).await?;
    site.send(&[gone.opened(0), gone.closed(0)]);
    tombstones.first("the tombstone", |_| true).await?;
    site.deanonymizer.heal_ip(&stuck.ip);
    site.shows(&stuck).await?;
    site.settle().await?;
    assert_eq!(site.deanonymizer.calls_for(&gone.ip).calls, 0);
    assert_eq!(tombstones.heard().len(), 1, "a record was published as well");
    Ok(())
}

#[tokio::test]
async fn lookups_beyond_the_budget_wait() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-budget", "5/day")
        .start()
        .await?;
    site.arrive(Kind::CompanyOnly, 0..12);
    eventually(
        "what the budget allows is shown and the rest is waiting",
        async || {
            let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
            ensure!(
                stats.active_sessions == 5 && stats.being_identified == 7,
                "{stats:?}"
            );
            Ok(())
        },
    )
    .await?;
    assert_eq!(site.deanonymizer.stats().calls, 5);
    Ok(())
}

#[tokio::test]
async fn unidentified_visitors_are_shown_on_request() -> Result<()> {
    let site = impatient()
        .flag(Role::Enricher, "--show-unidentified-after", "1s")
        .start()
        .await?;
    site.deanonymizer.fail_all(Some(Failure::ServiceUnavailable));
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    let session = site.shows(&visitor).await?;
    assert!(session.unidentified);
    assert_eq!((&session.company, &session.contact), (&None, &None));
    site.deanonymizer.fail_all(None);
    eventually("the visitor is identified", async || {
        let session = site.shows(&visitor).await?;
        ensure!(!session.unidentified && session.company.is_some(), "{session:?}");
        Ok(())
    })
    .await?;
    site.view_is_right().await
}

#[tokio::test]
async fn cost_is_reported() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--price-per-lookup", "0.25")
        .start()
        .await?;
    let mut sent = 0;
    for kind in [Kind::Full, Kind::Unknown, Kind::VertexCloud] {
        for _ in 0..2 {
            site.send(&[Visitor::from(&site.ip(kind, 1)).opened(0)]);
            sent += 1;
            eventually("the event is taken", async || {
                let taken = site
                    .metric(
                        Role::Enricher,
                        r#"visitor_enricher_events_total{kind="session-opened"}"#,
                    )
                    .await?;
                ensure!(taken == sent, "{taken} of {sent}");
                Ok(())
            })
            .await?;
            site.queue_is_empty().await?;
        }
    }
    eventually("the status reports what was paid and saved", async || {
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        let text = serde_json::to_value(&pipeline)?;
        let lookups = text["processes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|process| &process["lookups"])
            .find(|lookups| lookups.is_object());
        let figure = |name: &str| lookups.and_then(|lookups| lookups[name].as_f64());
        ensure!(
            figure("paid") == Some(3.0)
                && figure("paidForHidden") == Some(1.0)
                && figure("savedByCache") == Some(3.0)
                && figure("spent") == Some(0.75),
            "{text}"
        );
        Ok(())
    })
    .await
}
