//! Sends messages to the receiver, signed as Standard Webhooks describes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Url, redirect};
use rustls::CertificateError;
use serde_json::Value;
use service::client::cause::Cause;
use service::client::tls;
use service::flags::http_url;
use service::{clock, freeze, secret};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use crate::delivery::response::Outcome;

/// The flags that name the files.
const URL_FLAG: &str = "--webhook-url-file";
const SECRET_FLAG: &str = "--webhook-secret-file";

/// How long the whole exchange may take.
const TIMEOUT: Duration = Duration::from_secs(8);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The shortest secret that Standard Webhooks allows, in bytes.
const MIN_SECRET: usize = 24;

/// The receiver. Its address and the secret are read for each message, so that changed files are used at once; neither
/// is kept, printed or logged.
#[derive(Clone, Debug)]
pub struct Receiver {
    client: Client,
    url_file: PathBuf,
    secret_file: Option<PathBuf>,
}

impl Receiver {
    /// Checks all files. `ca_file` holds authorities that are trusted beside the system's.
    ///
    /// # Errors
    /// Fails if they cannot be used; the error names the flag, never the content.
    pub fn open(
        url_file: PathBuf,
        secret_file: Option<PathBuf>,
        ca_file: Option<&Path>,
    ) -> anyhow::Result<Self> {
        url(&url_file)?;
        secret_file.as_deref().map(signer).transpose()?;
        let mut client = Client::builder();
        if ca_file.is_some() {
            client = client.tls_backend_preconfigured(tls::config(ca_file, None)?);
        }
        let client = client
            .connect_timeout(CONNECT_TIMEOUT)
            // Only the configured address receives messages.
            .redirect(redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            client,
            url_file,
            secret_file,
        })
    }

    /// Sends a message. `id` is the same for each attempt.
    pub async fn send(&self, id: &str, message: &Value) -> Outcome {
        match freeze::within(TIMEOUT, self.attempt(id, message)).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(error)) => failed(format!("{error:#}")),
            None => failed(format!("the receiver did not respond within {TIMEOUT:?}")),
        }
    }

    async fn attempt(&self, id: &str, message: &Value) -> anyhow::Result<Outcome> {
        let body = serde_json::to_vec(message)?;
        let mut request = self
            .client
            .post(url(&self.url_file)?)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT_ENCODING, "identity");
        if let Some(file) = &self.secret_file {
            let at = clock::now().unix_ms() / 1_000;
            let signature = signer(file)?.sign(id, at, &body)?;
            request = request
                .header(HEADER_WEBHOOK_ID, id)
                .header(HEADER_WEBHOOK_TIMESTAMP, at)
                .header(HEADER_WEBHOOK_SIGNATURE, signature);
        }
        // The error may contain the address.
        let sent = request.body(body).send().await;
        let response = sent.map_err(|error| anyhow!("cannot reach the receiver: {}", kind(&error)))?;
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|text| text.to_str().ok());
        Ok(Outcome::of(response.status().as_u16(), retry_after, clock::now()))
    }
}

fn failed(reason: String) -> Outcome {
    Outcome::Failed {
        reason,
        retry_after: None,
    }
}

/// What went wrong, without an address.
fn kind(error: &reqwest::Error) -> &'static str {
    if let Cause::Certificate(certificate) = Cause::of(error) {
        match certificate {
            CertificateError::UnknownIssuer => {
                "its certificate is not trusted; --ca-file names further authorities"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host"
            }
            _ => "its certificate is invalid",
        }
    } else if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "timed out"
    } else {
        "the connection broke"
    }
}

fn url(file: &Path) -> anyhow::Result<Url> {
    let text = secret::given(None, URL_FLAG, Some(file))?.unwrap_or_default();
    // The parser's error could quote the address.
    let url = http_url(text.trim()).ok();
    url.with_context(|| {
        format!(
            "{URL_FLAG} {} does not contain an http:// or https:// address",
            file.display()
        )
    })
}

fn signer(file: &Path) -> anyhow::Result<Webhook> {
    let text = secret::given(None, SECRET_FLAG, Some(file))?.unwrap_or_default();
    let unusable = || {
        format!(
            "{SECRET_FLAG} {} does not contain a secret of the form whsec_ and at least {MIN_SECRET} bytes in base64",
            file.display()
        )
    };
    let encoded = text.trim().strip_prefix("whsec_").with_context(unusable)?;
    ensure!(encoded.len() >= MIN_SECRET.div_ceil(3) * 4, unusable());
    Webhook::new(encoded).map_err(|_| anyhow!(unusable()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("notifier-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn unusable_files_are_named_and_not_quoted() {
        let _ = rustls_provider();
        let folder = Folder::new("files");
        for text in [
            "",
            "hooks.example/s3cret",
            "ftp://hooks.example/s3cret",
            "http://s3 cret",
        ] {
            let file = folder.file("url", text);
            let error = format!("{:#}", Receiver::open(file, None, None).unwrap_err());
            assert!(error.contains(URL_FLAG) && !error.contains("s3cret"), "{error}");
        }
        let url = folder.file("url", " https://hooks.example/s3cret \n");
        for text in [
            "",
            "s3cret",
            "whsec_s3cret",
            "whsec_!!!!s3cret!!!!s3cret!!!!s3cret!!!!",
        ] {
            let file = folder.file("secret", text);
            let error = format!("{:#}", Receiver::open(url.clone(), Some(file), None).unwrap_err());
            assert!(
                error.contains(SECRET_FLAG) && !error.contains("s3cret"),
                "{error}"
            );
        }
        let secret = folder.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
        let missing = Path::new("/nowhere/ca.pem");
        let error = format!(
            "{:#}",
            Receiver::open(url.clone(), None, Some(missing)).unwrap_err()
        );
        assert!(error.contains("--ca-file"), "{error}");
        let receiver = Receiver::open(url, Some(secret), None).unwrap();
        assert!(!format!("{receiver:?}").contains("s3cret"));
    }

    #[test]
    fn signs_as_the_specification_shows() {
        // The example of the reference implementation.
        let folder = Folder::new("signs");
        let file = folder.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = signer(&file).unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signature.unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    fn rustls_provider() -> Result<(), std::sync::Arc<rustls::crypto::CryptoProvider>> {
        rustls::crypto::ring::default_provider().install_default()
    }
}
