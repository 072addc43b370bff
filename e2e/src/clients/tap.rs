//! Listens on NATS as an operator does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio_util::task::AbortOnDropHandle;

use crate::eventually::eventually;

/// A received message.
#[derive(Clone, Debug)]
pub struct TappedMessage {
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
}

impl TappedMessage {
    /// A header's text.
    ///
    /// # Errors
    /// Fails if there is no such header.
    pub fn header(&self, name: &str) -> Result<&str> {
        let value = self.headers.get(name);
        Ok(value
            .with_context(|| format!("{} has no {name}", self.subject))?
            .as_str())
    }

    /// The payload as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

/// All messages on a subject since it was tapped.
#[derive(Debug)]
pub struct Tap {
    subject: String,
    heard: Arc<Mutex<Vec<TappedMessage>>>,
    _listening: AbortOnDropHandle<()>,
}

impl Tap {
    /// Taps a subject; in force when it returns.
    ///
    /// # Errors
    /// Fails if it cannot be subscribed to.
    pub async fn on(client: &Client, subject: &str) -> Result<Self> {
        let mut messages = client.subscribe(subject.to_owned()).await?;
        // The answer to a request comes after the server has seen the subscription.
        client.request("$JS.API.INFO", Bytes::new()).await?;
        let heard: Arc<Mutex<Vec<TappedMessage>>> = Arc::default();
        let written = Arc::clone(&heard);
        let listening = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                lock(&written).push(TappedMessage {
                    subject: message.subject.into_string(),
                    headers: message.headers.unwrap_or_default(),
                    payload: message.payload,
                });
            }
        });
        Ok(Self {
            subject: subject.to_owned(),
            heard,
            _listening: AbortOnDropHandle::new(listening),
        })
    }

    /// The messages so far.
    #[must_use]
    pub fn heard(&self) -> Vec<TappedMessage> {
        lock(&self.heard).clone()
    }

    /// Waits for the first message that satisfies `is_it`.
    ///
    /// # Errors
    /// Fails if none arrives in time.
    pub async fn first(&self, what: &str, is_it: impl Fn(&TappedMessage) -> bool) -> Result<TappedMessage> {
        eventually(&format!("{what} is heard on {}", self.subject), async || {
            let heard = self.heard();
            let found = heard.iter().find(|heard| is_it(heard)).cloned();
            found.with_context(|| {
                let subjects: Vec<_> = heard.iter().map(|heard| &heard.subject).collect();
                format!("{} other messages: {subjects:?}", subjects.len())
            })
        })
        .await
    }
}

fn lock(heard: &Mutex<Vec<TappedMessage>>) -> MutexGuard<'_, Vec<TappedMessage>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
