//! The HTTP client of the Deanonymizer, in its own protocol or that of a provider.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use rustls::ClientConfig;
use serde_json::json;
use service::client::retry_after;
use service::health::Health;
use service::status_codes::StatusCodes;
use service::{clock, freeze};

use crate::filter::answer::Answer;
use crate::lookup::failure::LookupFailure;
use crate::lookup::pauses::LONGEST_RETRY_AFTER;
use crate::lookup::provider::key_file::KeyFile;
use crate::lookup::provider::reachability::Reachability;
use crate::lookup::provider::resolver::Resolver;
use crate::lookup::provider::{self, Finding, Provider, native};

/// The maximum size of an answer that is read, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// The maximum share of a call's timeout that connecting may take.
const CONNECT_SHARE: f64 = 0.6;

/// How long reading the body of a failed call may take.
const REST_TIMEOUT: Duration = Duration::from_millis(250);

/// Which service to call, and how.
#[derive(Clone, Debug)]
pub enum Service {
    /// None: only what is known about an address without a call is shown.
    None,
    /// The Deanonymizer at this address, in its own protocol.
    Native(Url),
    /// A provider that a file describes.
    Provider(Arc<Provider>),
}

impl Service {
    /// The URL of a call, with placeholders for address and key; `None` if no service is called.
    pub fn url(&self) -> Option<Url> {
        match self {
            Self::None => None,
            Self::Native(url) => Some(url.clone()),
            Self::Provider(provider) => provider.question("192.0.2.1", "key").ok()?.url.parse().ok(),
        }
    }

    /// What to call it when people read about it.
    pub fn name(&self) -> String {
        match self {
            Self::Provider(provider) => provider.name.clone(),
            // Not the URL, which may hold a password.
            Self::None | Self::Native(_) => self.host().map_or_else(
                || "the Deanonymizer".to_owned(),
                |(host, port)| format!("the Deanonymizer at {host}:{port}"),
            ),
        }
    }

    /// The host and port that are called; `None` if no service is called.
    fn host(&self) -> Option<(String, u16)> {
        let url = self.url()?;
        Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
    }
}

/// Calls the Deanonymizer. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Deanonymizer {
    client: Client,
    service: Service,
    key: Option<KeyFile>,
    timeout: Duration,
    reachability: Reachability,
    /// Counts its answers, where that is wanted.
    responses: Option<StatusCodes>,
}

impl Deanonymizer {
    /// A call without a complete answer within `timeout` fails. A call that is not connected within `connect_timeout` was
    /// not made. `tls` replaces the system's authorities.
    ///
    /// # Errors
    /// Fails if the system's certificates cannot be used.
    pub fn new(
        service: Service,
        key: Option<KeyFile>,
        timeout: Duration,
        connect_timeout: Duration,
        tls: Option<ClientConfig>,
    ) -> reqwest::Result<Self> {
        let connect_timeout = connect_timeout.min(timeout.mul_f64(CONNECT_SHARE));
        let host = service.host();
        let name = host.as_ref().map(|(host, port)| format!("{host}:{port}"));
        let resolver = host.map(|(host, port)| Resolver::new(&host, port));
        Ok(Self {
            client: client(resolver, connect_timeout, tls)?,
            service,
            key,
            timeout,
            reachability: Reachability::new(name.unwrap_or_default(), connect_timeout),
            responses: None,
        })
    }

    /// The same, reporting to `health` whether it can be reached and accepts calls, and to `responses` what it answers.
    #[must_use]
    pub fn reporting_to(mut self, health: Health, responses: StatusCodes) -> Self {
        self.reachability.report_to(health);
        self.responses = Some(responses);
        self
    }

    /// The service that it calls.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Makes one paid call. The address is sent as the emitter spelled it.
    ///
    /// # Errors
    /// Fails if the call yields no verdict.
    pub async fn ask(&self, ip: &str) -> Result<Answer, LookupFailure> {
        let outcome = self.find(ip).await;
        self.reachability.ended(&outcome);
        Ok(outcome?.1.answer)
    }

    /// The same; also returns the status and which part of the answer decided.
    ///
    /// # Errors
    /// Fails if the call yields no verdict.
    pub async fn find(&self, ip: &str) -> Result<(u16, Finding), LookupFailure> {
        let Reply {
            status,
            retry_after,
            body,
        } = self.reply(ip).await?;
        let finding = match &self.service {
            Service::Provider(provider) => provider::find(provider, status, retry_after, &body),
            Service::None | Service::Native(_) => native::find(ip, status, retry_after, &body),
        };
        Ok((status, finding?))
    }

    /// Whether a call with this result must be paid for.
    pub fn bills(&self, outcome: &Result<Answer, LookupFailure>) -> bool {
        match &self.service {
            Service::Provider(provider) => provider.bills(outcome),
            Service::None | Service::Native(_) => outcome.as_ref().err().is_none_or(LookupFailure::is_paid),
        }
    }

    async fn reply(&self, ip: &str) -> Result<Reply, LookupFailure> {
        // Not the client's own timeout: after a freeze, that would drop an answer that has arrived and is paid for.
        let reply = freeze::within(self.timeout, self.send(ip)).await;
        let reply = reply.unwrap_or(Err(LookupFailure::Timeout));
        if let (Some(responses), Ok(reply)) = (&self.responses, &reply) {
            responses.count(reply.status);
        }
        reply
    }

    async fn send(&self, ip: &str) -> Result<Reply, LookupFailure> {
        let request = self
            .request(ip)?
            // A server may compress anyway (RFC 9110 section 12.5.3); the client decodes what arrives.
            .header(ACCEPT_ENCODING, "identity");
        let response = request.send().await.map_err(failure)?;
        let status = response.status();
        let retry_after = retry_after::of(response.headers(), clock::now(), LONGEST_RETRY_AFTER);
        let body = if status.is_success() {
            body(response).await?
        } else {
            // The status is enough. The rest is read only so that the connection can be reused.
            let rest = freeze::within(REST_TIMEOUT, body(response)).await;
            rest.and_then(Result::ok).unwrap_or_default()
        };
        Ok(Reply {
            status: status.as_u16(),
            retry_after,
            body,
        })
    }

    fn request(&self, ip: &str) -> Result<RequestBuilder, LookupFailure> {
        let unusable =
            |error: &dyn std::fmt::Display| LookupFailure::KeyUnusable(format!("{error:#}").into());
        let key = self.key.as_ref().map(KeyFile::read).transpose();
        let key = key.map_err(|error| unusable(&error))?;
        match &self.service {
            // No address is looked up in this case; even a bug here costs no call.
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

fn client(
    resolver: Option<Resolver>,
    connect_timeout: Duration,
    tls: Option<ClientConfig>,
) -> reqwest::Result<Client> {
    let mut client = Client::builder();
    if let Some(tls) = tls {
        client = client.tls_backend_preconfigured(tls);
    }
    if let Some(resolver) = resolver {
        client = client.dns_resolver(resolver);
    }
    client
        // Less than the full timeout, to distinguish an unanswered connection attempt from a slow answer.
        .connect_timeout(connect_timeout)
        // An answer from another server would be paid for, but might not be the provider's.
        .redirect(redirect::Policy::none())
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
}

/// What came back.
struct Reply {
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Reads the body, unless it is larger than any valid answer.
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

fn failure(error: reqwest::Error) -> LookupFailure {
    // The URL in the error may contain a key.
    let error = error.without_url();
    if error.is_connect() {
        LookupFailure::Unreachable(Arc::new(error))
    } else if error.is_timeout() {
        LookupFailure::Timeout
    } else {
        LookupFailure::Interrupted(Arc::new(error))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::lookup::provider::resolver::tests::{dead, resolver};

    /// Answers one call: nothing is known.
    async fn answer(listener: TcpListener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The connection with which the addresses were raced comes first, and ends without a call.
        if stream.read(&mut [0; 1024]).await.unwrap() == 0 {
            stream = listener.accept().await.unwrap().0;
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        }
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
    }

    fn asked_at(port: u16, addresses: &'static [&'static str]) -> Deanonymizer {
        // Another test may have said so before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("http://provider.example:{port}/").parse().unwrap();
        Deanonymizer {
            client: client(Some(resolver(port, addresses)), Duration::from_secs(2), None).unwrap(),
            service: Service::Native(url),
            key: None,
            timeout: Duration::from_secs(30),
            reachability: Reachability::new("provider.example".to_owned(), Duration::from_secs(2)),
            responses: None,
        }
    }

    #[tokio::test]
    async fn call_goes_to_the_next_address_where_the_first_drops_or_refuses_connections() {
        let listener = TcpListener::bind("127.0.0.4:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let dead = dead(SocketAddr::new("127.0.0.2".parse().unwrap(), port)).await;
        let answering = tokio::spawn(answer(listener));
        let answer = asked_at(port, &["127.0.0.2", "127.0.0.3", "127.0.0.4"])
            .ask("11.0.0.1")
            .await;
        assert_eq!(answer.unwrap(), Answer::default());
        answering.await.unwrap();
        drop(dead);
    }

    #[tokio::test]
    async fn unanswered_or_refused_connection_is_not_a_paid_call() {
        let dead = dead("127.0.0.2:0".parse().unwrap()).await;
        let port = dead.0.local_addr().unwrap().port();
        for addresses in [&["127.0.0.2"][..], &["127.0.0.3"], &["127.0.0.2", "127.0.0.3"]] {
            let failure = asked_at(port, addresses).ask("11.0.0.1").await.unwrap_err();
            assert!(
                matches!(failure, LookupFailure::Unreachable(_)) && !failure.is_paid(),
                "{failure:?}"
            );
        }
    }
}
