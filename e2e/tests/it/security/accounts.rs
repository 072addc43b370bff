//! A NATS server with our configuration and one client for each user, each of which receives everything that it may receive.

use std::fs;

use anyhow::{Context as _, Result};
use async_nats::{Client, HeaderMap, Message, Subscriber};
use e2e::WAIT_TIMEOUT;
use e2e::processes::{NatsServer, repository};
use futures_util::StreamExt as _;
use tokio::time::timeout;

/// Every user but those who may do everything: `maintainer` with the streams, `admin` in the system account.
pub const USERS: [&str; 6] = [
    "ingestor", "enricher", "gateway", "notifier", "operator", "reader",
];

/// Every stream, with the subjects that it keeps.
pub const STREAMS: [(&str, &str); 7] = [
    ("VISITOR_RAW", "visitor.raw.>"),
    ("VISITOR_SESSIONS", "visitor.session.*"),
    ("VISITOR_ACTIVITY", "visitor.activity.*"),
    ("VISITOR_REJECTED", "visitor.rejected.>"),
    ("KV_visitor_profiles", "$KV.visitor_profiles.>"),
    ("KV_visitor_notified", "$KV.visitor_notified.>"),
    ("KV_visitor_secrets", "$KV.visitor_secrets.>"),
];

/// Marks the end of the messages that a user has received so far.
const THE_LAST: &str = "the.last";

/// A user's connection.
pub struct User {
    pub name: &'static str,
    pub client: Client,
    everything: Subscriber,
}

impl User {
    async fn connect(server: &NatsServer, name: &'static str) -> Result<Self> {
        let client = server.client(name).await?;
        let everything = client.subscribe(">").await?;
        let mut user = Self {
            name,
            client,
            everything,
        };
        user.heard().await?;
        Ok(user)
    }

    /// What has come since the last call, and what this user's own messages until now have caused in the server's
    /// router.
    pub async fn heard(&mut self) -> Result<Vec<Message>> {
        self.client.publish(THE_LAST, "".into()).await?;
        let mut heard = Vec::new();
        loop {
            let message = timeout(WAIT_TIMEOUT, self.everything.next()).await?;
            let message = message.context("the connection has ended")?;
            if message.subject.as_str() == THE_LAST {
                return Ok(heard);
            }
            heard.push(message);
        }
    }

    /// Publishes with a reply subject and headers.
    pub async fn publish(&self, subject: &str, reply: &str, headers: HeaderMap, payload: &str) -> Result<()> {
        let (subject, reply) = (subject.to_owned(), reply.to_owned());
        let payload = payload.to_owned().into();
        self.client
            .publish_with_reply_and_headers(subject, reply, headers, payload)
            .await?;
        Ok(())
    }
}

/// The server with its users and streams.
pub struct Accounts {
    pub server: NatsServer,
    pub users: Vec<User>,
    /// Receives everything that reaches the account of the streams.
    pub maintainer: User,
}

impl Accounts {
    /// Starts the server, makes the streams and connects everybody. Nothing else runs.
    pub async fn start(test: &str) -> Result<Self> {
        let folder = repository().join("target/e2e").join(test);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut server = NatsServer::new(&folder, None)?;
        server.process.start()?;
        server.ready().await?;
        let mut users = Vec::new();
        for name in USERS {
            users.push(User::connect(&server, name).await?);
        }
        let maintainer = User::connect(&server, "maintainer").await?;
        let accounts = Self {
            server,
            users,
            maintainer,
        };
        accounts.make_streams().await?;
        Ok(accounts)
    }

    async fn make_streams(&self) -> Result<()> {
        let jetstream = async_nats::jetstream::new(self.maintainer.client.clone());
        for (name, subject) in STREAMS {
            let config = async_nats::jetstream::stream::Config {
                name: name.into(),
                subjects: vec![subject.into()],
                storage: async_nats::jetstream::stream::StorageType::Memory,
                allow_direct: true,
                ..Default::default()
            };
            jetstream.create_stream(config).await?;
        }
        Ok(())
    }

    /// The user of that name.
    pub fn user(&self, name: &str) -> Result<&User> {
        let user = self.users.iter().find(|user| user.name == name);
        user.with_context(|| format!("there is no user {name}"))
    }
}

/// Whether a subject lies within a pattern, `*` being one token and `>` all that follow.
pub fn lies_within(subject: &str, pattern: &str) -> bool {
    let (mut subject, mut pattern) = (subject.split('.'), pattern.split('.'));
    loop {
        match (subject.next(), pattern.next()) {
            (Some(_), Some(">")) | (None, None) => return true,
            (Some(_), Some("*")) => {}
            (Some(token), Some(expected)) if token == expected => {}
            _ => return false,
        }
    }
}

/// Whether a subject lies within one of the patterns.
pub fn lies_within_any(subject: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| lies_within(subject, pattern))
}
