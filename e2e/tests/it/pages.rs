//! The page that a visitor sees and where the visitor came from, from the emitter to the view.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::frame::VisibleSession;
use protocol::{Record, SessionMessage};
use serde_json::{Value, json};
use simulator::event::Event;
use simulator::world::Kind;

const REFERRER: &str = "https://search.example/";

fn url(path: &str) -> String {
    format!("https://shop.example{path}")
}

/// The frame of an event with additional fields.
fn frame_with(event: &Event, more: &Value) -> Result<String> {
    let mut json: Value = serde_json::from_str(&event.to_json())?;
    let fields = more.as_object().context("no object")?.clone();
    json.as_object_mut().context("no object")?.extend(fields);
    Ok(json.to_string())
}

fn on_page(event: &Event, path: &str) -> Result<String> {
    frame_with(event, &json!({ "page": { "url": url(path), "title": path } }))
}

fn page_of(session: &VisibleSession) -> Option<&str> {
    session.page.as_ref().map(|page| &*page.url)
}

/// Waits until each gateway shows the visitor with this page.
async fn is_on(site: &Pipeline, visitor: &Visitor, path: &str) -> Result<VisibleSession> {
    let mut shown = None;
    for gateway in site.instances(Role::Gateway) {
        let what = format!("the visitor is on {path}");
        let session = eventually(&what, async || {
            let sessions = gateway.http.sessions().await?;
            let session = sessions.get(&visitor.guid).context("not shown")?;
            ensure!(page_of(session) == Some(&*url(path)), "{session:?}");
            Ok(session.clone())
        });
        shown = Some(session.await?);
    }
    shown.context("no gateway")
}

/// The record that the stream holds.
async fn record(site: &Pipeline, visitor: &Visitor) -> Result<Record> {
    let stream = site.operator().await?.get_stream("VISITOR_SESSIONS").await?;
    let subject = format!("visitor.session.{}", visitor.guid);
    let message = stream.direct_get_last_for_subject(subject).await?;
    match serde_json::from_slice(&message.payload)? {
        SessionMessage::Record(record) => Ok(record),
        SessionMessage::Tombstone(_) => anyhow::bail!("closed"),
    }
}

#[tokio::test]
async fn page_of_the_latest_event_and_referrer_of_the_earliest_are_shown_in_any_order() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .with(Role::Gateway, 2)
        .start()
        .await?;
    let viewer = site.viewer().await?;
    // Each visitor's events come in another order; none of them is the order in which they happened.
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]];
    for (n, order) in (0..).zip(orders) {
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        let arrived = frame_with(
            &visitor.opened(5_000),
            &json!({ "page": { "url": url("/"), "title": "Shop" }, "referrer": REFERRER }),
        )?;
        let later = frame_with(
            &visitor.keep_alive(2_000),
            &json!({ "page": { "url": url("/tea"), "title": "Tea" }, "referrer": "https://later.example/" }),
        )?;
        let silent = visitor.keep_alive(1_000).to_json();
        let frames = [
            arrived,
            on_page(&visitor.keep_alive(4_000), "/cups")?,
            later,
            silent,
        ];
        for index in order {
            site.emitter.send_text(&frames[index]);
        }
        let shown = is_on(&site, &visitor, "/tea").await?;
        eventually("the referrer of the earliest event is shown", async || {
            let sessions = site.sessions().await?;
            let session = sessions.get(&visitor.guid).context("not shown")?;
            ensure!(
                session.referrer.as_deref() == Some(REFERRER),
                "{order:?}: {session:?}"
            );
            Ok(())
        })
        .await?;
        assert_eq!(shown.page.map(|page| page.title.clone()).as_deref(), Some("Tea"));

        site.emitter
            .send_text(&on_page(&visitor.keep_alive(0), "/basket")?);
        let view = viewer.sees("the next page", |view| {
            let session = view.sessions.get(&visitor.guid);
            session.is_some_and(|session| page_of(session) == Some(&*url("/basket")))
        });
        view.await?;
    }
    Ok(())
}

#[tokio::test]
async fn emitter_that_reports_no_page_costs_nothing() -> Result<()> {
    let site = Pipeline::start().await?;
    let silent = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    let activities = site.tap("visitor.activity.>").await?;
    site.send(&[silent.opened(1_000)]);
    site.shows(&silent).await?;
    site.send(&[silent.keep_alive(0)]);
    let activity = activities
        .first("its activity", |heard| heard.text().contains(&silent.guid))
        .await?;
    let activity: Value = serde_json::from_str(&activity.text())?;
    assert_eq!(activity[0].as_array().map(Vec::len), Some(3));
    let sessions = site
        .instance(Role::Gateway, 0)?
        .http
        .get("/api/sessions")
        .await?
        .text;
    let sessions: Value = serde_json::from_str(&sessions)?;
    let rows = sessions["sessions"].as_array().context("no sessions")?;
    let row = rows.iter().find(|row| row["guid"] == silent.guid.as_str());
    let row = row.context("not shown")?.as_object().context("no object")?;
    ensure!(
        !row.contains_key("page") && !row.contains_key("referrer"),
        "{row:?}"
    );
    Ok(())
}

/// The page is reported once, and the activities that contain it expire long before the end.
#[tokio::test]
async fn last_page_survives_restarts_of_everything() -> Result<()> {
    let mut site = Pipeline::builder()
        .stale_after(Duration::from_secs(6))
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let arrived = json!({ "page": { "url": url("/"), "title": "" }, "referrer": REFERRER });
    site.emitter.send_text(&frame_with(&visitor.opened(0), &arrived)?);
    is_on(&site, &visitor, "/").await?;
    site.emitter.send_text(&on_page(&visitor.keep_alive(0), "/tea")?);
    is_on(&site, &visitor, "/tea").await?;
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    is_on(&site, &visitor, "/tea").await?;

    // The gateway saves the page before the stream of activities forgets it.
    eventually("the record has the page", async || {
        site.send(&[visitor.keep_alive(0)]);
        let record = record(&site, &visitor).await?;
        let page = record.page.context("no page")?;
        ensure!(*page.page.url == *url("/tea"), "{page:?}");
        Ok(())
    })
    .await?;
    let maintainer = async_nats::jetstream::new(site.nats.client("maintainer").await?);
    maintainer.get_stream("VISITOR_ACTIVITY").await?.purge().await?;
    for role in [Role::Gateway, Role::Enricher] {
        site.instance_mut(role, 0)?.process.restart().await?;
        site.ready().await?;
        site.send(&[visitor.keep_alive(0)]);
        is_on(&site, &visitor, "/tea").await?;
    }
    site.nats.process.restart().await?;
    site.ready().await?;
    site.send(&[visitor.keep_alive(0)]);
    is_on(&site, &visitor, "/tea").await?;
    eventually("NATS has it again", async || {
        site.send(&[visitor.keep_alive(0)]);
        let record = record(&site, &visitor).await?;
        ensure!(record.page.is_some_and(|seen| *seen.page.url == *url("/tea")));
        ensure!(record.referrer.is_some_and(|referrer| &*referrer.url == REFERRER));
        Ok(())
    })
    .await?;
    for role in [Role::Gateway, Role::Enricher, Role::Ingestor] {
        site.instance_mut(role, 0)?.process.kill().await?;
    }
    for role in [Role::Gateway, Role::Enricher, Role::Ingestor] {
        site.instance_mut(role, 0)?.process.start()?;
    }
    site.ready().await?;
    site.send(&[visitor.keep_alive(0)]);
    let shown = is_on(&site, &visitor, "/tea").await?;
    assert_eq!(shown.referrer.as_deref(), Some(REFERRER));
    Ok(())
}

#[tokio::test]
async fn unusable_pages_are_dropped_alone_and_counted() -> Result<()> {
    let site = Pipeline::start().await?;
    let rejected = site.tap("visitor.rejected.>").await?;
    let unusable = [
        json!({ "page": 7 }),
        json!({ "page": { "url": "x".repeat(2_001) } }),
        json!({ "page": { "url": "https://shop.example/\u{1b}[2J" }, "referrer": [] }),
        json!({ "page": { "url": url("/kept"), "title": "\u{0}" }, "referrer": "x".repeat(60_000) }),
    ];
    let mut visitors = Vec::new();
    for (n, more) in (0..).zip(&unusable) {
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        site.emitter.send_text(&frame_with(&visitor.opened(0), more)?);
        visitors.push(visitor);
    }
    let half = Visitor::from(&site.ip(Kind::Full, 9));
    let json = half.opened(0).to_json();
    let open = json.strip_suffix('}').context("no object")?;
    site.emitter
        .send_text(&format!(r#"{open},"page":{{"url":"/","title":"\ud83d"}}}}"#));
    for visitor in visitors.iter().chain([&half]) {
        let shown = site.shows(visitor).await?;
        let kept = (visitor == &visitors[3]).then(|| url("/kept"));
        assert_eq!(
            (page_of(&shown), shown.referrer.as_deref()),
            (kept.as_deref(), None)
        );
    }
    for (field, expected) in [("page", 4), ("title", 1), ("referrer", 2)] {
        let name = format!("visitor_ingestor_event_fields_dropped_total{{field=\"{field}\"}}");
        assert_eq!(site.metric(Role::Ingestor, &name).await?, expected, "{field}");
    }
    assert!(rejected.heard().is_empty());
    Ok(())
}

#[tokio::test]
async fn pages_are_in_no_log_and_those_of_hidden_companies_nowhere() -> Result<()> {
    let site = Pipeline::builder()
        .log_filter("trace,async_nats=debug")
        .start()
        .await?;
    let hidden = [Kind::NexaCore, Kind::VertexCloud].map(|kind| Visitor::from(&site.ip(kind, 1)));
    let shown = Visitor::from(&site.ip(Kind::Full, 1));
    let taps = [
        site.tap("visitor.session.>").await?,
        site.tap("visitor.activity.>").await?,
        site.tap("visitor.status.>").await?,
        site.tap("$KV.>").await?,
    ];
    let reasons = site.tap("visitor.rejected.>").await?;
    let viewer = site.viewer_recording().await?;
    for visitor in &hidden {
        let more = json!({ "page": { "url": url("/hidden-path"), "title": "T" }, "referrer": "https://hidden.example/" });
        for event in [visitor.opened(0), visitor.keep_alive(0), visitor.keep_alive(0)] {
            site.emitter.send_text(&frame_with(&event, &more)?);
        }
    }
    let more =
        json!({ "page": { "url": url("/shown-path"), "title": "T" }, "referrer": "https://shown.example/" });
    site.emitter.send_text(&frame_with(&shown.opened(0), &more)?);
    is_on(&site, &shown, "/shown-path").await?;
    // Rejected for its guid; the payload is kept for the operator, and the reason says nothing of it.
    site.emitter.send_text(
        r#"{"eventType":"keep-alive","ip":"::1","guid":7,"page":{"url":"https://shop.example/rejected-path"}}"#,
    );
    let reason = reasons
        .first("the rejected event", |heard| {
            heard.text().contains("rejected-path")
        })
        .await?;
    let headers = format!("{} {:?}", reason.subject, reason.headers);
    ensure!(!headers.contains("rejected-path"), "{headers}");
    for visitor in &hidden {
        site.emitter
            .send_text(&on_page(&visitor.closed(0), "/hidden-path")?);
    }
    site.emitter
        .send_text(&on_page(&shown.keep_alive(0), "/shown-path-2")?);
    is_on(&site, &shown, "/shown-path-2").await?;
    site.queue_is_empty().await?;

    for heard in taps.iter().flat_map(e2e::clients::Tap::heard) {
        let text = format!("{} {:?} {}", heard.subject, heard.headers, heard.text());
        ensure!(
            !text.contains("hidden-path") && !text.contains("hidden.example"),
            "{text}"
        );
    }
    for frame in viewer.frames() {
        ensure!(
            !frame.contains("hidden-path") && !frame.contains("hidden.example"),
            "{frame}"
        );
    }
    no_log_or_metric_has_a_page(&site).await
}

async fn no_log_or_metric_has_a_page(site: &Pipeline) -> Result<()> {
    for role in Role::ALL {
        for instance in site.instances(role) {
            let metrics = instance.http.get("/metrics").await?.text;
            for text in [instance.process.log()?, metrics] {
                for private in [
                    "hidden-path",
                    "shown-path",
                    "rejected-path",
                    "hidden.example",
                    "shown.example",
                ] {
                    ensure!(
                        !text.contains(private),
                        "{private} in the log or metrics of {}",
                        instance.process.name()
                    );
                }
            }
        }
    }
    Ok(())
}
