//! The exact messages on the subjects, because programs outside this repository read them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream;
use bytes::Bytes;
use e2e::clients::TappedMessage;
use e2e::processes::{Pipeline, Role};
use e2e::times::StampedAt as _;
use e2e::{Visitor, eventually};
use futures_util::StreamExt as _;
use protocol::event::RECEIVED_AT_HEADER;
use serde_json::{Value, json};
use service::clock;
use simulator::event::Event;
use simulator::world::Kind;

/// The times of receipt that a raw message carries.
fn times(heard: &TappedMessage) -> Result<Vec<i64>> {
    let times = heard.header(RECEIVED_AT_HEADER)?.split(',');
    times.map(|time| Ok(time.parse()?)).collect()
}

/// The message on a session's subject, with its TTL in seconds.
async fn stored_message(site: &Pipeline, visitor: &Visitor) -> Result<(Value, u64)> {
    let jetstream = site.operator().await?;
    let stream = jetstream.get_stream("VISITOR_SESSIONS").await?;
    let subject = format!("visitor.session.{}", visitor.guid);
    let message = stream.direct_get_last_for_subject(subject).await?;
    let ttl = message.headers.get("Nats-TTL").context("no TTL")?;
    let ttl = ttl.as_str().trim_end_matches('s').parse()?;
    Ok((serde_json::from_slice(&message.payload)?, ttl))
}

/// Whether an ingestor may have received at this time what was sent at `sent_at`, both in Unix ms.
fn is_receipt(received_at: i64, sent_at: i64) -> bool {
    // Two processes agree on the time to within a second.
    const TOLERANCE: i64 = 1_000;
    (sent_at - TOLERANCE..=clock::now().unix_ms() + TOLERANCE).contains(&received_at)
}

#[tokio::test]
async fn single_event_is_one_message_byte_for_byte() -> Result<()> {
    let site = Pipeline::start().await?;
    let tap = site.tap("visitor.raw.>").await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    // Unusual spelling: the output must equal the input.
    let odd = format!(
        " {{ \"more\": [1,2],\n\t\"guid\":\"{}\", \"ip\":\"{}\",\"eventType\" : \"keep-alive\", \"timestamp\":null }}",
        visitor.guid, visitor.ip
    );
    let frames = [
        ("visitor.raw.session-opened", visitor.opened(0).to_json()),
        ("visitor.raw.keep-alive", odd),
        ("visitor.raw.session-closed", visitor.closed(0).to_json()),
    ];
    for (subject, frame) in &frames {
        let sent_at = clock::now().unix_ms();
        site.emitter.send_text(frame);
        let heard = tap.first(subject, |heard| heard.subject == *subject).await?;
        assert_eq!(heard.text(), *frame);
        let times = times(&heard)?;
        assert_eq!(times.len(), 1);
        assert!(is_receipt(times[0], sent_at), "{times:?}");
    }
    assert_eq!(tap.heard().len(), frames.len());
    Ok(())
}

#[tokio::test]
async fn under_load_events_share_messages_and_none_is_lost_or_changed() -> Result<()> {
    let site = Pipeline::start().await?;
    let tap = site.tap("visitor.raw.>").await?;
    let visitors: Vec<_> = (0..1_000)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n % 50)))
        .collect();
    let events: Vec<Event> = (0..5)
        .flat_map(|_| visitors.iter().map(|visitor| visitor.keep_alive(0)))
        .collect();
    site.send(&events);
    let lines = eventually("all events are heard", async || {
        let heard = tap.heard();
        let lines: Vec<String> = heard
            .iter()
            .flat_map(|heard| heard.text().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        ensure!(lines.len() >= events.len(), "{} of {}", lines.len(), events.len());
        Ok(lines)
    })
    .await?;
    assert_eq!(lines, events.iter().map(Event::to_json).collect::<Vec<_>>());

    let heard = tap.heard();
    assert!(heard.len() < events.len() / 10, "{} messages", heard.len());
    for message in &heard {
        let lines = message.text().lines().count();
        assert!(lines <= 256 && message.payload.len() <= 64 * 1024);
        assert_eq!(times(message)?.len(), lines);
    }
    site.view_is_right().await
}

#[tokio::test]
async fn event_with_line_breaks_is_sent_alone() -> Result<()> {
    let site = Pipeline::start().await?;
    let tap = site.tap("visitor.raw.>").await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let event = |ago| visitor.keep_alive(ago).to_json();
    let newest = visitor.keep_alive(0);
    let broken = newest.to_json().replace(',', ",\n");
    let frames: Vec<String> = (1..=4)
        .map(event)
        .chain([broken.clone()])
        .chain((5..=8).map(event))
        .collect();
    // Nothing is acknowledged meanwhile, so that events are batched.
    site.nats.process.pause()?;
    for frame in &frames {
        site.emitter.send_text(frame);
    }
    eventually("all events are waiting", async || {
        let waiting = site
            .metric(Role::Ingestor, "visitor_ingestor_events_waiting")
            .await?;
        ensure!(waiting == frames.len() as u64, "{waiting}");
        Ok(())
    })
    .await?;
    site.nats.process.resume()?;
    let heard = eventually("all events are heard, in their order", async || {
        let heard = tap.heard();
        let texts: Vec<_> = heard.iter().map(TappedMessage::text).collect();
        ensure!(texts.join("\n") == frames.join("\n"), "{texts:?}");
        Ok(heard)
    })
    .await?;
    assert!(heard.len() < frames.len(), "no two events shared a message");
    for message in &heard {
        let events = if message.text() == broken {
            1
        } else {
            message.text().lines().count()
        };
        assert_eq!(times(message)?.len(), events);
    }
    assert!(heard.iter().any(|message| message.text() == broken));
    site.settle().await?;
    let session = site.shows(&visitor).await?;
    assert_eq!(Some(session.last_activity_at), newest.stamped_at());
    Ok(())
}

#[tokio::test]
async fn activities_are_triples_batched_in_one_message() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    let tap = site.tap("visitor.activity.*").await?;
    let touch = visitor.keep_alive(1_234);
    let sent_at = clock::now().unix_ms();
    site.send(std::slice::from_ref(&touch));
    let heard = tap.first("an activity", |_| true).await?;
    let activity: Value = serde_json::from_slice(&heard.payload)?;
    let received_at = activity[0][2].as_i64().context("no time of receipt")?;
    assert_eq!(
        activity,
        json!([[visitor.guid, touch.timestamp_ms(), received_at]])
    );
    assert!(is_receipt(received_at, sent_at), "{activity}");

    let touches: Vec<_> = (0..2_000).map(|_| visitor.keep_alive(0)).collect();
    site.send(&touches);
    eventually("all activities are heard in fewer messages", async || {
        let heard = tap.heard();
        let mut count = 0;
        for message in &heard {
            let activities: Vec<(String, i64, i64)> = serde_json::from_slice(&message.payload)?;
            ensure!(activities.len() <= 256);
            count += activities.len();
        }
        ensure!(
            count > touches.len() && heard.len() < count / 10,
            "{count} in {}",
            heard.len()
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tombstone_replaces_the_record() -> Result<()> {
    let site = Pipeline::start().await?;
    let tap = site.tap("visitor.session.*").await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let first = visitor.keep_alive(3_000);
    site.send(std::slice::from_ref(&first));
    site.shows(&visitor).await?;
    let answer = site.deanonymizer.world().answer(&visitor.ip);
    let contact = answer.contact().context("no contact")?;
    let mut contact = json!(contact);
    for list in ["emailAddresses", "phoneNumbers"] {
        contact[list] = contact.get(list).cloned().unwrap_or_else(|| json!([]));
    }
    let (record, ttl) = stored_message(&site, &visitor).await?;
    let identified_at = record["identifiedAt"].as_i64();
    let after_receipt = identified_at
        .zip(record["receivedAt"].as_i64())
        .map(|(at, received)| at - received);
    // Two processes agree on the time to within a second.
    assert!(
        after_receipt.is_some_and(|after| (-1_000..60_000).contains(&after)),
        "{record}"
    );
    let expected = |event, opened_at: Option<i64>, first_seen_at, last_activity_at, received_at: &Value| {
        json!({
            "guid": visitor.guid, "ip": visitor.ip, "event": event, "openedAt": opened_at,
            "firstSeenAt": first_seen_at, "lastActivityAt": last_activity_at, "receivedAt": received_at,
            "company": answer.company(), "contact": contact, "identifiedAt": identified_at,
        })
    };
    let at = first.timestamp_ms();
    assert_eq!(
        record,
        expected("keep-alive", None, at, at, &record["receivedAt"])
    );
    assert_eq!(ttl, 86_400);

    let opened = visitor.opened(5_000);
    site.send(std::slice::from_ref(&opened));
    eventually("the record is completed", async || {
        let (record, ttl) = stored_message(&site, &visitor).await?;
        let opened_at = opened.timestamp_ms();
        let completed = expected("session-opened", opened_at, opened_at, at, &record["receivedAt"]);
        ensure!(record == completed && ttl == 86_400, "{ttl}: {record}");
        Ok(())
    })
    .await?;

    let closed = visitor.closed(500);
    site.send(std::slice::from_ref(&closed));
    site.shows_no(&visitor).await?;
    let (tombstone, ttl) = stored_message(&site, &visitor).await?;
    assert_eq!(
        tombstone,
        json!({
            "guid": visitor.guid, "event": "session-closed", "closedAt": closed.timestamp_ms(),
            "receivedAt": tombstone["receivedAt"],
        })
    );
    assert!(tombstone["receivedAt"].as_i64() >= closed.timestamp_ms());
    assert_eq!(ttl, 675, "ten minutes and an eighth");
    assert_eq!(tap.heard().len(), 3, "no message too many");
    Ok(())
}

#[tokio::test]
async fn record_of_a_stale_session_expires_after_a_quarter_of_an_hour() -> Result<()> {
    let site = Pipeline::builder()
        .stale_after(Duration::from_secs(2))
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    let (record, ttl) = stored_message(&site, &visitor).await?;
    assert_eq!(ttl, 86_400);
    eventually("the record has less time", async || {
        let (stale, ttl) = stored_message(&site, &visitor).await?;
        ensure!(ttl == 900, "{ttl}");
        ensure!(stale == record, "{stale}");
        Ok(())
    })
    .await?;
    site.send(&[visitor.keep_alive(0)]);
    eventually("the record has its time again", async || {
        let (_, ttl) = stored_message(&site, &visitor).await?;
        ensure!(ttl == 86_400, "{ttl}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_process_reports_its_status_each_second() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let tap = site.tap("visitor.status.>").await?;
    let statuses = eventually(
        "each of four processes has said five times how it is",
        async || {
            let mut statuses: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for heard in tap.heard() {
                let status = serde_json::from_slice(&heard.payload)?;
                statuses.entry(heard.subject).or_default().push(status);
            }
            ensure!(
                statuses.len() == 4 && statuses.values().all(|said| said.len() >= 5),
                "{:?}",
                statuses.keys()
            );
            Ok(statuses)
        },
    )
    .await?;
    for (subject, said) in &statuses {
        for status in said {
            let [process, instance] = ["process", "instance"].map(|field| status[field].as_str());
            let expected = (process.context("no process")?, instance.context("no instance")?);
            assert_eq!(*subject, format!("visitor.status.{}.{}", expected.0, expected.1));
            assert_eq!(status["ready"], true);
        }
        let at = |index: usize| said[index]["at"].as_i64().context("no time");
        let passed = at(4)? - at(0)?;
        assert!(passed >= 3_000, "{subject} says it five times in {passed} ms");
    }
    Ok(())
}

#[tokio::test]
async fn every_process_is_a_service() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let operator = site.nats.client("operator").await?;
    let names = eventually("all processes answer", async || {
        let inbox = operator.new_inbox();
        let mut answers = operator.subscribe(inbox.clone()).await?;
        operator
            .publish_with_reply("$SRV.PING", inbox, Bytes::new())
            .await?;
        let mut names = Vec::new();
        while names.len() < 4 {
            let next = answers.next();
            let message = tokio::time::timeout(Duration::from_secs(2), next).await?;
            let answer: Value = serde_json::from_slice(&message.context("no answer")?.payload)?;
            names.push(answer["name"].as_str().context("no name")?.to_owned());
        }
        names.sort();
        Ok(names)
    })
    .await?;
    assert_eq!(
        names,
        [
            "visitor-enricher",
            "visitor-enricher",
            "visitor-gateway",
            "visitor-ingestor"
        ]
    );
    for role in Role::ALL {
        let subject = format!("visitor.service.{}.status", role.name());
        let answer = operator.request(subject, Bytes::new()).await?;
        let status: Value = serde_json::from_slice(&answer.payload)?;
        assert_eq!(status["process"], role.name());
    }
    Ok(())
}

#[tokio::test]
async fn invalid_stream_messages_are_rejected() -> Result<()> {
    let site = Pipeline::start().await?;
    let tap = site.tap("visitor.rejected.>").await?;
    let ingestor = jetstream::new(site.nats.client("ingestor").await?);
    let enricher = jetstream::new(site.nats.client("enricher").await?);
    ingestor
        .publish("visitor.raw.keep-alive", "no event".into())
        .await?
        .await?;
    enricher
        .publish("visitor.session.x", "no record".into())
        .await?
        .await?;
    enricher
        .publish("visitor.activity.x", r#"{"no":"activity"}"#.into())
        .await?
        .await?;
    for (subject, payload) in [
        ("visitor.rejected.enricher.not-json", "no event"),
        ("visitor.rejected.gateway.not-json", "no record"),
        ("visitor.rejected.gateway.wrong-type", r#"{"no":"activity"}"#),
    ] {
        let heard = tap.first(subject, |heard| heard.subject == subject).await?;
        assert_eq!(heard.text(), payload);
    }
    site.settle().await?;
    let operator = site.operator().await?;
    let rejected = operator.get_stream("VISITOR_REJECTED").await?;
    assert_eq!(rejected.cached_info().state.messages, 3);
    Ok(())
}
