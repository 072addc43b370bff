//! Each NATS user publishes to every kind of subject, and only the messages that it needs arrive.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::accounts::{Accounts, STREAMS, USERS, lies_within_any};

/// What an operator's requests reach: everything to read but the bucket of secrets.
const OPERATOR: &[&str] = &[
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.>",
    "$JS.API.STREAM.MSG.GET.VISITOR_RAW",
    "$JS.API.STREAM.MSG.GET.VISITOR_SESSIONS",
    "$JS.API.STREAM.MSG.GET.VISITOR_ACTIVITY",
    "$JS.API.STREAM.MSG.GET.VISITOR_REJECTED",
    "$JS.API.STREAM.MSG.GET.KV_visitor_profiles",
    "$JS.API.STREAM.MSG.GET.KV_visitor_notified",
    "$JS.API.DIRECT.GET.KV_visitor_notified",
    "$JS.API.DIRECT.GET.KV_visitor_notified.>",
    "$JS.API.CONSUMER.NAMES.>",
    "$JS.API.CONSUMER.LIST.>",
    "$JS.API.CONSUMER.INFO.>",
    "$JS.API.DIRECT.GET.VISITOR_RAW",
    "$JS.API.DIRECT.GET.VISITOR_RAW.>",
    "$JS.API.DIRECT.GET.VISITOR_SESSIONS",
    "$JS.API.DIRECT.GET.VISITOR_SESSIONS.>",
    "$JS.API.DIRECT.GET.VISITOR_ACTIVITY",
    "$JS.API.DIRECT.GET.VISITOR_ACTIVITY.>",
    "$JS.API.DIRECT.GET.VISITOR_REJECTED",
    "$JS.API.DIRECT.GET.VISITOR_REJECTED.>",
    "$JS.API.DIRECT.GET.KV_visitor_profiles",
    "$JS.API.DIRECT.GET.KV_visitor_profiles.>",
];

const ENRICHER: &[&str] = &[
    "visitor.session.*",
    "visitor.activity.*",
    "visitor.rejected.enricher.*",
    "$KV.visitor_profiles.>",
    "$KV.visitor_secrets.>",
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.VISITOR_RAW",
    "$JS.API.STREAM.CREATE.VISITOR_RAW",
    "$JS.API.STREAM.UPDATE.VISITOR_RAW",
    "$JS.API.STREAM.MSG.GET.VISITOR_RAW",
    "$JS.API.STREAM.INFO.VISITOR_SESSIONS",
    "$JS.API.STREAM.CREATE.VISITOR_SESSIONS",
    "$JS.API.STREAM.UPDATE.VISITOR_SESSIONS",
    "$JS.API.STREAM.INFO.VISITOR_ACTIVITY",
    "$JS.API.STREAM.CREATE.VISITOR_ACTIVITY",
    "$JS.API.STREAM.UPDATE.VISITOR_ACTIVITY",
    "$JS.API.STREAM.INFO.VISITOR_REJECTED",
    "$JS.API.STREAM.CREATE.VISITOR_REJECTED",
    "$JS.API.STREAM.UPDATE.VISITOR_REJECTED",
    "$JS.API.STREAM.INFO.KV_visitor_profiles",
    "$JS.API.STREAM.CREATE.KV_visitor_profiles",
    "$JS.API.STREAM.UPDATE.KV_visitor_profiles",
    "$JS.API.CONSUMER.INFO.VISITOR_RAW.enricher",
    "$JS.API.CONSUMER.CREATE.VISITOR_RAW.enricher",
    "$JS.API.CONSUMER.CREATE.VISITOR_RAW.enricher.>",
    "$JS.API.CONSUMER.MSG.NEXT.VISITOR_RAW.enricher",
    "$JS.ACK.VISITOR_RAW.enricher.>",
    "$JS.API.DIRECT.GET.VISITOR_SESSIONS.>",
    "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS",
    "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS.>",
    "$JS.API.CONSUMER.DELETE.VISITOR_SESSIONS.>",
    "$JS.API.CONSUMER.INFO.VISITOR_SESSIONS.>",
    "$JS.API.CONSUMER.MSG.NEXT.VISITOR_SESSIONS.>",
    "$JS.API.DIRECT.GET.KV_visitor_profiles.>",
    "$JS.API.STREAM.INFO.KV_visitor_secrets",
    "$JS.API.STREAM.CREATE.KV_visitor_secrets",
    "$JS.API.STREAM.UPDATE.KV_visitor_secrets",
    "$JS.API.DIRECT.GET.KV_visitor_secrets.>",
    "$JS.API.CONSUMER.CREATE.KV_visitor_profiles",
    "$JS.API.CONSUMER.CREATE.KV_visitor_profiles.>",
    "$JS.API.CONSUMER.DELETE.KV_visitor_profiles.>",
    "$JS.FC.KV_visitor_profiles.>",
];

const NOTIFIER: &[&str] = &[
    "$JS.API.INFO",
    "visitor.rejected.notifier.*",
    "$KV.visitor_notified.>",
    "$JS.API.STREAM.INFO.VISITOR_REJECTED",
    "$JS.API.STREAM.CREATE.VISITOR_REJECTED",
    "$JS.API.STREAM.INFO.VISITOR_SESSIONS",
    "$JS.API.STREAM.CREATE.VISITOR_SESSIONS",
    "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS",
    "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS.>",
    "$JS.API.CONSUMER.DELETE.VISITOR_SESSIONS.>",
    "$JS.API.CONSUMER.INFO.VISITOR_SESSIONS.>",
    "$JS.API.CONSUMER.MSG.NEXT.VISITOR_SESSIONS.>",
    "$JS.ACK.VISITOR_SESSIONS.notifier.>",
    "$JS.API.STREAM.INFO.KV_visitor_notified",
    "$JS.API.STREAM.CREATE.KV_visitor_notified",
    "$JS.API.DIRECT.GET.KV_visitor_notified.>",
    "$JS.API.CONSUMER.CREATE.KV_visitor_notified",
    "$JS.API.CONSUMER.CREATE.KV_visitor_notified.>",
    "$JS.API.CONSUMER.DELETE.KV_visitor_notified.>",
    "$JS.API.CONSUMER.INFO.KV_visitor_notified.>",
    "$JS.API.CONSUMER.MSG.NEXT.KV_visitor_notified.>",
];

/// What of a user's messages reaches the account of the streams: the imports in `nats.conf`.
pub fn reaches_streams(user: &str) -> &'static [&'static str] {
    match user {
        "ingestor" => &[
            "$JS.API.INFO",
            "visitor.raw.*",
            "visitor.rejected.ingestor.*",
            "$JS.API.STREAM.INFO.VISITOR_RAW",
            "$JS.API.STREAM.CREATE.VISITOR_RAW",
            "$JS.API.CONSUMER.INFO.VISITOR_RAW.enricher",
            "$JS.API.STREAM.INFO.VISITOR_REJECTED",
            "$JS.API.STREAM.CREATE.VISITOR_REJECTED",
            "$JS.API.STREAM.MSG.GET.VISITOR_REJECTED",
            "$JS.API.STREAM.MSG.DELETE.VISITOR_REJECTED",
        ],
        "enricher" => ENRICHER,
        "gateway" => &[
            "$JS.API.INFO",
            "visitor.session.*",
            "visitor.rejected.gateway.*",
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
        ],
        "notifier" => NOTIFIER,
        "reader" => &[
            "$JS.API.INFO",
            "$JS.API.STREAM.NAMES",
            "$JS.API.STREAM.INFO.VISITOR_SESSIONS",
            "$JS.API.DIRECT.GET.VISITOR_SESSIONS.>",
            "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS",
            "$JS.API.CONSUMER.CREATE.VISITOR_SESSIONS.>",
            "$JS.API.CONSUMER.INFO.VISITOR_SESSIONS.>",
            "$JS.API.CONSUMER.MSG.NEXT.VISITOR_SESSIONS.>",
            "$JS.API.STREAM.INFO.VISITOR_ACTIVITY",
            "$JS.API.CONSUMER.CREATE.VISITOR_ACTIVITY",
            "$JS.API.CONSUMER.CREATE.VISITOR_ACTIVITY.>",
            "$JS.API.CONSUMER.INFO.VISITOR_ACTIVITY.>",
            "$JS.API.CONSUMER.MSG.NEXT.VISITOR_ACTIVITY.>",
        ],
        _ => OPERATOR,
    }
}

/// What a user receives of what another user publishes: the imports of streams, and the services that it answers for.
fn hears(listener: &str, speaker: &str) -> &'static [&'static str] {
    match (listener, speaker) {
        ("ingestor", "operator") => &["$SRV.>", "visitor.service.ingestor.*"],
        ("enricher", "operator") => &["$SRV.>", "visitor.service.enricher.*", "visitor.explain"],
        ("gateway", "operator") => &["$SRV.>", "visitor.service.gateway.*"],
        ("notifier", "operator") => &["$SRV.>", "visitor.service.notifier.*"],
        ("operator", "notifier") => &["visitor.rejected.notifier.*", "visitor.status.notifier.*"],
        ("gateway", "ingestor") => &["visitor.status.ingestor.*"],
        ("gateway", "enricher") => &["visitor.status.enricher.*"],
        ("operator", "ingestor") => &[
            "visitor.raw.*",
            "visitor.rejected.ingestor.*",
            "visitor.status.ingestor.*",
        ],
        ("operator", "enricher") => &[
            "visitor.session.*",
            "visitor.activity.*",
            "visitor.rejected.enricher.*",
            "visitor.status.enricher.*",
        ],
        ("operator", "gateway") => &[
            "visitor.session.*",
            "visitor.rejected.gateway.*",
            "visitor.status.gateway.*",
        ],
        ("reader", "enricher") => &["visitor.session.*", "visitor.activity.*"],
        ("reader", "gateway") => &["visitor.session.*"],
        ("maintainer", speaker) => reaches_streams(speaker),
        _ => &[],
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
        "$KV.visitor_secrets.a",
        "$KV.visitor_notified.a",
        "$KV.another.a",
        "$O.a.C.b",
        "$MQTT.sub.a",
        "$SRV.PING",
        "$SRV.STATS.visitor-gateway",
        "$SYS.REQ.SERVER.PING",
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
    for (stream, _) in STREAMS {
        subjects.extend(subjects_of_stream(stream));
    }
    subjects
}

fn subjects_of_stream(stream: &str) -> Vec<String> {
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
    let mut subjects = Vec::new();
    subjects.extend(of_stream.map(|verb| format!("$JS.API.STREAM.{verb}.{stream}")));
    subjects.extend(of_consumers.map(|verb| format!("$JS.API.CONSUMER.{verb}.{stream}")));
    for consumer in ["enricher", "notifier", "another"] {
        subjects.extend(of_consumer.map(|verb| format!("$JS.API.CONSUMER.{verb}.{stream}.{consumer}")));
        subjects.push(format!("$JS.ACK.{stream}.{consumer}.1.1.1.1.1"));
        subjects.push(format!("$JS.FC.{stream}.{consumer}.a"));
    }
    subjects.push(format!("$JS.API.DIRECT.GET.{stream}"));
    subjects.push(format!("$JS.API.DIRECT.GET.{stream}.a"));
    subjects
}

#[tokio::test]
async fn messages_arrive_only_where_needed() -> Result<()> {
    let mut site = Accounts::start("permissions.messages").await?;
    let subjects = every_subject();
    for speaker in 0..USERS.len() {
        let name = site.users[speaker].name;
        // Not JSON, so that no request of the JetStream API that arrives is carried out.
        let payload = format!("from {name}");
        for subject in &subjects {
            let client = &site.users[speaker].client;
            client.publish(subject.clone(), payload.clone().into()).await?;
        }
        site.users[speaker].heard().await?;
        let Accounts {
            users, maintainer, ..
        } = &mut site;
        for listener in users.iter_mut().chain([maintainer]) {
            if listener.name == name {
                continue;
            }
            let heard: BTreeSet<_> = listener
                .heard()
                .await?
                .into_iter()
                .filter(|message| message.payload == payload.as_bytes())
                .map(|message| message.subject.to_string())
                .collect();
            let patterns = hears(listener.name, name);
            let expected = subjects
                .iter()
                .filter(|subject| lies_within_any(subject, patterns));
            let expected: BTreeSet<_> = expected.cloned().collect();
            ensure!(expected.is_empty() == patterns.is_empty());
            let wrong: Vec<_> = heard.symmetric_difference(&expected).collect();
            ensure!(wrong.is_empty(), "{} receives {name}: {wrong:?}", listener.name);
        }
    }
    Ok(())
}

/// A compromised gateway must not report enrichers and ingestors as ready to other gateways.
#[tokio::test]
async fn gateway_cannot_impersonate_other_processes() -> Result<()> {
    let mut site = Accounts::start("permissions.statuses").await?;
    for user in &mut site.users {
        for process in ["ingestor", "enricher", "gateway"] {
            let subject = format!("visitor.status.{process}.forged");
            user.client.publish(subject, "forged".into()).await?;
        }
        let heard = user.heard().await?;
        let heard = heard.iter().map(|message| message.subject.as_str());
        if user.name == "gateway" {
            let own: Vec<_> = heard.filter(|subject| subject.ends_with(".forged")).collect();
            ensure!(
                own == [
                    "visitor.status.ingestor.forged",
                    "visitor.status.enricher.forged",
                    "visitor.status.gateway.forged"
                ]
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn wrong_password_is_refused() -> Result<()> {
    let site = Accounts::start("permissions.passwords").await?;
    for user in USERS.iter().chain(&["maintainer", "admin", "", "$G"]) {
        for password in ["", "wrong", "Operator"] {
            let options = async_nats::ConnectOptions::with_user_and_password((*user).into(), password.into());
            ensure!(
                options.connect(site.server.url()).await.is_err(),
                "{user} with {password:?}"
            );
        }
    }
    ensure!(
        async_nats::connect(site.server.url()).await.is_err(),
        "without a user"
    );
    Ok(())
}
