//! What the server writes in a user's name (answers, acknowledgements, traces, deliveries) goes nowhere that the user may
//! not write.
//!
//! With all users in one account, each of these wrote into every stream, and a message without content deleted one: the
//! server does not ask who may publish there when it writes to a reply subject.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use async_nats::HeaderMap;
use e2e::eventually;
use serde_json::{Value, json};

use super::accounts::{Accounts, STREAMS, USERS, User, lies_within_any};
use super::permissions::reaches_streams;

/// Where attackers would like the server to write.
const TARGETS: [&str; 8] = [
    "$JS.API.STREAM.DELETE.VISITOR_RAW",
    "$JS.API.STREAM.PURGE.VISITOR_SESSIONS",
    "$JS.API.CONSUMER.DELETE.VISITOR_RAW.enricher",
    "visitor.raw.keep-alive",
    "visitor.session.forged",
    "visitor.activity.forged",
    "visitor.rejected.gateway.forged",
    "$KV.visitor_profiles.forged",
];

/// Requests of every kind that is answered, with their payloads.
const REQUESTS: [(&str, &str); 19] = [
    ("$JS.API.INFO", ""),
    ("$JS.API.STREAM.NAMES", ""),
    ("$JS.API.STREAM.LIST", ""),
    ("$JS.API.STREAM.INFO.VISITOR_SESSIONS", ""),
    ("$JS.API.STREAM.INFO.VISITOR_RAW", ""),
    ("$JS.API.STREAM.CREATE.VISITOR_SESSIONS", "{}"),
    ("$JS.API.STREAM.CREATE.VISITOR_RAW", "{}"),
    ("$JS.API.STREAM.MSG.GET.VISITOR_REJECTED", r#"{"seq":1}"#),
    ("$JS.API.DIRECT.GET.VISITOR_SESSIONS.visitor.session.kept", ""),
    (
        "$JS.API.DIRECT.GET.KV_visitor_profiles.$KV.visitor_profiles.kept",
        "",
    ),
    ("$JS.API.CONSUMER.INFO.VISITOR_RAW.enricher", ""),
    ("$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS", "{}"),
    ("$JS.API.CONSUMER.MSG.NEXT.VISITOR_RAW.enricher", "1"),
    ("$JS.API.CONSUMER.MSG.NEXT.VISITOR_SESSIONS.pull", "1"),
    ("visitor.raw.keep-alive", ""),
    ("visitor.session.kept", ""),
    ("visitor.activity.kept", ""),
    ("visitor.rejected.enricher.kept", ""),
    ("$KV.visitor_profiles.kept", ""),
];

/// Requests that our processes answer.
const SERVICES: [&str; 3] = ["visitor.explain", "visitor.service.gateway.status", "$SRV.PING"];

/// Puts messages without content into every stream, and consumers on two of them.
async fn fill(site: &Accounts) -> Result<()> {
    let maintainer = &site.maintainer.client;
    let kept = [
        "visitor.raw.kept",
        "visitor.session.kept",
        "visitor.activity.kept",
        "visitor.rejected.enricher.kept",
        "$KV.visitor_profiles.kept",
        "$KV.visitor_secrets.kept",
        "$KV.visitor_notified.kept",
    ];
    for subject in kept {
        // Enough for everybody to be delivered one for each target.
        for _ in 0..2 * USERS.len() * TARGETS.len() {
            maintainer.request(subject, "".into()).await?;
        }
    }
    for (stream, consumer) in [("VISITOR_RAW", "enricher"), ("VISITOR_SESSIONS", "pull")] {
        let config = json!({"stream_name": stream, "config": {
            "durable_name": consumer, "ack_policy": "explicit", "deliver_policy": "all", "max_ack_pending": -1}});
        let answer = api(
            &site.maintainer,
            &format!("CONSUMER.CREATE.{stream}.{consumer}"),
            &config,
        )
        .await?;
        ensure!(answer["error"].is_null(), "{answer}");
    }
    Ok(())
}

/// Asks the API of `JetStream`.
async fn api(user: &User, request: &str, body: &Value) -> Result<Value> {
    let answer = user
        .client
        .request(format!("$JS.API.{request}"), body.to_string().into());
    Ok(serde_json::from_slice(&answer.await?.payload)?)
}

/// Those of the requests that a user may make.
fn requests_of(user: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let allowed = reaches_streams(user);
    let requests = REQUESTS.into_iter();
    requests.filter(|(subject, _)| lies_within_any(subject, allowed))
}

/// Every stream and consumer is still there, and none of the targets was written by somebody who may not.
async fn unharmed(site: &mut Accounts, user: &str) -> Result<()> {
    let allowed = reaches_streams(user);
    let heard = site.maintainer.heard().await?;
    let written = heard.iter().map(|message| message.subject.as_str());
    let wrong: BTreeSet<_> = written
        .filter(|subject| TARGETS.contains(subject) && !lies_within_any(subject, allowed))
        .collect();
    ensure!(wrong.is_empty(), "{user} wrote to {wrong:?}");
    for (stream, _) in STREAMS {
        let info = api(&site.maintainer, &format!("STREAM.INFO.{stream}"), &json!({})).await?;
        ensure!(info["error"].is_null(), "{user} deleted {stream}: {info}");
        ensure!(info["state"]["messages"] != 0, "{user} emptied {stream}: {info}");
        ensure!(info["config"]["republish"].is_null(), "{user} changed {stream}");
    }
    let consumer = api(&site.maintainer, "CONSUMER.INFO.VISITOR_RAW.enricher", &json!({})).await?;
    ensure!(consumer["error"].is_null(), "{user}: {consumer}");
    Ok(())
}

/// Waits until a user has received messages on this many of its own subjects with this prefix. Earlier requests are
/// answered by then.
async fn answered(user: &mut User, prefix: &str, expected: usize) -> Result<()> {
    let mut answers = BTreeSet::new();
    eventually(&format!("{expected} {prefix} for {}", user.name), async || {
        let heard = user.heard().await?;
        let subjects = heard.into_iter().map(|message| match message.reply {
            // What a consumer delivers keeps its subject.
            Some(reply) if reply.starts_with("$JS.ACK.") => format!("{prefix}delivered"),
            _ => message.subject.to_string(),
        });
        answers.extend(subjects.filter(|subject| subject.starts_with(prefix)));
        ensure!(answers.len() == expected, "{answers:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn server_answers_go_only_where_the_requester_may_write() -> Result<()> {
    let mut site = Accounts::start("reply_subjects.answers").await?;
    fill(&site).await?;
    for number in 0..USERS.len() {
        site.maintainer.heard().await?;
        let user = &mut site.users[number];
        let requests: Vec<_> = requests_of(user.name).collect();
        for (n, (request, payload)) in requests.iter().enumerate() {
            let own = format!("answer.{n}");
            for reply in TARGETS.into_iter().chain([own.as_str()]) {
                user.publish(request, reply, HeaderMap::new(), payload).await?;
            }
        }
        // All that consumers deliver counts as one answer.
        let deliveries = requests
            .iter()
            .filter(|(request, _)| request.contains(".MSG.NEXT."));
        let answers = requests.len() - deliveries.count().saturating_sub(1);
        answered(user, "answer.", answers).await?;
        let name = user.name;
        unharmed(&mut site, name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn traces_go_only_where_the_sender_may_write() -> Result<()> {
    let mut site = Accounts::start("reply_subjects.traces").await?;
    fill(&site).await?;
    for number in 0..USERS.len() {
        site.maintainer.heard().await?;
        let user = &mut site.users[number];
        let requests: Vec<_> = requests_of(user.name).collect();
        for (n, (request, payload)) in requests.iter().enumerate() {
            let own = format!("trace.{n}");
            for destination in TARGETS.into_iter().chain([own.as_str()]) {
                let mut headers = HeaderMap::new();
                headers.insert("Nats-Trace-Dest", destination);
                user.publish(request, "nowhere", headers, payload).await?;
            }
        }
        let delivered = requests.iter().any(|(request, _)| request.contains(".MSG.NEXT."));
        answered(user, "trace.", requests.len() + usize::from(delivered)).await?;
        let name = user.name;
        unharmed(&mut site, name).await?;
    }
    Ok(())
}

/// As in `nats --user operator pub visitor.explain x --reply '$JS.API.STREAM.DELETE.VISITOR_SESSIONS'`.
#[tokio::test]
async fn process_answers_go_only_to_the_requester() -> Result<()> {
    let mut site = Accounts::start("reply_subjects.services").await?;
    fill(&site).await?;
    let operator = site.user("operator")?;
    for service in SERVICES {
        for reply in TARGETS.into_iter().chain(["answer.control"]) {
            operator.publish(service, reply, HeaderMap::new(), "").await?;
        }
    }
    site.users
        .iter_mut()
        .find(|user| user.name == "operator")
        .context("operator")?
        .heard()
        .await?;
    let mut asked = 0;
    for user in &mut site.users {
        for message in user.heard().await? {
            if let Some(reply) = message.reply
                && SERVICES.contains(&message.subject.as_str())
            {
                ensure!(reply.starts_with("_R_."), "{reply}");
                user.client.publish(reply, "".into()).await?;
                asked += 1;
            }
        }
        user.heard().await?;
    }
    ensure!(asked > 3 * TARGETS.len(), "{asked}");
    unharmed(&mut site, "operator").await
}

#[tokio::test]
async fn consumers_deliver_only_where_their_creator_may_write() -> Result<()> {
    let mut site = Accounts::start("reply_subjects.consumers").await?;
    fill(&site).await?;
    // A consumer delivers only where somebody listens, so somebody does.
    let mut listening = Vec::new();
    for user in &site.users {
        for target in TARGETS {
            listening.push(user.client.subscribe(target).await?);
        }
    }
    let control = "_INBOX_enricher.control";
    listening.push(site.user("enricher")?.client.subscribe(control).await?);
    for user in &mut site.users {
        user.heard().await?;
    }
    for user in &site.users {
        for (stream, _) in STREAMS {
            for (n, target) in TARGETS.into_iter().chain([control]).enumerate() {
                let name = format!("{}-{n}", user.name);
                let create = format!("CONSUMER.CREATE.{stream}.{name}");
                if !lies_within_any(&format!("$JS.API.{create}"), reaches_streams(user.name)) {
                    continue;
                }
                let config = json!({"stream_name": stream, "config": {
                    "name": name, "deliver_subject": target, "ack_policy": "none", "deliver_policy": "all"}});
                api(user, &create, &config).await?;
            }
        }
    }
    let delivered = async |consumer: &str| {
        let request = format!("CONSUMER.INFO.KV_visitor_profiles.{consumer}");
        let info = api(&site.maintainer, &request, &json!({})).await?;
        Ok::<_, anyhow::Error>(info["delivered"]["consumer_seq"] != 0)
    };
    eventually("the one that may be delivered is", async || {
        let control = format!("enricher-{}", TARGETS.len());
        ensure!(delivered(&control).await?);
        Ok(())
    })
    .await?;
    ensure!(!delivered("enricher-0").await?);
    // Nobody, the operator included, has written to a target by themselves.
    unharmed(&mut site, "operator").await
}

/// The enricher may: it brings the streams to the flags, and writes to most of them anyway.
#[tokio::test]
async fn no_user_but_the_enricher_can_change_a_stream() -> Result<()> {
    let mut site = Accounts::start("reply_subjects.streams").await?;
    fill(&site).await?;
    for user in site.users.iter_mut().filter(|user| user.name != "enricher") {
        for (stream, subject) in STREAMS {
            let config = json!({"name": stream, "subjects": [subject], "retention": "limits",
                "storage": "memory", "discard": "old", "max_consumers": -1, "max_msgs": -1, "max_bytes": -1,
                "max_age": 0, "num_replicas": 1, "allow_direct": true,
                "republish": {"src": ">", "dest": TARGETS[0]}});
            for verb in ["CREATE", "UPDATE"] {
                let request = format!("$JS.API.STREAM.{verb}.{stream}");
                user.publish(&request, "nowhere", HeaderMap::new(), &config.to_string())
                    .await?;
            }
        }
        // The last of what it may ask for, after which all else was answered.
        user.publish("$JS.API.INFO", "answer.0", HeaderMap::new(), "")
            .await?;
        answered(user, "answer.", 1).await?;
    }
    unharmed(&mut site, "operator").await
}
