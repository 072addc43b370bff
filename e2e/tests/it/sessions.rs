//! The rules of active sessions that involve more than one process.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::times::StampedAt as _;
use e2e::{Visitor, eventually};
use protocol::frame::Removal;
use simulator::deanonymizer::Latency;
use simulator::event::Event;
use simulator::world::Kind;

#[tokio::test]
async fn a_visitor_comes_and_goes() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0), visitor.keep_alive(0)]);
    site.shows(&visitor).await?;
    site.view_is_right().await?;
    site.send(&[visitor.closed(0)]);
    site.shows_no(&visitor).await
}

#[tokio::test]
async fn late_opened_event_corrects_the_opening_time() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let visitors: Vec<_> = (0..20)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.keep_alive(3_000)]);
        let session = site.shows(visitor).await?;
        let opened = visitor.opened(5_000);
        site.send(std::slice::from_ref(&opened));
        let completed = eventually("the opened time is that of the opening", async || {
            let session = site.shows(visitor).await?;
            ensure!(Some(session.opened_at) == opened.stamped_at(), "{session:?}");
            Ok(session)
        });
        assert_eq!(completed.await?.last_activity_at, session.last_activity_at);
    }
    site.view_is_right().await
}

#[tokio::test]
async fn earliest_keep_alive_stands_in_for_the_opening() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[
        visitor.keep_alive(3_000),
        visitor.keep_alive(8_000),
        visitor.keep_alive(1_000),
    ]);
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn earliest_of_two_openings_counts() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let [late_first, early_first] = [1, 2].map(|n| Visitor::from(&site.ip(Kind::Full, n)));
    site.send(&[late_first.opened(1_000), early_first.opened(7_000)]);
    site.shows(&late_first).await?;
    site.shows(&early_first).await?;
    site.send(&[late_first.opened(6_000), early_first.opened(2_000)]);
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn second_closing_has_no_effect() -> Result<()> {
    let site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    viewer
        .sees("the visitor", |view| view.sessions.contains_key(&visitor.guid))
        .await?;
    site.send(&[visitor.closed(0), visitor.closed(0)]);
    let view = viewer
        .sees("that it left", |view| !view.sessions.contains_key(&visitor.guid))
        .await?;
    assert_eq!(view.removals[&visitor.guid], Removal::Closed);
    site.settle().await?;
    assert!(site.sessions().await?.is_empty());
    viewer.missed_nothing()
}

#[tokio::test]
async fn closing_that_arrives_first_closes_the_session() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.closed(0)]);
    site.queue_is_empty().await?;
    site.send(&[visitor.opened(1_000), visitor.keep_alive(500)]);
    site.settle().await?;
    assert!(site.sessions().await?.is_empty());
    assert_eq!(
        site.deanonymizer.calls_for(&visitor.ip).calls,
        0,
        "nobody pays for a visitor who has left"
    );
    Ok(())
}

#[tokio::test]
async fn closed_session_never_reappears() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    let viewer = site.viewer().await?;
    site.send(&[visitor.closed(0)]);
    site.shows_no(&visitor).await?;
    site.send(&[visitor.keep_alive(0), visitor.opened(0), visitor.keep_alive(0)]);
    site.settle().await?;
    assert!(site.sessions().await?.is_empty());
    viewer.missed_nothing()?;
    assert_eq!(viewer.view().removals[&visitor.guid], Removal::Closed);

    for enricher in 0..2 {
        site.instance_mut(Role::Enricher, enricher)?
            .process
            .restart()
            .await?;
    }
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    site.send(&[visitor.keep_alive(0), visitor.opened(0)]);
    site.settle().await?;
    assert!(site.sessions().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn stale_session_returns_with_a_keep_alive() -> Result<()> {
    let site = Pipeline::builder()
        .stale_after(Duration::from_secs(2))
        .start()
        .await?;
    let viewer = site.viewer().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let opened = visitor.opened(1_500);
    site.send(std::slice::from_ref(&opened));
    site.shows(&visitor).await?;
    let view = viewer
        .sees("that it went stale", |view| {
            view.removals.contains_key(&visitor.guid)
        })
        .await?;
    assert_eq!(view.removals[&visitor.guid], Removal::Stale);
    assert!(site.sessions().await?.is_empty());

    site.send(&[visitor.keep_alive(0)]);
    let session = site.shows(&visitor).await?;
    assert_eq!(Some(session.opened_at), opened.stamped_at());
    viewer.missed_nothing()
}

#[tokio::test]
async fn restarted_gateway_knows_the_opening_time_of_a_stale_session() -> Result<()> {
    let mut site = Pipeline::builder()
        .stale_after(Duration::from_secs(2))
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let opened = visitor.opened(1_500);
    site.send(std::slice::from_ref(&opened));
    site.shows(&visitor).await?;
    site.shows_no(&visitor).await?;
    site.gateway()?.process.restart().await?;
    site.enricher()?.process.restart().await?;
    site.ready().await?;
    assert!(site.sessions().await?.is_empty());
    site.send(&[visitor.keep_alive(0)]);
    let session = site.shows(&visitor).await?;
    assert_eq!(Some(session.opened_at), opened.stamped_at());
    Ok(())
}

#[tokio::test]
async fn keep_alives_keep_a_session_from_going_stale() -> Result<()> {
    let site = Pipeline::builder()
        .stale_after(Duration::from_secs(2))
        .start()
        .await?;
    let viewer = site.viewer().await?;
    let [kept, left] = [1, 2].map(|n| Visitor::from(&site.ip(Kind::Full, n)));
    site.send(&[kept.opened(0), left.opened(0)]);
    site.shows(&kept).await?;
    site.shows(&left).await?;
    eventually("the other one is stale", async || {
        site.send(&[kept.keep_alive(0)]);
        ensure!(!site.sessions().await?.contains_key(&left.guid));
        Ok(())
    })
    .await?;
    assert!(!viewer.view().removals.contains_key(&kept.guid));
    site.shows(&kept).await.map(drop)
}

#[tokio::test]
async fn implausible_timestamps_are_replaced_by_the_receipt_and_counted() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitors: Vec<_> = (0..4)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    let hour = 3_600_000;
    site.send(&[
        visitors[0].opened(3 * hour),
        visitors[1].opened(-hour),
        Event {
            timestamp: "yesterday".into(),
            ..visitors[2].opened(0)
        },
        visitors[3].opened(5 * 60_000),
    ]);
    for visitor in &visitors {
        site.shows(visitor).await?;
    }
    site.view_is_right().await?;
    let replaced = site
        .metric(Role::Enricher, "visitor_enricher_timestamps_replaced_total")
        .await?;
    assert_eq!(replaced, 3);
    Ok(())
}

#[tokio::test]
async fn two_sessions_of_one_address_are_two_rows() -> Result<()> {
    let site = Pipeline::start().await?;
    let ip = site.ip(Kind::Full, 1);
    let [one, other] = [(); 2].map(|()| Visitor::from(&ip));
    site.send(&[one.opened(0), other.opened(0)]);
    site.shows(&one).await?;
    site.shows(&other).await?;
    site.send(&[one.closed(0)]);
    site.shows_no(&one).await?;
    site.view_is_right().await?;
    assert_eq!(site.deanonymizer.calls_for(&ip).calls, 1);
    Ok(())
}

#[tokio::test]
async fn guids_are_case_insensitive() -> Result<()> {
    let site = Pipeline::start().await?;
    let lower = Visitor::from(&site.ip(Kind::Full, 1));
    let upper = Visitor {
        guid: lower.guid.to_uppercase(),
        ..lower.clone()
    };
    site.send(&[upper.opened(4_000), lower.keep_alive(0)]);
    site.settle().await?;
    site.view_is_right().await?;
    assert_eq!(site.sessions().await?.len(), 1);
    site.send(&[upper.closed(0)]);
    site.shows_no(&lower).await
}

#[tokio::test]
async fn hidden_company_is_never_shown_even_briefly() -> Result<()> {
    let site = Pipeline::start().await?;
    let viewer = site.viewer_recording().await?;
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_secs(3)));
    let [nexa_core, vertex_cloud] =
        [Kind::NexaCore, Kind::VertexCloud].map(|kind| Visitor::from(&site.ip(kind, 1)));
    site.send(&[nexa_core.opened(0), vertex_cloud.opened(0)]);
    viewer
        .sees("that both are being identified", |view| {
            view.stats.being_identified == 2
        })
        .await?;
    viewer
        .sees("that neither is any longer", |view| {
            view.stats.being_identified == 0
        })
        .await?;
    site.deanonymizer.set_latency(Latency::default());
    site.send(&[nexa_core.keep_alive(0), vertex_cloud.opened(0)]);
    site.send(&[
        nexa_core.closed(0),
        nexa_core.keep_alive(0),
        vertex_cloud.closed(0),
    ]);
    site.settle().await?;
    let mut hidden = 0;
    for kind in ["session-opened", "keep-alive", "session-closed"] {
        let name = format!(r#"visitor_enricher_event_fates_total{{kind="{kind}",fate="hidden"}}"#);
        hidden += site.metric(Role::Enricher, &name).await?;
    }
    assert_eq!(hidden, 7);
    for frame in viewer.frames() {
        for visitor in [&nexa_core, &vertex_cloud] {
            assert!(!frame.contains(&visitor.guid) && !frame.contains(&visitor.ip));
        }
    }
    viewer.missed_nothing()
}

#[tokio::test]
async fn unknown_address_is_shown_without_company() -> Result<()> {
    let site = Pipeline::start().await?;
    for kind in [Kind::Unknown, Kind::Empty] {
        let visitor = Visitor::from(&site.ip(kind, 1));
        site.send(&[visitor.opened(0)]);
        let session = site.shows(&visitor).await?;
        assert_eq!((&session.company, &session.contact), (&None, &None), "{kind:?}");
    }
    site.view_is_right().await
}

#[tokio::test]
async fn visitors_are_shown_with_permitted_fields_only() -> Result<()> {
    let site = Pipeline::start().await?;
    let kinds = [
        Kind::Full,
        Kind::CompanyOnly,
        Kind::ContactOnly,
        Kind::MixedEmails,
        Kind::PersonalEmails,
        Kind::NoEmails,
    ];
    for kind in kinds {
        let visitors: Vec<_> = (0..20).map(|n| Visitor::from(&site.ip(kind, n))).collect();
        site.send(
            &visitors
                .iter()
                .map(|visitor| visitor.opened(0))
                .collect::<Vec<_>>(),
        );
    }
    site.view_is_right().await
}

#[tokio::test]
async fn averages_are_those_of_the_sessions_shown() -> Result<()> {
    let site = Pipeline::start().await?;
    // Several visitors of each company, some of none, and some whose company spells its guid in upper case.
    let mut visitors = Vec::new();
    for n in 0..8 {
        for _ in 0..=n % 3 {
            visitors.push(Visitor::from(&site.ip(Kind::CompanyOnly, n)));
        }
        visitors.push(Visitor::from(&site.ip(Kind::Unknown, n)));
    }
    let opened: Vec<_> = (0..)
        .zip(&visitors)
        .map(|(n, visitor)| visitor.opened(n * 1_000))
        .collect();
    site.send(&opened);
    site.view_is_right().await?;

    let viewer = site.viewer().await?;
    let view = viewer
        .sees("a snapshot of all", |view| view.sessions.len() == visitors.len())
        .await?;
    let sessions: Vec<_> = view.sessions.values().collect();
    let companies: Vec<_> = sessions
        .iter()
        .filter_map(|session| Some(session.company.as_ref()?.guid.to_lowercase()))
        .collect();
    let distinct: std::collections::BTreeSet<_> = companies.iter().collect();
    let ages: f64 = sessions
        .iter()
        .map(|session| (view.now - session.opened_at) as f64 / 1_000.0)
        .sum();
    assert_eq!(view.stats.active_sessions, sessions.len() as u64);
    assert_eq!(view.stats.companies, distinct.len() as u64);
    let per_company = companies.len() as f64 / distinct.len() as f64;
    assert!((view.stats.average_visitors_per_company - per_company).abs() < 1e-9);
    // The clock may tick between the two figures of one frame.
    let mean = ages / sessions.len() as f64;
    assert!((view.stats.average_session_seconds - mean).abs() < 0.1, "{mean}");
    assert_eq!(
        site.instance(Role::Gateway, 0)?.http.stats().await?.companies,
        view.stats.companies
    );
    Ok(())
}

#[tokio::test]
async fn averages_without_sessions_are_zero() -> Result<()> {
    let site = Pipeline::start().await?;
    let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
    assert_eq!(stats, protocol::frame::Stats::default());
    Ok(())
}
