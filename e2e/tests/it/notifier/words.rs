//! What messages say, how they are signed, and how many there are.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::eventually;
use e2e::processes::Role;
use standardwebhooks::Webhook;

use super::{are_announced, folder, visitor, with_notifiers};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn messages_are_signed_and_lead_to_the_visitor() -> Result<()> {
    let (builder, receiver) = with_notifiers("signed", 1)?;
    let secret = folder("signed").join("secret");
    std::fs::write(&secret, SECRET)?;
    let mut site = builder
        .flag(Role::Notifier, "--webhook-secret-file", &secret.to_string_lossy())
        .flag(Role::Notifier, "--page-url", "https://visitors.example/live/")
        .log_filter("trace")
        .start()
        .await?;
    receiver.answers(&[(500, None)]);
    let (awaited, domain) = visitor(&site, 1)?;
    site.send(&[awaited.opened(0)]);
    are_announced(&receiver, &[&domain]).await?;
    let requests = receiver.requests();
    for request in &requests {
        Webhook::new(SECRET)?.verify(&request.body, &request.headers)?;
    }
    assert_eq!(requests.len(), 2);
    assert_eq!(
        requests[0].headers["webhook-id"], requests[1].headers["webhook-id"],
        "another attempt is the same message"
    );
    let message = requests[1].json()?;
    let arrival = &message["data"]["arrivals"][0];
    assert_eq!(message["type"], "company.arrived");
    assert_eq!(arrival["session"], awaited.guid.to_lowercase());
    assert_eq!(
        arrival["link"],
        format!(
            "https://visitors.example/live/?visitor={}",
            awaited.guid.to_lowercase()
        )
    );
    let notifier = site.instance_mut(Role::Notifier, 0)?;
    let metrics = notifier.http.get("/metrics").await?.text;
    let log = notifier.process.log()?;
    for secret in ["s3cret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(
            !log.contains(secret) && !metrics.contains(secret),
            "{secret} is exposed"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_burst_is_gathered_and_messages_are_a_second_apart() -> Result<()> {
    let (builder, receiver) = with_notifiers("burst", 2)?;
    let site = builder.start().await?;
    let mut domains = Vec::new();
    let mut events = Vec::new();
    for n in 0..30 {
        let (visitor, domain) = visitor(&site, n)?;
        events.push(visitor.opened(0));
        domains.push(domain);
    }
    site.send(&events);
    are_announced(&receiver, &domains.iter().collect::<Vec<_>>()).await?;
    let requests = receiver.requests();
    assert!(requests.len() < domains.len() / 2, "{} messages", requests.len());
    for pair in requests.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart >= Duration::from_millis(950), "{apart:?} apart");
    }
    Ok(())
}

#[tokio::test]
async fn slack_and_teams_get_their_own_forms() -> Result<()> {
    for format in ["slack", "teams"] {
        let (builder, receiver) = with_notifiers(format, 1)?;
        let site = builder
            .flag(Role::Notifier, "--webhook-format", format)
            .start()
            .await?;
        let (awaited, domain) = visitor(&site, 1)?;
        site.send(&[awaited.opened(0)]);
        let message = eventually("a message", async || {
            let requests = receiver.requests();
            requests.first().context("none yet")?.json()
        })
        .await?;
        let text = message.to_string();
        ensure!(text.contains(&domain), "{text}");
        if format == "slack" {
            ensure!(message["text"].is_string(), "{text}");
            ensure!(message["blocks"][0]["type"] == "section", "{text}");
        } else {
            let card = &message["attachments"][0]["content"];
            ensure!(card["type"] == "AdaptiveCard", "{text}");
        }
    }
    Ok(())
}
