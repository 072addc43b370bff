//! The Deanonymizer's HTTP door, in the native protocol or in that of a provider.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use serde_json::json;
use service::{clock, freeze};

use crate::filter::answer::Answer;
use crate::lookup::failure::LookupFailure;
use crate::lookup::provider::key_file::KeyFile;
use crate::lookup::provider::{self, Finding, Provider, native};

/// The largest answer that is read, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// Whom to ask, and how.
#[derive(Clone, Debug)]
pub enum Service {
    /// Nobody: what is known of an address without a call is all that is shown.
    None,
    /// The Deanonymizer at this address, in its own protocol.
    Native(Url),
    /// A provider that a file describes.
    Provider(Arc<Provider>),
}

/// Calls the Deanonymizer. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Deanonymizer {
    client: Client,
    service: Service,
    key: Option<KeyFile>,
    timeout: Duration,
}

impl Deanonymizer {
    /// A call that has not brought a whole answer within `timeout` has failed.
    ///
    /// # Errors
    /// Where the system's certificates cannot be used.
    pub fn new(service: Service, key: Option<KeyFile>, timeout: Duration) -> reqwest::Result<Self> {
        let client = Client::builder()
            // Less than the whole, so that an unanswered connection attempt is told from a slow answer.
            .connect_timeout(timeout.mul_f64(0.6))
            // An answer from somewhere else would be paid for, and be somebody else's.
            .redirect(redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            client,
            service,
            key,
            timeout,
        })
    }

    /// Whom it asks.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// One paid call. The address goes out as the emitter spelled it.
    ///
    /// # Errors
    /// Where it brings no verdict.
    pub async fn ask(&self, ip: &str) -> Result<Answer, LookupFailure> {
        let reply = self.reply(ip).await?;
        match &self.service {
            Service::Provider(provider) => Ok(reply.found(provider)?.answer),
            Service::None | Service::Native(_) => {
                native::read(ip, reply.status, reply.retry_after, &reply.body)
            }
        }
    }

    /// One paid call to a provider, and what its answer comes to.
    ///
    /// # Errors
    /// Where it brings no verdict.
    pub async fn find(&self, provider: &Provider, ip: &str) -> Result<(u16, Finding), LookupFailure> {
        let reply = self.reply(ip).await?;
        Ok((reply.status, reply.found(provider)?))
    }

    /// Whether a call that ended so has to be paid.
    pub fn bills(&self, outcome: &Result<Answer, LookupFailure>) -> bool {
        match &self.service {
            Service::Provider(provider) => provider.bills(outcome),
            Service::None | Service::Native(_) => outcome.as_ref().err().is_none_or(LookupFailure::is_paid),
        }
    }

    async fn reply(&self, ip: &str) -> Result<Reply, LookupFailure> {
        // Not the client's own timeout, which after a freeze drops an answer that is there and paid for.
        let reply = freeze::within(self.timeout, self.send(ip)).await;
        reply.unwrap_or(Err(LookupFailure::Timeout))
    }

    async fn send(&self, ip: &str) -> Result<Reply, LookupFailure> {
        let request = self
            .request(ip)?
            // A server may compress all the same (RFC 9110 section 12.5.3); the client decodes what arrives.
            .header(ACCEPT_ENCODING, "identity");
        let response = request.send().await.map_err(failure)?;
        Ok(Reply {
            status: response.status().as_u16(),
            retry_after: retry_after(&response),
            body: body(response).await?,
        })
    }

    fn request(&self, ip: &str) -> Result<RequestBuilder, LookupFailure> {
        let unusable =
            |error: &dyn std::fmt::Display| LookupFailure::KeyUnusable(format!("{error:#}").into());
        let key = self.key.as_ref().map(KeyFile::read).transpose();
        let key = key.map_err(|error| unusable(&error))?;
        match &self.service {
            // Nothing looks an address up then; a bug here costs no call.
            Service::None => Err(LookupFailure::NotWanted),
            Service::Native(url) => {
                let mut request = self.client.post(url.clone()).json(&json!({ "ip": ip }));
                if let Some(key) = key {
                    let bearer = HeaderValue::from_str(&format!("Bearer {key}"));
                    let mut bearer = bearer.map_err(|_| unusable(&provider::UnusableKey))?;
                    bearer.set_sensitive(true);
                    request = request.header(AUTHORIZATION, bearer);
                }
                Ok(request)
            }
            Service::Provider(provider) => {
                let question = provider.question(ip, key.as_deref().unwrap_or_default());
                let question = question.map_err(|error| unusable(&error))?;
                let mut request = self.client.request(question.method, question.url);
                if let Some(body) = question.body {
                    request = request.header(CONTENT_TYPE, "application/json").body(body);
                }
                for (name, value) in question.headers {
                    request = request.header(name, value);
                }
                Ok(request)
            }
        }
    }
}

/// What came back.
struct Reply {
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Reply {
    fn found(&self, provider: &Provider) -> Result<Finding, LookupFailure> {
        provider::find(provider, self.status, self.retry_after, &self.body)
    }
}

/// The body, unless it is larger than any answer.
async fn body(mut response: Response) -> Result<Vec<u8>, LookupFailure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(LookupFailure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// How long the Deanonymizer wants to be left alone.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    native::wait_asked_for(text, clock::now())
}

fn failure(error: reqwest::Error) -> LookupFailure {
    // The URL in the error may hold a key.
    let error = error.without_url();
    if error.is_connect() {
        LookupFailure::Unreachable(Arc::new(error))
    } else if error.is_timeout() {
        LookupFailure::Timeout
    } else {
        LookupFailure::Interrupted(Arc::new(error))
    }
}
