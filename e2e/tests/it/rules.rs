//! The currently configured rules apply: what is hidden later disappears everywhere within seconds, and an enricher
//! that still runs with older rules cannot bring it back.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream;
use async_nats::jetstream::context::traits::Publisher as _;
use async_nats::jetstream::message::PublishMessage;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use serde_json::{Value, json};
use service::clock;
use simulator::world::Kind;

/// The company of a visitor, by GUID, name and domain.
fn company(site: &Pipeline, visitor: &Visitor) -> Result<[String; 3]> {
    let answer = site.deanonymizer.world().answer(&visitor.ip);
    let company = answer.company().context("a visitor without a company")?;
    Ok([company.guid.clone(), company.name.clone(), company.domain.clone()])
}

/// All messages of a stream, as text.
async fn content(site: &Pipeline, stream: &str) -> Result<String> {
    let stream = site.operator().await?.get_stream(stream).await?;
    let mut text = String::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        // A replaced message no longer exists.
        if let Ok(message) = stream.direct_get(sequence).await {
            let payload = String::from_utf8_lossy(&message.payload);
            text = [&text, message.subject.as_str(), &payload].join("\n");
        }
    }
    Ok(text)
}

/// Waits until the company is named nowhere, neither in streams nor in responses.
async fn named_nowhere(site: &Pipeline, company: &[String; 3]) -> Result<()> {
    eventually("the company is named nowhere", async || {
        let mut places = vec![
            content(site, "VISITOR_SESSIONS").await?,
            content(site, "KV_visitor_profiles").await?,
        ];
        for gateway in site.instances(Role::Gateway) {
            places.push(gateway.http.get("/api/sessions").await?.text);
        }
        for (place, text) in places.iter().enumerate() {
            let named = company.iter().find(|name| text.contains(*name));
            ensure!(named.is_none(), "place {place} names {named:?}: {text}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn company_hidden_later_disappears_everywhere() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Gateway, 2).start().await?;
    let hidden = Visitor::from(&site.ip(Kind::Full, 1));
    let company = company(&site, &hidden)?;
    let other = (2..50)
        .map(|number| Visitor::from(&site.ip(Kind::Full, number)))
        .find(|other| self::company(&site, other).is_ok_and(|it| it != company))
        .context("all are of one company")?;
    site.send(&[hidden.opened(0), other.opened(0)]);
    site.shows(&hidden).await?;
    site.shows(&other).await?;
    let viewer = site.viewer_recording().await?;

    site.enricher()?.process.stop().await?;
    let number = site.add_with(Role::Enricher, &[("--hide-companies", &company[0])])?;
    site.instance_mut(Role::Enricher, number)?.ready().await?;
    let view = viewer
        .sees("that the visitor is gone", |view| {
            view.removals.contains_key(&hidden.guid)
        })
        .await?;
    ensure!(
        view.sessions.contains_key(&other.guid),
        "another company was hidden as well"
    );
    let reason = format!(r#"["{}","hidden"]"#, hidden.guid);
    ensure!(
        viewer.frames().iter().any(|frame| frame.contains(&reason)),
        "no frame says why"
    );
    named_nowhere(&site, &company).await?;

    // Neither an event, nor another visitor from there, nor a restart brings anything back.
    let newcomer = Visitor::from(&hidden.ip);
    site.send(&[hidden.keep_alive(0), newcomer.opened(0), newcomer.keep_alive(0)]);
    site.settle().await?;
    named_nowhere(&site, &company).await?;
    site.nats.process.restart().await?;
    site.instance_mut(Role::Enricher, number)?.ready().await?;
    site.gateway()?.ready().await?;
    site.send(&[hidden.keep_alive(0), newcomer.keep_alive(0), other.keep_alive(0)]);
    site.shows(&other).await?;
    site.settle().await?;
    named_nowhere(&site, &company).await?;
    ensure!(!site.sessions().await?.contains_key(&newcomer.guid));
    viewer.missed_nothing()
}

#[tokio::test]
async fn enricher_with_older_rules_cannot_unhide_a_company() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let first = Visitor::from(&site.ip(Kind::Full, 1));
    let company = company(&site, &first)?;
    site.send(&[first.opened(0)]);
    site.shows(&first).await?;
    let number = site.add_with(Role::Enricher, &[("--hide-companies", &company[0])])?;
    site.instance_mut(Role::Enricher, number)?.ready().await?;
    named_nowhere(&site, &company).await?;

    // Two of three enrichers have the older rules, and get most of the events.
    let addresses = (0..400).map(|number| site.ip(Kind::Full, number));
    let visitors: Vec<_> = addresses
        .map(|ip| Visitor::from(&ip))
        .filter(|visitor| self::company(&site, visitor).is_ok_and(|it| it == company))
        .take(5)
        .chain((0..10).map(|_| Visitor::from(&first.ip)))
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(0)]);
        site.send(&[visitor.keep_alive(0), first.keep_alive(0)]);
    }
    site.settle().await?;
    named_nowhere(&site, &company).await?;
    for visitor in visitors.iter().chain([&first]) {
        site.shows_no(visitor).await?;
    }

    // Hidden sessions stay hidden even while the enricher with the newer rules is down.
    site.instance_mut(Role::Enricher, number)?.process.stop().await?;
    for visitor in visitors.iter().chain([&first]) {
        site.send(&[visitor.keep_alive(0), visitor.opened(0)]);
    }
    site.settle().await?;
    for visitor in visitors.iter().chain([&first]) {
        ensure!(
            !site.sessions().await?.contains_key(&visitor.guid),
            "{visitor:?} came back"
        );
    }
    Ok(())
}

#[tokio::test]
async fn session_closed_while_its_company_was_hidden_stays_closed() -> Result<()> {
    let mut site = Pipeline::start().await?;
    site.enricher()?.process.stop().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let witness = Visitor::from(&visitor.ip);
    let company = company(&site, &visitor)?;
    let number = site.add_with(Role::Enricher, &[("--hide-companies", &company[0])])?;
    site.instance_mut(Role::Enricher, number)?.ready().await?;
    site.send(&[visitor.opened(0), visitor.keep_alive(0)]);
    site.settle().await?;
    site.send(&[visitor.closed(0)]);
    site.settle().await?;

    // The company is no longer hidden, and the verdict that hid it is deleted.
    site.instance_mut(Role::Enricher, number)?.process.stop().await?;
    let nats = jetstream::new(site.nats.client("maintainer").await?);
    nats.get_stream("KV_visitor_profiles").await?.purge().await?;
    let number = site.add_with(Role::Enricher, &[])?;
    site.instance_mut(Role::Enricher, number)?.ready().await?;
    site.send(&[visitor.keep_alive(0), witness.opened(0)]);
    site.shows(&witness).await?;
    site.settle().await?;
    ensure!(
        !site.sessions().await?.contains_key(&visitor.guid),
        "it came back"
    );
    Ok(())
}

/// Publishes as an enricher of another release would have.
async fn publish(site: &Pipeline, subject: String, payload: &Value) -> Result<()> {
    let jetstream = jetstream::new(site.nats.client("enricher").await?);
    let message = PublishMessage::build()
        .ttl(Duration::from_hours(1))
        .payload(serde_json::to_vec(payload)?.into())
        .outbound_message(subject);
    jetstream.publish_message(message).await?.await?;
    Ok(())
}

/// A record whose contact has an address that an older list took for one of business.
fn record(guid: &str, ip: &str, personal: &str) -> Value {
    let now = clock::now();
    json!({
        "guid": guid, "ip": ip, "event": "session-opened", "openedAt": now, "firstSeenAt": now,
        "lastActivityAt": now, "receivedAt": now,
        "company": {"guid": "c1", "name": "Lumen", "domain": "lumen.example"},
        "contact": {"guid": "p1", "name": "Ada Quill", "emailAddresses": [personal, "ada@lumen.example"], "phoneNumbers": []},
    })
}

#[tokio::test]
async fn email_that_becomes_personal_disappears_everywhere() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let personal = "ada.quill@gmail.com";
    let visitor = Visitor::from("203.0.113.77");
    site.enricher()?.process.stop().await?;
    publish(
        &site,
        format!("visitor.session.{}", visitor.guid),
        &record(&visitor.guid, &visitor.ip, personal),
    )
    .await?;
    let now = clock::now();
    let record = record(&visitor.guid, &visitor.ip, personal);
    let verdict = json!({
        "state": "shown", "by": "older", "at": now, "expiresAt": now + 3_600_000, "attempts": 1,
        "company": record["company"], "contact": record["contact"],
    });
    let key = "0123456789abcdef0123456789abcdef";
    publish(&site, format!("$KV.visitor_profiles.{key}"), &verdict).await?;
    let viewer = site.viewer_recording().await?;
    viewer
        .sees("the visitor as an older release shows it", |view| {
            view.sessions.contains_key(&visitor.guid)
        })
        .await?;

    site.enricher()?.process.start()?;
    site.ready().await?;
    viewer
        .sees("the visitor without the personal address", |view| {
            let session = view.sessions.get(&visitor.guid);
            let contact = session.and_then(|session| session.contact.as_ref());
            contact.is_some_and(|contact| contact.email_addresses == ["ada@lumen.example"])
        })
        .await?;
    eventually("the address is kept nowhere", async || {
        for stream in ["VISITOR_SESSIONS", "KV_visitor_profiles"] {
            let text = content(&site, stream).await?;
            ensure!(
                text.contains("ada@lumen.example"),
                "{stream} has lost too much: {text}"
            );
            ensure!(!text.contains(personal), "{stream}: {text}");
        }
        Ok(())
    })
    .await
}
