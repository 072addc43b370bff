//! An HTTP client for one process.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use protocol::frame::{Frame, Stats, VisibleSession};
use protocol::status::Pipeline;
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for the HTTP server of a process.
#[derive(Clone, Debug)]
pub struct Http {
    base: String,
    client: Client,
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Http {
    /// A client for the server at `base`, such as `http://127.0.0.1:3000`.
    ///
    /// # Errors
    /// Fails if no client can be made.
    pub fn new(base: &str) -> Result<Self> {
        Self::of(base, client())
    }

    /// A client for the server at `base`, whose certificate is issued by the authority in this PEM file.
    ///
    /// # Errors
    /// Fails if the file cannot be used, or no client can be made.
    pub fn encrypted(base: &str, authority: &Path) -> Result<Self> {
        let authority = Certificate::from_pem(&fs::read(authority)?)?;
        Self::of(base, client().tls_certs_only([authority]))
    }

    /// The same, from this address of this machine.
    ///
    /// # Errors
    /// As [`Http::encrypted`].
    pub fn encrypted_from(base: &str, authority: &Path, address: IpAddr) -> Result<Self> {
        let authority = Certificate::from_pem(&fs::read(authority)?)?;
        let client = client().tls_certs_only([authority]);
        Self::of(base, client.local_address(Some(address)))
    }

    fn of(base: &str, client: ClientBuilder) -> Result<Self> {
        Ok(Self {
            base: base.to_owned(),
            client: client.build()?,
        })
    }

    /// The base URL.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request to which a test can add headers.
    pub fn request(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    /// Sends a form, as a browser does.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub async fn post_form(&self, path: &str, form: &str) -> Result<HttpResponse> {
        let request = self.client.post(format!("{}{path}", self.base));
        let form = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        HttpResponse::of(form).await
    }

    /// Gets a path.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub async fn get(&self, path: &str) -> Result<HttpResponse> {
        HttpResponse::of(self.request(path)).await
    }

    /// Checks that the process is ready.
    ///
    /// # Errors
    /// Fails with the reason of the process if it is not ready.
    pub async fn ready(&self) -> Result<()> {
        let answer = self.get("/readyz").await?;
        ensure!(answer.status == StatusCode::OK, "{}: {}", self.base, answer.text);
        Ok(())
    }

    /// The reason why the process is not ready.
    ///
    /// # Errors
    /// Fails if it is ready or gives no reason.
    pub async fn reason(&self) -> Result<String> {
        let answer = self.get("/readyz").await?;
        ensure!(
            answer.status == StatusCode::SERVICE_UNAVAILABLE,
            "{}: {}",
            self.base,
            answer.text
        );
        let body: Value = serde_json::from_str(&answer.text)?;
        let reason = body["reason"].as_str().context("no reason")?;
        Ok(reason.to_owned())
    }

    /// The gateway's sessions, by guid.
    ///
    /// # Errors
    /// Fails if there is no snapshot.
    pub async fn sessions(&self) -> Result<BTreeMap<String, VisibleSession>> {
        let answer = self.get("/api/sessions").await?;
        ensure!(answer.status == StatusCode::OK, "{}", answer.text);
        match serde_json::from_str(&answer.text)? {
            Frame::Snapshot(snapshot) => Ok(snapshot
                .sessions
                .iter()
                .map(|session| (session.guid.to_string(), session.clone()))
                .collect()),
            Frame::SnapshotPart(_) | Frame::Delta(_) => bail!("no snapshot but {}", answer.text),
        }
    }

    /// The gateway's statistics.
    ///
    /// # Errors
    /// Fails if there are none.
    pub async fn stats(&self) -> Result<Stats> {
        self.json("/api/stats").await
    }

    /// The state of the processes, as the gateway reports it.
    ///
    /// # Errors
    /// Fails if the request fails.
    pub async fn pipeline(&self) -> Result<Pipeline> {
        self.json("/api/pipeline").await
    }

    /// The value of an integer metric. `name` includes the labels, as in the text format. A metric that does not exist yet
    /// is 0.
    ///
    /// # Errors
    /// Fails if the metrics cannot be read or the value is not an integer.
    pub async fn metric(&self, name: &str) -> Result<u64> {
        let text = self.get("/metrics").await?.text;
        let values = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let of = if name.contains('{') {
                series
            } else {
                series.split('{').next()?
            };
            (of == name).then(|| value.parse::<u64>())
        });
        Ok(values.sum::<Result<_, _>>()?)
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self.get(path).await?;
        ensure!(answer.status == StatusCode::OK, "{path}: {}", answer.text);
        serde_json::from_str(&answer.text).with_context(|| format!("{path}: {}", answer.text))
    }
}

fn client() -> ClientBuilder {
    // The client needs a TLS provider, even without TLS. Fails if one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Tests compare the bytes as they were sent.
    Client::builder()
        .no_gzip()
        .no_deflate()
        .timeout(REQUEST_TIMEOUT)
        .redirect(redirect::Policy::none())
}

impl HttpResponse {
    /// Sends a request.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub async fn of(request: RequestBuilder) -> Result<Self> {
        let response = request.send().await?;
        Ok(Self {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }
}
