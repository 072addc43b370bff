//! Certificates and keys of our servers.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Accepts TLS connections with a certificate.
pub type Acceptor = TlsAcceptor;

/// Takes the certificate, with those that lead to its root, and its key from PEM files.
///
/// # Errors
/// Fails if a file cannot be read, or the two do not go together; the error names the flag.
pub fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot use --tls-cert {}", certificate.display()))?;
    let key_of_it = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot use --tls-key {}", key.display()))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key_of_it)
        .with_context(|| {
            format!(
                "cannot use --tls-cert {} with --tls-key {}",
                certificate.display(),
                key.display()
            )
        })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
