//! What a process says over HTTP.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use protocol::frame::{Frame, Stats, VisibleSession};
use protocol::status::Pipeline;
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long an answer may take; only so long that a dead process is found out.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A process's HTTP door.
#[derive(Clone, Debug)]
pub struct Http {
    base: String,
    client: Client,
}

/// An answer, read to its end.
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
    /// At `base`, such as `http://127.0.0.1:3000`.
    ///
    /// # Errors
    /// Fails if no client can be made.
    pub fn new(base: &str) -> Result<Self> {
        Self::of(base, client())
    }

    /// At `base`, whose certificate is of the authority in this PEM file.
    ///
    /// # Errors
    /// Fails if the file cannot be used, or no client can be made.
    pub fn encrypted(base: &str, authority: &Path) -> Result<Self> {
        let authority = Certificate::from_pem(&fs::read(authority)?)?;
        Self::of(base, client().tls_certs_only([authority]))
    }

    fn of(base: &str, client: ClientBuilder) -> Result<Self> {
        Ok(Self {
            base: base.to_owned(),
            client: client.build()?,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request that a test completes.
    pub fn request(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    /// Sends a form, as a browser does.
    ///
    /// # Errors
    /// Fails if there is no answer.
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
    /// Fails if there is no answer.
    pub async fn get(&self, path: &str) -> Result<HttpResponse> {
        HttpResponse::of(self.request(path)).await
    }

    /// Whether the process does its job.
    ///
    /// # Errors
    /// Fails if it does not: the reason that it gives.
    pub async fn ready(&self) -> Result<()> {
        let answer = self.get("/readyz").await?;
        ensure!(answer.status == StatusCode::OK, "{}: {}", self.base, answer.text);
        Ok(())
    }

    /// Why the process does not do its job.
    ///
    /// # Errors
    /// Fails if it does, or does not say why not.
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
            Frame::Delta(_) => bail!("a delta in the place of the snapshot"),
        }
    }

    /// The gateway's figures.
    ///
    /// # Errors
    /// Fails if there are none.
    pub async fn stats(&self) -> Result<Stats> {
        self.json("/api/stats").await
    }

    /// How the processes are, in the gateway's words.
    ///
    /// # Errors
    /// Fails if it does not say.
    pub async fn pipeline(&self) -> Result<Pipeline> {
        self.json("/api/pipeline").await
    }

    /// The value of a metric that counts in whole numbers, given as in the text format: with its labels, if it has
    /// any. One that is not there yet has counted nothing.
    ///
    /// # Errors
    /// Fails if the metrics cannot be read, or this one is no whole number.
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
    // It wants to know whose TLS it would use, if it ever did. Another may have said so before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Tests look at what was sent.
    Client::builder()
        .no_gzip()
        .no_deflate()
        .timeout(WAIT_TIMEOUT)
        .redirect(redirect::Policy::none())
}

impl HttpResponse {
    /// Sends a request.
    ///
    /// # Errors
    /// Fails if there is no answer.
    pub async fn of(request: RequestBuilder) -> Result<Self> {
        let response = request.send().await?;
        Ok(Self {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }
}
