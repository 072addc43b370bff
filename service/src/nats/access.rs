//! Who a process is to NATS, and the certificates for the connection.

use std::path::Path;

use anyhow::Context as _;
use async_nats::ConnectOptions;

use crate::process::flags::Common;
use crate::process::secret;

/// The user and password of the flags, or their credentials file.
///
/// # Errors
/// Fails if a file cannot be used; the error names the flag.
pub(crate) fn credentials(process: &str, flags: &Common) -> anyhow::Result<ConnectOptions> {
    if let Some(file) = &flags.nats_creds {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read --nats-creds {}", file.display()))?;
        return ConnectOptions::with_credentials(&text)
            .with_context(|| format!("cannot use --nats-creds {}", file.display()));
    }
    let password = secret::given(
        flags.nats_password.as_ref(),
        "--nats-password-file",
        flags.nats_password_file.as_deref(),
    )?;
    let or_process = |value: Option<String>| value.unwrap_or_else(|| process.to_owned());
    Ok(ConnectOptions::with_user_and_password(
        or_process(flags.nats_user.clone()),
        or_process(password),
    ))
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
