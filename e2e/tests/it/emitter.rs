//! Faults of the SessionsEmitter do not affect the view.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::clients::Tap;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, WAIT_TIMEOUT, eventually};
use protocol::Rejection;
use protocol::rejection::{KEPT_BYTES, LENGTH_HEADER, REASON_HEADER};
use simulator::emitter::{EmitterConfig, Lively, ProtocolError};
use simulator::emitter_fault::Faults;
use simulator::event::Event;
use simulator::world::{Kind, address};
use strum::VariantArray;
use tokio::time::{Instant, sleep_until};

/// Waits until the ingestor has made this number of connections and one is open.
async fn connected(site: &Pipeline, connections: u64) -> Result<()> {
    eventually(
        &format!("the ingestor has connected {connections} times"),
        async || {
            let stats = site.emitter.stats();
            ensure!(
                stats.connections >= connections && stats.clients == 1,
                "{stats:?}"
            );
            Ok(())
        },
    )
    .await
}

/// Checks that events still reach the view.
async fn goes_on(site: &Pipeline) -> Result<()> {
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await.map(drop)
}

#[tokio::test]
async fn ingestor_reconnects_after_a_close() -> Result<()> {
    let site = Pipeline::start().await?;
    site.emitter.close_all();
    connected(&site, 2).await?;
    goes_on(&site).await?;
    site.emitter.drop_all();
    connected(&site, 3).await?;
    goes_on(&site).await
}

#[tokio::test]
async fn ingestor_waits_while_the_emitter_refuses_connections() -> Result<()> {
    let mut site = Pipeline::start().await?;
    site.emitter_refuses(true).await?;
    site.emitter.close_all();
    let reason = eventually("the ingestor is not ready", async || {
        site.instance(Role::Ingestor, 0)?.http.reason().await
    })
    .await?;
    assert!(reason.contains("emitter"), "{reason}");
    eventually("the gateway reports it", async || {
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        ensure!(pipeline.processes.iter().any(|status| {
            !status.ready
                && status
                    .reason
                    .as_ref()
                    .is_some_and(|reason| reason.contains("emitter"))
        }));
        Ok(())
    })
    .await?;
    site.emitter_refuses(false).await?;
    site.ready().await?;
    goes_on(&site).await
}

#[tokio::test]
async fn ingestor_reconnects_to_a_silent_emitter() -> Result<()> {
    let mut site = Pipeline::builder()
        .flag(Role::Ingestor, "--silence-deadline", "1s")
        .flag(Role::Ingestor, "--ping-interval", "300ms")
        .start()
        .await?;
    site.emitter.silence(true);
    eventually("the ingestor says that the emitter is silent", async || {
        let reason = site.instance(Role::Ingestor, 0)?.http.reason().await?;
        ensure!(reason.contains("silent"), "{reason}");
        Ok(())
    })
    .await?;
    site.emitter.silence(false);
    site.ready().await?;
    goes_on(&site).await
}

#[tokio::test]
async fn quiet_emitter_that_answers_pings_is_not_silent() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Ingestor, "--silence-deadline", "600ms")
        .flag(Role::Ingestor, "--ping-interval", "200ms")
        .start()
        .await?;
    eventually("nothing has come for much longer than the deadline", async || {
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        let text = serde_json::to_value(&pipeline)?;
        let silence = text["processes"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|process| process["emitterSilentSeconds"].as_f64());
        ensure!(silence > Some(2.5), "{silence:?}");
        Ok(())
    })
    .await?;
    assert_eq!(site.emitter.stats().connections, 1);
    goes_on(&site).await
}

#[tokio::test]
async fn silence_is_detected_at_its_deadline_not_at_the_next_ping() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Ingestor, "--silence-deadline", "1s")
        .flag(Role::Ingestor, "--ping-interval", "10m")
        .start()
        .await?;
    site.emitter.silence(true);
    eventually("the ingestor says that the emitter is silent", async || {
        let reason = site.instance(Role::Ingestor, 0)?.http.reason().await?;
        ensure!(reason.contains("silent"), "{reason}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn frozen_ingestor_reads_its_socket_before_it_detects_silence() -> Result<()> {
    const SILENCE_DEADLINE: Duration = Duration::from_millis(500);
    let mut site = Pipeline::builder()
        .flag(Role::Ingestor, "--silence-deadline", "500ms")
        .flag(Role::Ingestor, "--ping-interval", "200ms")
        .start()
        .await?;
    // Several freezes: if reading did not take precedence over the due deadline, each of the two would win half of the time.
    for freeze in 0..8 {
        let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, freeze));
        site.ingestor()?.process.pause()?;
        let resumed_at = Instant::now() + SILENCE_DEADLINE * 3;
        site.send(&[visitor.opened(0), visitor.keep_alive(0)]);
        sleep_until(resumed_at).await;
        site.ingestor()?.process.resume()?;
        site.shows(&visitor).await?;
    }
    // An emitter that was not pinged during the freeze is not given up either.
    site.ingestor()?.process.pause()?;
    sleep_until(Instant::now() + SILENCE_DEADLINE * 3).await;
    site.ingestor()?.process.resume()?;
    goes_on(&site).await?;
    assert_eq!(site.emitter.stats().connections, 1);
    site.view_is_right().await
}

/// A message that is not an event, and what is wrong with it.
fn useless(event: &Event) -> Vec<(Vec<u8>, Rejection)> {
    let json = event.to_json();
    let with = |field: &str, value: serde_json::Value| {
        let mut object = serde_json::json!(event);
        object[field] = value;
        object.to_string().into_bytes()
    };
    let without = |field: &str| {
        let mut object = serde_json::json!(event);
        if let Some(fields) = object.as_object_mut() {
            fields.remove(field);
        }
        object.to_string().into_bytes()
    };
    let mut cases = vec![
        (b"hello".to_vec(), Rejection::NotJson),
        (json.as_bytes()[..json.len() - 9].to_vec(), Rejection::NotJson),
        (vec![0, 159, 146, 150, 0xff], Rejection::NotJson),
        (b"[1, 2, 3]".to_vec(), Rejection::NotAnObject),
        (
            with("eventType", "session-paused".into()),
            Rejection::UnknownEventType,
        ),
        (with("eventType", 7.into()), Rejection::WrongType),
        (with("guid", "../../etc".into()), Rejection::BadGuid),
        (with("guid", serde_json::json!(["a"])), Rejection::WrongType),
        (with("ip", "localhost".into()), Rejection::BadIp),
        (with("ip", "<b>1.2.3.4</b>".into()), Rejection::BadIp),
        (with("ip", "1".repeat(46).into()), Rejection::BadIp),
        (with("ip", serde_json::json!({})), Rejection::WrongType),
    ];
    let missing = ["eventType", "ip", "guid"].map(|field| (without(field), Rejection::MissingField));
    cases.extend(missing);
    cases
}

#[tokio::test]
async fn invalid_frames_are_rejected_with_a_reason_and_the_connection_stays() -> Result<()> {
    let site = Pipeline::start().await?;
    let tap = site.tap("visitor.rejected.>").await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let cases = useless(&visitor.keep_alive(0));
    for (payload, _) in &cases {
        match std::str::from_utf8(payload) {
            Ok(text) => site.emitter.send_text(text),
            Err(_) => site.emitter.send_binary(payload),
        }
    }
    for (payload, reason) in &cases {
        rejected(&tap, payload, *reason).await?;
    }
    for reason in Rejection::ALL {
        let sent = cases.iter().filter(|(_, expected)| *expected == reason).count() as u64;
        let metric = format!(
            r#"visitor_ingestor_rejected_total{{reason="{}"}}"#,
            reason.token()
        );
        let counted = site.metric(Role::Ingestor, &metric).await?;
        assert_eq!(counted, sent, "{reason:?}");
    }
    assert_eq!(site.emitter.stats().connections, 1);
    goes_on(&site).await?;
    assert_eq!(tap.heard().len(), cases.len());
    Ok(())
}

async fn rejected(tap: &Tap, payload: &[u8], reason: Rejection) -> Result<()> {
    let kept = &payload[..payload.len().min(KEPT_BYTES)];
    let subject = format!("visitor.rejected.ingestor.{}", reason.token());
    let heard = tap
        .first(
            &format!("{:?} as {subject}", String::from_utf8_lossy(kept)),
            |heard| heard.payload == kept && heard.subject == subject,
        )
        .await?;
    assert_eq!(heard.header(LENGTH_HEADER)?, payload.len().to_string());
    assert_eq!(heard.header(REASON_HEADER)?, reason.to_string());
    Ok(())
}

#[tokio::test]
async fn oversized_frame_is_rejected_and_truncated() -> Result<()> {
    let site = Pipeline::start().await?;
    let tap = site.tap("visitor.rejected.ingestor.*").await?;
    site.emitter.megabyte_frame();
    rejected(
        &tap,
        simulator::malformed::megabyte().as_bytes(),
        Rejection::TooLarge,
    )
    .await?;
    assert_eq!(site.emitter.stats().connections, 1);
    goes_on(&site).await
}

#[tokio::test]
async fn binary_frame_with_an_event_is_accepted() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.emitter.send_binary(visitor.opened(0).to_json().as_bytes());
    site.shows(&visitor).await.map(drop)
}

#[tokio::test]
async fn missing_timestamp_and_unknown_fields_are_accepted() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let mut event = serde_json::json!(visitor.opened(0));
    event["timestamp"] = serde_json::json!({ "seconds": 7 });
    event["userAgent"] = serde_json::json!(["Mozilla"]);
    site.emitter.send_text(&event.to_string());
    site.shows(&visitor).await.map(drop)
}

/// Breaks the protocol in these ways, one after the other.
async fn survives(errors: &[ProtocolError]) -> Result<()> {
    let site = Pipeline::start().await?;
    for (made, error) in (1..).zip(errors) {
        connected(&site, made).await?;
        site.emitter.protocol_error(*error);
    }
    connected(&site, errors.len() as u64 + 1).await?;
    goes_on(&site).await
}

// In three parts, because the pauses between connections that do not hold become longer.

#[tokio::test]
async fn ingestor_reconnects_after_a_protocol_error_1() -> Result<()> {
    survives(&ProtocolError::VARIANTS[..4]).await
}

#[tokio::test]
async fn ingestor_reconnects_after_a_protocol_error_2() -> Result<()> {
    survives(&ProtocolError::VARIANTS[4..8]).await
}

#[tokio::test]
async fn ingestor_reconnects_after_a_protocol_error_3() -> Result<()> {
    survives(&ProtocolError::VARIANTS[8..]).await
}

#[tokio::test]
async fn invalid_address_is_looked_up_verbatim() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitor = Visitor::from("185.242.274.177");
    site.send(&[visitor.opened(0)]);
    site.settle().await?;
    site.view_is_right().await?;
    let calls = site.deanonymizer.calls_for(&visitor.ip);
    assert_eq!(calls.calls, 1);
    assert_eq!(calls.spellings, [visitor.ip].into());
    Ok(())
}

#[tokio::test]
async fn all_spellings_of_one_address_share_a_lookup() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let ip = site.deanonymizer.world().ipv6(Kind::Full, 3);
    let visitors: Vec<_> = address::spellings(&ip)
        .iter()
        .map(|spelling| Visitor::from(spelling))
        .collect();
    assert!(visitors.len() > 3);
    for visitor in &visitors {
        site.send(&[visitor.opened(0)]);
    }
    for visitor in &visitors {
        assert_eq!(*site.shows(visitor).await?.ip, *visitor.ip, "shown as spelled");
    }
    site.view_is_right().await?;
    let calls = site.deanonymizer.calls_for(&ip);
    assert_eq!(calls.calls, 1);
    assert!(
        visitors
            .iter()
            .any(|visitor| calls.spellings.contains(&visitor.ip))
    );
    Ok(())
}

#[tokio::test]
async fn busy_site_with_all_faults_is_shown_correctly() -> Result<()> {
    // Without the faults that lose events in transit, because the oracle cannot see them.
    let faults: Faults = Faults::all().iter().filter(|fault| !fault.is_of_site()).collect();
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .with(Role::Gateway, 2)
        .stale_after(std::time::Duration::from_secs(4))
        .emitter(EmitterConfig {
            lively: Some(Lively::new(40.0, 200, faults)?),
            record: true,
            ..EmitterConfig::default()
        })
        .start()
        .await?;
    site.deanonymizer.set_error_rate(0.1);
    let viewer = site.viewer().await?;
    for sent in [1_000, 3_000] {
        eventually("the site has been busy for a while", async || {
            let events = site.emitter.stats().frames.events();
            ensure!(events >= sent, "{events} events");
            Ok(())
        })
        .await?;
        site.view_is_right().await?;
    }
    viewer.missed_nothing()?;
    site.emitter.wait_for_clients(1, WAIT_TIMEOUT).await?;
    Ok(())
}
