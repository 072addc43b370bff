//! The Deanonymizer's HTTP door.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, Url, redirect};
use serde_json::json;
use service::{clock, freeze};

use crate::answer::{self, Answer, Failure};

/// The largest answer that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Calls the Deanonymizer. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Deanonymizer {
    client: Client,
    url: Url,
    timeout: Duration,
}

impl Deanonymizer {
    /// At `url`; a call that has not brought a whole answer within `timeout` has failed.
    ///
    /// # Errors
    /// Where the system's certificates cannot be used.
    pub fn new(url: Url, timeout: Duration) -> reqwest::Result<Self> {
        let client = Client::builder()
            // An answer from somewhere else would be paid for, and be somebody else's.
            .redirect(redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { client, url, timeout })
    }

    /// One paid call. The address goes out as the emitter spelled it.
    ///
    /// # Errors
    /// Where it brings no verdict.
    pub async fn ask(&self, ip: &str) -> Result<Answer, Failure> {
        // Not the client's own timeout, which after a freeze drops an answer that is there and paid for.
        let answer = freeze::within(self.timeout, self.call(ip)).await;
        answer.unwrap_or(Err(Failure::Timeout))
    }

    async fn call(&self, ip: &str) -> Result<Answer, Failure> {
        let request = self.client.post(self.url.clone()).json(&json!({ "ip": ip }));
        let response = request.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let body = body(response).await?;
        answer::read(ip, status, retry_after, &body)
    }
}

/// The body, unless it is larger than any answer.
async fn body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// How long the Deanonymizer wants to be left alone.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    answer::wait_asked_for(text, clock::now())
}

fn failure(error: reqwest::Error) -> Failure {
    // The URL in the error is ours, but it may hold a key.
    let error = error.without_url();
    if error.is_connect() {
        Failure::Unreachable(Arc::new(error))
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Interrupted(Arc::new(error))
    }
}
