//! The credentials of a process at NATS, and the certificates for the connection.

use std::path::Path;

use anyhow::Context as _;
use async_nats::ConnectOptions;

use crate::nats::credentials::Credentials;
use crate::process::flags::Common;

/// The options with the credentials of the flags, which are read again for each connection.
///
/// # Errors
/// Fails if a file cannot be used; the error names the flag.
pub(crate) fn credentials(process: &str, flags: &Common) -> anyhow::Result<ConnectOptions> {
    Ok(Credentials::new(process, flags)?.options())
}

/// Adds the certificates of the flags. The files are read here so that an error names the flag; the client reads them again
/// on each connect.
///
/// # Errors
/// Fails if a file cannot be read.
pub(crate) fn encrypted(mut options: ConnectOptions, flags: &Common) -> anyhow::Result<ConnectOptions> {
    let readable = |flag: &str, file: &Path| {
        std::fs::read(file)
            .map(drop)
            .with_context(|| format!("cannot read {flag} {}", file.display()))
    };
    if let Some(file) = &flags.nats_ca {
        readable("--nats-ca", file)?;
        options = options.add_root_certificates(file.clone()).require_tls(true);
    }
    if let (Some(certificate), Some(key)) = (&flags.nats_cert, &flags.nats_key) {
        readable("--nats-cert", certificate)?;
        readable("--nats-key", key)?;
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options)
}
