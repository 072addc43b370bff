//! Certificates and keys of our servers. They are read again when their files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::client::certificate;
use crate::process::file_version::{FileVersion, file_version};
use crate::telemetry::log_throttle::LogThrottle;
use crate::telemetry::metrics::Gauge;

/// Accepts TLS connections with a certificate.
pub type Acceptor = TlsAcceptor;

/// How often the files are checked for changes.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Reads the certificate chain and its key from PEM files, and reads them again when they change. `expiry` is set to when
/// the current certificate expires, in seconds since the epoch.
///
/// # Errors
/// Fails if a file cannot be read, or if key and certificate do not match; the error names the flag.
pub fn acceptor(certificate: &Path, key: &Path, expiry: Gauge) -> anyhow::Result<TlsAcceptor> {
    let files = Files {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let version = files.version();
    let current = Arc::new(Current::new(files.read()?, expiry));
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

/// The versions of both files; `None` for one that cannot be read.
type Version = [Option<FileVersion>; 2];

impl Files {
    fn version(&self) -> Version {
        [&self.certificate, &self.key].map(|file| file_version(file))
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

/// When the certificate expires, in seconds since the epoch; 0 if it does not say so.
fn expires_at(certified: &CertifiedKey) -> u64 {
    certified
        .cert
        .first()
        .map(certificate::expires_at)
        .unwrap_or_default()
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current {
    certified: RwLock<Arc<CertifiedKey>>,
    expiry: Gauge,
}

impl Current {
    fn new(certified: Arc<CertifiedKey>, expiry: Gauge) -> Self {
        expiry.set(expires_at(&certified));
        Self {
            certified: RwLock::new(certified),
            expiry,
        }
    }

    fn replace(&self, certified: Arc<CertifiedKey>) {
        self.expiry.set(expires_at(&certified));
        *self.certified.write().unwrap_or_else(PoisonError::into_inner) = certified;
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.certified.read().unwrap_or_else(PoisonError::into_inner);
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
                current.replace(certified);
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

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certified(year: i32) -> Arc<CertifiedKey> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 11, 28);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![certificate.der().clone()];
        Arc::new(CertifiedKey::from_der(chain, key, &default_provider()).unwrap())
    }

    #[test]
    fn expiry_follows_the_current_certificate() {
        let expiry = Gauge::default();
        let current = Current::new(certified(2026), expiry.clone());
        assert_eq!(expiry.get(), 1_795_824_000, "2026-11-28T00:00:00Z");
        // From 2050 on, certificates write times in another form (RFC 5280 section 4.1.2.5).
        current.replace(certified(2050));
        assert_eq!(expiry.get(), 2_553_206_400, "2050-11-28T00:00:00Z");
    }
}
