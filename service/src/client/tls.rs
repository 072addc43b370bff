//! The TLS configuration of connections to third parties.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// The certificate that a process shows to a server, and the flags that name its files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate chain, as PEM.
    pub certificate: PathBuf,
    /// The flag of the certificate.
    pub certificate_flag: &'static str,
    /// The certificate's key, as PEM.
    pub key: PathBuf,
    /// The flag of the key.
    pub key_flag: &'static str,
}

/// A configuration that trusts the system's authorities and those in `ca_file`, and shows `identity`.
///
/// # Errors
/// Fails if a file cannot be used; the error names its flag.
pub fn config(ca_file: Option<&Path>, identity: Option<&Identity>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // Some of the system's certificates may be unusable; the others are used.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca_file {
        let cannot_use = || format!("cannot use --ca-file {}", file.display());
        let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .with_context(cannot_use)?;
        ensure!(
            !certificates.is_empty(),
            "{}: it contains no certificate",
            cannot_use()
        );
        for certificate in certificates {
            roots.add(certificate).with_context(cannot_use)?;
        }
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let (certificate, key) = (identity.certificate.display(), identity.key.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(&identity.certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot use {} {certificate}", identity.certificate_flag))?;
    let own_key = PrivateKeyDer::from_pem_file(&identity.key)
        .with_context(|| format!("cannot use {} {key}", identity.key_flag))?;
    builder.with_client_auth_cert(chain, own_key).with_context(|| {
        format!(
            "cannot use {} {certificate} with {} {key}",
            identity.certificate_flag, identity.key_flag
        )
    })
}
