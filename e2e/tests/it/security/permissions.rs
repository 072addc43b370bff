//! Each user of NATS tries everything that there is, and gets what it needs and nothing else (DESIGN 5).

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use e2e::{PATIENCE, Pipeline};
use tokio::sync::mpsc;
use tokio::time::timeout;

const USERS: [&str; 4] = ["ingestor", "enricher", "gateway", "operator"];
const STREAMS: [&str; 5] = [
    "VISITOR_RAW",
    "VISITOR_SESSIONS",
    "VISITOR_ACTIVITY",
    "VISITOR_REJECTED",
    "KV_visitor_profiles",
];

/// How many refusals are waited for at once: the client keeps a few for who listens to them.
const AT_ONCE: usize = 50;

/// What each user needs to publish to, `*` being one token and `>` all that follow.
fn publishes(user: &str) -> &'static [&'static str] {
    match user {
        "ingestor" => &[
            "visitor.raw.*",
            "visitor.rejected.ingestor.*",
            "visitor.status.ingestor.*",
            "$JS.API.STREAM.INFO.VISITOR_RAW",
            "$JS.API.STREAM.CREATE.VISITOR_RAW",
            "$JS.API.STREAM.INFO.VISITOR_REJECTED",
            "$JS.API.STREAM.CREATE.VISITOR_REJECTED",
            "$JS.API.STREAM.MSG.GET.VISITOR_REJECTED",
            "$JS.API.STREAM.MSG.DELETE.VISITOR_REJECTED",
        ],
        "enricher" => &[
            "visitor.session.*",
            "visitor.activity.*",
            "visitor.rejected.enricher.*",
            "visitor.status.enricher.*",
            "$KV.visitor_profiles.>",
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.VISITOR_RAW",
            "$JS.API.STREAM.CREATE.VISITOR_RAW",
            "$JS.API.STREAM.INFO.VISITOR_SESSIONS",
            "$JS.API.STREAM.CREATE.VISITOR_SESSIONS",
            "$JS.API.STREAM.INFO.VISITOR_ACTIVITY",
            "$JS.API.STREAM.CREATE.VISITOR_ACTIVITY",
            "$JS.API.STREAM.INFO.VISITOR_REJECTED",
            "$JS.API.STREAM.CREATE.VISITOR_REJECTED",
            "$JS.API.STREAM.INFO.KV_visitor_profiles",
            "$JS.API.STREAM.CREATE.KV_visitor_profiles",
            "$JS.API.CONSUMER.INFO.VISITOR_RAW.enricher",
            "$JS.API.CONSUMER.CREATE.VISITOR_RAW.enricher",
            "$JS.API.CONSUMER.MSG.NEXT.VISITOR_RAW.enricher",
            "$JS.ACK.VISITOR_RAW.enricher.>",
            "$JS.API.DIRECT.GET.VISITOR_SESSIONS.>",
            "$JS.API.DIRECT.GET.KV_visitor_profiles.>",
            "$JS.API.CONSUMER.CREATE.KV_visitor_profiles",
            "$JS.API.CONSUMER.CREATE.KV_visitor_profiles.>",
            "$JS.API.CONSUMER.DELETE.KV_visitor_profiles.>",
            "$JS.FC.KV_visitor_profiles.>",
            "$JS.ACK.KV_visitor_profiles.>",
        ],
        "gateway" => &[
            "visitor.session.*",
            "visitor.rejected.gateway.*",
            "visitor.status.gateway.*",
            "$JS.API.STREAM.INFO.VISITOR_REJECTED",
            "$JS.API.STREAM.CREATE.VISITOR_REJECTED",
            "$JS.API.STREAM.INFO.VISITOR_SESSIONS",
            "$JS.API.STREAM.CREATE.VISITOR_SESSIONS",
            "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS",
            "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS.>",
            "$JS.API.CONSUMER.DELETE.VISITOR_SESSIONS.>",
            "$JS.API.CONSUMER.INFO.VISITOR_SESSIONS.>",
            "$JS.API.CONSUMER.MSG.NEXT.VISITOR_SESSIONS.>",
            "$JS.API.STREAM.INFO.VISITOR_ACTIVITY",
            "$JS.API.STREAM.CREATE.VISITOR_ACTIVITY",
            "$JS.API.CONSUMER.CREATE.VISITOR_ACTIVITY",
            "$JS.API.CONSUMER.CREATE.VISITOR_ACTIVITY.>",
            "$JS.API.CONSUMER.DELETE.VISITOR_ACTIVITY.>",
            "$JS.API.CONSUMER.INFO.VISITOR_ACTIVITY.>",
            "$JS.API.CONSUMER.MSG.NEXT.VISITOR_ACTIVITY.>",
            "$JS.ACK.VISITOR_SESSIONS.>",
            "$JS.ACK.VISITOR_ACTIVITY.>",
        ],
        _ => &[
            "$JS.API.INFO",
            "$JS.API.STREAM.NAMES",
            "$JS.API.STREAM.LIST",
            "$JS.API.STREAM.INFO.>",
            "$JS.API.STREAM.MSG.GET.>",
            "$JS.API.CONSUMER.NAMES.>",
            "$JS.API.CONSUMER.LIST.>",
            "$JS.API.CONSUMER.INFO.>",
            "$JS.API.DIRECT.GET.>",
            "$SRV.>",
            "visitor.service.>",
            "visitor.explain",
        ],
    }
}

/// What each user needs to listen to.
fn listens(user: &str) -> &'static [&'static str] {
    match user {
        "ingestor" => &["_INBOX_ingestor.>", "$SRV.>", "visitor.service.ingestor.*"],
        "enricher" => &[
            "_INBOX_enricher.>",
            "$SRV.>",
            "visitor.service.enricher.*",
            "visitor.explain",
        ],
        "gateway" => &[
            "_INBOX_gateway.>",
            "$SRV.>",
            "visitor.service.gateway.*",
            "visitor.status.>",
        ],
        _ => &["_INBOX.>", "visitor.>"],
    }
}

/// Whether a subject, with wildcards or not, lies within a pattern.
fn lies_within(subject: &str, pattern: &str) -> bool {
    let (mut subject, mut pattern) = (subject.split('.'), pattern.split('.'));
    loop {
        match (subject.next(), pattern.next()) {
            (Some(_), Some(">")) | (None, None) => return true,
            (Some(token), Some("*")) if token != ">" => {}
            (Some(token), Some(expected)) if token == expected => {}
            _ => return false,
        }
    }
}

/// Subjects of every kind that there is, of ours and of the server's.
fn every_subject() -> Vec<String> {
    let mut subjects: Vec<String> = [
        "visitor.raw.session-opened",
        "visitor.raw.keep-alive",
        "visitor.raw.session-closed",
        "visitor.raw",
        "visitor.raw.a.b",
        "visitor.session.a",
        "visitor.session.a.b",
        "visitor.activity.a",
        "visitor.explain",
        "visitor",
        "elsewhere",
        "$KV.visitor_profiles.a",
        "$KV.another.a",
        "$O.a.C.b",
        "$MQTT.sub.a",
        "$SRV.PING",
        "$SRV.STATS.visitor-gateway",
        "$SYS.REQ.SERVER.PING",
        "$SYS.REQ.USER.INFO",
        "$SYS.REQ.ACCOUNT.PING",
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.LIST",
        "$JS.API.META.LEADER.STEPDOWN",
        "$JS.API.SERVER.REMOVE",
        "$JS.API.ACCOUNT.PURGE.A",
        "$JS.API.STREAM.CREATE.ANOTHER",
        "_INBOX.a",
    ]
    .map(str::to_owned)
    .to_vec();
    for user in USERS {
        subjects.extend([
            format!("_INBOX_{user}.a"),
            format!("visitor.rejected.{user}.not-json"),
            format!("visitor.status.{user}.a"),
            format!("visitor.service.{user}.figures"),
        ]);
    }
    for stream in STREAMS {
        let of_stream = [
            "INFO",
            "CREATE",
            "UPDATE",
            "DELETE",
            "PURGE",
            "SNAPSHOT",
            "RESTORE",
            "MSG.GET",
            "MSG.DELETE",
            "LEADER.STEPDOWN",
            "PEER.REMOVE",
        ];
        let of_consumers = ["CREATE", "NAMES", "LIST"];
        let of_consumer = [
            "CREATE",
            "DURABLE.CREATE",
            "INFO",
            "DELETE",
            "MSG.NEXT",
            "PAUSE",
            "UNPIN",
            "LEADER.STEPDOWN",
        ];
        subjects.extend(of_stream.map(|verb| format!("$JS.API.STREAM.{verb}.{stream}")));
        subjects.extend(of_consumers.map(|verb| format!("$JS.API.CONSUMER.{verb}.{stream}")));
        for consumer in ["enricher", "another"] {
            subjects.extend(of_consumer.map(|verb| format!("$JS.API.CONSUMER.{verb}.{stream}.{consumer}")));
            subjects.push(format!("$JS.ACK.{stream}.{consumer}.1.1.1.1.1"));
            subjects.push(format!("$JS.FC.{stream}.{consumer}.a"));
        }
        subjects.push(format!("$JS.API.DIRECT.GET.{stream}"));
        subjects.push(format!("$JS.API.DIRECT.GET.{stream}.a"));
    }
    subjects
}

/// All that one can ask to hear.
fn every_interest() -> Vec<String> {
    let mut interests: Vec<String> = [
        ">",
        "*",
        "*.>",
        "visitor.>",
        "visitor.raw.>",
        "visitor.session.>",
        "visitor.activity.>",
        "visitor.rejected.>",
        "visitor.status.>",
        "visitor.explain",
        "visitor.service.>",
        "$KV.>",
        "$KV.visitor_profiles.>",
        "$JS.>",
        "$JS.API.>",
        "$JS.ACK.>",
        "$JS.EVENT.>",
        "$SYS.>",
        "$SRV.>",
        "_INBOX.>",
        "elsewhere",
    ]
    .map(str::to_owned)
    .to_vec();
    for user in USERS {
        interests.extend([
            format!("_INBOX_{user}.>"),
            format!("visitor.service.{user}.*"),
            format!("visitor.status.{user}.>"),
        ]);
    }
    interests
}

/// A client that tells what the server refuses it, in the server's words.
async fn watched(
    site: &Pipeline,
    user: &str,
) -> Result<(async_nats::Client, mpsc::UnboundedReceiver<String>)> {
    let (sender, refusals) = mpsc::unbounded_channel();
    let client = site
        .nats
        .client_with_events(user, move |event| {
            if let async_nats::Event::ServerError(error) = event {
                // The test may have ended.
                let _ = sender.send(error.to_string());
            }
        })
        .await?;
    Ok((client, refusals))
}

/// The subjects that were refused until that of `last`, which is known to be.
async fn refused(refusals: &mut mpsc::UnboundedReceiver<String>, last: &str) -> Result<BTreeSet<String>> {
    let mut refused = BTreeSet::new();
    loop {
        let words = timeout(PATIENCE, refusals.recv())
            .await
            .context(last.to_owned())?;
        let words = words.context("no client")?;
        ensure!(words.to_lowercase().contains("permissions violation"), "{words}");
        let subject = words.split('"').nth(1).context(words.clone())?;
        if subject.eq_ignore_ascii_case(last) {
            return Ok(refused);
        }
        refused.insert(subject.to_lowercase());
    }
}

/// Those that lie within none of the patterns.
fn forbidden(subjects: &[String], patterns: &[&str]) -> BTreeSet<String> {
    subjects
        .iter()
        .filter(|subject| !patterns.iter().any(|pattern| lies_within(subject, pattern)))
        .map(|subject| subject.to_lowercase())
        .collect()
}

#[tokio::test]
async fn nobody_publishes_what_is_not_theirs() -> Result<()> {
    let site = Pipeline::start().await?;
    let subjects = every_subject();
    for user in USERS {
        let (client, mut refusals) = watched(&site, user).await?;
        let mut all = BTreeSet::new();
        for some in subjects.chunks(AT_ONCE) {
            for subject in some {
                client.publish(subject.clone(), "{}".into()).await?;
            }
            client.publish("the.last", "".into()).await?;
            all.extend(refused(&mut refusals, "the.last").await?);
        }
        let forbidden = forbidden(&subjects, publishes(user));
        ensure!(forbidden.len() > 100);
        let wrong: Vec<_> = all.symmetric_difference(&forbidden).collect();
        ensure!(wrong.is_empty(), "{user}: {wrong:?}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_hears_what_is_not_for_them() -> Result<()> {
    let site = Pipeline::start().await?;
    let interests = every_interest();
    for user in USERS {
        let (client, mut refusals) = watched(&site, user).await?;
        let mut subscriptions = Vec::new();
        for interest in &interests {
            subscriptions.push(client.subscribe(interest.clone()).await?);
        }
        subscriptions.push(client.subscribe("the.last").await?);
        client.flush().await?;
        let refused = refused(&mut refusals, "the.last").await?;
        let forbidden = forbidden(&interests, listens(user));
        ensure!(forbidden.len() > 10);
        let wrong: Vec<_> = refused.symmetric_difference(&forbidden).collect();
        ensure!(wrong.is_empty(), "{user}: {wrong:?}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_comes_in_without_the_right_password() -> Result<()> {
    let site = Pipeline::start().await?;
    for user in USERS.iter().chain(&["admin", "", "$G"]) {
        for password in ["", "wrong", "Operator"] {
            let options = async_nats::ConnectOptions::with_user_and_password((*user).into(), password.into());
            ensure!(
                options.connect(site.nats.url()).await.is_err(),
                "{user} with {password:?}"
            );
        }
    }
    ensure!(
        async_nats::connect(site.nats.url()).await.is_err(),
        "without a user"
    );
    Ok(())
}
