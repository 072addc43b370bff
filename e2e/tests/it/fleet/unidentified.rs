//! `--show-unidentified-after`: those whose lookup keeps failing are shown, and marked.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::times::StampedAt as _;
use e2e::{Visitor, eventually};
use simulator::deanonymizer::Failure;
use simulator::world::Kind;

async fn site() -> Result<Pipeline> {
    Pipeline::builder()
        .with(Role::Enricher, 2)
        .stale_after(Duration::from_secs(10))
        .flag(Role::Enricher, "--show-unidentified-after", "1s")
        .start()
        .await
}

/// Waits for a condition while the visitors send keep-alives.
async fn eventually_alive<T>(
    site: &Pipeline,
    visitors: &[&Visitor],
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    eventually(what, async || {
        let events: Vec<_> = visitors.iter().map(|visitor| visitor.keep_alive(0)).collect();
        site.send(&events);
        probe().await
    })
    .await
}

#[tokio::test]
async fn unidentified_visitor_is_shown_and_identified_later() -> Result<()> {
    let site = site().await?;
    site.deanonymizer.fail_all(Some(Failure::ServiceUnavailable));
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let opened = visitor.opened(3_000);
    site.send(std::slice::from_ref(&opened));
    let shown = eventually_alive(&site, &[&visitor], "the visitor is shown", async || {
        site.sessions().await?.remove(&visitor.guid).context("not shown")
    })
    .await?;
    assert!(shown.unidentified, "{shown:?}");
    assert_eq!((&shown.company, &shown.contact), (&None, &None));

    let touch = visitor.keep_alive(0);
    site.send(std::slice::from_ref(&touch));
    let touched = eventually_alive(&site, &[&visitor], "the visitor is touched", async || {
        let session = site.sessions().await?.remove(&visitor.guid);
        let session = session.context("not shown")?;
        ensure!(
            Some(session.last_activity_at) >= touch.stamped_at(),
            "{session:?}"
        );
        Ok(session)
    })
    .await?;
    assert!(touched.unidentified, "{touched:?}");

    site.deanonymizer.fail_all(None);
    // A keep-alive may have the verdict first; the opening, back from the queue, completes its record.
    eventually_alive(&site, &[&visitor], "the visitor is identified", async || {
        let session = site.sessions().await?.remove(&visitor.guid);
        let session = session.context("not shown")?;
        ensure!(!session.unidentified, "{session:?}");
        ensure!(Some(session.opened_at) == opened.stamped_at(), "{session:?}");
        Ok(())
    })
    .await?;
    site.view_is_right().await?;
    assert_eq!(site.deanonymizer.calls_for(&visitor.ip).successes, 1);
    Ok(())
}

#[tokio::test]
async fn unidentified_data_centre_visitor_disappears_for_good() -> Result<()> {
    let site = site().await?;
    site.deanonymizer.fail_all(Some(Failure::ServiceUnavailable));
    let hidden = Visitor::from(&site.ip(Kind::NexaCore, 1));
    let viewer = site.viewer_recording().await?;
    site.send(&[hidden.opened(0)]);
    eventually_alive(&site, &[&hidden], "the visitor is shown", async || {
        ensure!(site.sessions().await?.contains_key(&hidden.guid));
        Ok(())
    })
    .await?;
    site.deanonymizer.fail_all(None);
    let view = eventually_alive(&site, &[&hidden], "the visitor is gone", async || {
        let view = viewer.view();
        ensure!(view.removals.contains_key(&hidden.guid));
        Ok(view)
    })
    .await?;
    assert!(!view.sessions.contains_key(&hidden.guid));

    // Every enricher receives an event of the visitor again, including one that knows only the streams.
    site.send(&[hidden.keep_alive(0), hidden.opened(0), hidden.keep_alive(0)]);
    site.settle().await?;
    site.send(&[hidden.keep_alive(0)]);
    site.settle().await?;
    site.view_is_right().await?;
    viewer.missed_nothing()?;
    let shown = viewer.frames();
    let gone = shown
        .iter()
        .position(|frame| frame.contains(&format!(r#"["{}","hidden"]"#, hidden.guid)))
        .context("no frame reports the end")?;
    assert!(
        !shown[gone + 1..].iter().any(|frame| frame.contains(&hidden.guid)),
        "the visitor came back"
    );
    Ok(())
}

#[tokio::test]
async fn unidentified_visitors_who_leave_are_removed_and_cost_nothing_more() -> Result<()> {
    let site = site().await?;
    site.deanonymizer.fail_all(Some(Failure::ServerError));
    // Enough that one enricher shows a visitor whose closing the other one receives.
    let visitors: Vec<_> = (1..=8)
        .map(|number| Visitor::from(&site.ip(Kind::Full, number)))
        .collect();
    let openings: Vec<_> = visitors.iter().map(|visitor| visitor.opened(0)).collect();
    site.send(&openings);
    let all: Vec<_> = visitors.iter().collect();
    eventually_alive(&site, &all, "all visitors are shown", async || {
        let sessions = site.sessions().await?;
        ensure!(
            visitors
                .iter()
                .all(|visitor| sessions.contains_key(&visitor.guid))
        );
        Ok(())
    })
    .await?;
    let closings: Vec<_> = visitors.iter().map(|visitor| visitor.closed(0)).collect();
    site.send(&closings);
    for visitor in &visitors {
        site.shows_no(visitor).await?;
    }
    // Until every enricher has received it, one may still retry.
    site.queue_is_empty().await?;
    let activities = site
        .metric(Role::Enricher, "visitor_enricher_activities_published_total")
        .await?;
    let sent = site.emitter.sent().len() as u64;
    assert!(activities <= sent, "{activities} activities of {sent} events");
    site.deanonymizer.fail_all(None);
    site.settle().await?;
    for visitor in &visitors {
        let paid = site.deanonymizer.calls_for(&visitor.ip).successes;
        assert_eq!(paid, 0, "paid for nothing");
    }
    site.view_is_right().await
}

/// A site whose only enricher reaches no Deanonymizer, and shows a visitor of a data centre unidentified.
async fn shown_by_one_that_cannot_know(
    visitor: impl FnOnce(&Pipeline) -> Visitor,
) -> Result<(Pipeline, Visitor)> {
    let nobody = "http://127.0.0.1:1/";
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--deanonymizer-url", nobody)
        .flag(Role::Enricher, "--show-unidentified-after", "1s")
        .start()
        .await?;
    let visitor = visitor(&site);
    site.send(&[visitor.opened(0)]);
    eventually_alive(&site, &[&visitor], "the visitor is shown", async || {
        ensure!(site.sessions().await?.contains_key(&visitor.guid));
        Ok(())
    })
    .await?;
    Ok((site, visitor))
}

/// Adds an enricher that reaches the Deanonymizer.
async fn one_that_can_know(site: &mut Pipeline) -> Result<()> {
    let url = site.deanonymizer.url();
    let number = site.add_with(Role::Enricher, &[("--deanonymizer-url", &url)])?;
    site.instance_mut(Role::Enricher, number)?.ready().await
}

#[tokio::test]
async fn enricher_hides_a_data_centre_session_shown_by_a_frozen_one() -> Result<()> {
    let (mut site, hidden) =
        shown_by_one_that_cannot_know(|site| Visitor::from(&site.ip(Kind::NexaCore, 1))).await?;
    let viewer = site.viewer_recording().await?;
    site.enricher()?.process.pause()?;
    one_that_can_know(&mut site).await?;
    site.send(&[hidden.keep_alive(0)]);
    viewer
        .sees("that the row is gone", |view| {
            view.removals.contains_key(&hidden.guid)
        })
        .await?;
    let reason = format!(r#"["{}","hidden"]"#, hidden.guid);
    ensure!(viewer.frames().iter().any(|frame| frame.contains(&reason)));
    site.enricher()?.process.resume()
}

#[tokio::test]
async fn rows_of_a_hidden_address_disappear_when_another_enricher_learns_of_it() -> Result<()> {
    let (mut site, hidden) =
        shown_by_one_that_cannot_know(|site| Visitor::from(&site.ip(Kind::NexaCore, 1))).await?;
    let viewer = site.viewer().await?;
    one_that_can_know(&mut site).await?;
    // The shown visitor sends nothing any more.
    let another = Visitor::from(&hidden.ip);
    eventually_alive(&site, &[&another], "the row is gone", async || {
        ensure!(viewer.view().removals.contains_key(&hidden.guid));
        Ok(())
    })
    .await?;
    site.shows_no(&another).await
}
