//! Certificates and keys of our servers. They are read again when their files change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::telemetry::log_throttle::LogThrottle;

/// Accepts TLS connections with a certificate.
pub type Acceptor = TlsAcceptor;

/// How often the files are checked for changes.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Reads the certificate chain and its key from PEM files, and reads them again when they change.
///
/// # Errors
/// Fails if a file cannot be read, or if key and certificate do not match; the error names the flag.
pub fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let files = Files {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let version = files.version();
    let current = Arc::new(Current(RwLock::new(files.read()?)));
    tokio::spawn(follow(files, version, Arc::clone(&current)));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(current);
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Checks that the files can be used.
///
/// # Errors
/// As [`acceptor`].
pub fn check(certificate: &Path, key: &Path) -> anyhow::Result<()> {
    let files = Files {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    files.read().map(drop)
}

/// The files of a certificate.
#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// When the files were last changed, and how long they are; `None` for one that cannot be read.
type Version = [Option<(SystemTime, u64)>; 2];

impl Files {
    fn version(&self) -> Version {
        [&self.certificate, &self.key].map(|file| {
            let metadata = fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }

    fn read(&self) -> anyhow::Result<Arc<CertifiedKey>> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .with_context(|| format!("cannot use --tls-cert {certificate}"))?;
        let key_of_it =
            PrivateKeyDer::from_pem_file(&self.key).with_context(|| format!("cannot use --tls-key {key}"))?;
        let certified = CertifiedKey::from_der(chain, key_of_it, &default_provider())
            .with_context(|| format!("cannot use --tls-cert {certificate} with --tls-key {key}"))?;
        Ok(Arc::new(certified))
    }
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// Reads the files whenever they have changed. Never returns. While key and certificate do not match, because only one
/// has been written yet, the previous certificate stays in use.
async fn follow(files: Files, mut version: Version, current: Arc<Current>) {
    static NOT_READ: LogThrottle = LogThrottle::new();
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        let now = files.version();
        if now == version {
            continue;
        }
        match files.read() {
            Ok(certified) => {
                version = now;
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
                tracing::info!("read the changed certificate");
            }
            Err(error) => {
                if let Some(suppressed) = NOT_READ.allow() {
                    let error = format!("{error:#}");
                    tracing::warn!(
                        error,
                        suppressed,
                        "the changed certificate cannot be used; the previous one stays in use"
                    );
                }
            }
        }
    }
}
