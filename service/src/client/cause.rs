//! Why a connection failed, from the innermost error, and worded the same for each attempt.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io;

use rustls::CertificateError;

/// Why a connection failed. Its text is the resolver's, the system's or that of TLS. It names no URL, so neither key nor
/// visitor, and not the time of the attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// The server's certificate cannot be used.
    Certificate(CertificateError),
    /// Anything else, in the innermost error's words.
    Other(String),
}

impl Cause {
    /// The cause of this error.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let innermost = innermost(error);
        match innermost.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(certificate)) => Self::Certificate(certificate.clone()),
            _ => Self::Other(innermost.to_string()),
        }
    }
}

impl Display for Cause {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(certificate) => {
                let text = format!("invalid peer certificate: {certificate}");
                formatter.write_str(&without_time(&text))
            }
            Self::Other(text) => formatter.write_str(&without_time(text)),
        }
    }
}

/// An I/O error hands out the source of the error that it wraps, but not that error itself.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut innermost = error;
    loop {
        let wrapped = innermost
            .downcast_ref()
            .and_then(|error: &io::Error| error.get_ref());
        let inner = wrapped.map_or_else(|| innermost.source(), |wrapped| Some(wrapped as _));
        match inner {
            Some(inner) => innermost = inner,
            None => return innermost,
        }
    }
}

/// The text of an error without the time at which rustls verified a certificate, for errors that are known as text only.
/// With it, each attempt would be a new reason on `/readyz` and a new line in the log.
#[must_use]
pub fn without_time(text: &str) -> String {
    const ENDS: [&str; 2] = [" seconds ago)", " seconds in future)"];
    let Some((before, varying)) = text.split_once(": verification time ") else {
        return text.to_owned();
    };
    let rests = ENDS.iter().filter_map(|end| varying.split_once(end));
    let rest = rests.map(|(_, rest)| rest).max_by_key(|rest| rest.len());
    format!("{before}{}", rest.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::UnixTime;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot send a request to https://provider.example/?key=s3cret")]
    struct Outer(#[source] io::Error);

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn failed(certificate: CertificateError) -> Cause {
        let error = io::Error::other(rustls::Error::InvalidCertificate(certificate));
        Cause::of(&Outer(io::Error::other(error)))
    }

    #[test]
    fn expired_and_early_certificates_read_the_same_at_each_attempt() {
        for attempt in [2_000, 2_001] {
            let expired = CertificateError::ExpiredContext {
                time: at(attempt),
                not_after: at(1_000),
            };
            assert_eq!(
                failed(expired).to_string(),
                "invalid peer certificate: certificate expired"
            );
            let early = CertificateError::NotValidYetContext {
                time: at(attempt),
                not_before: at(3_000),
            };
            assert_eq!(
                failed(early).to_string(),
                "invalid peer certificate: certificate not valid yet"
            );
        }
    }

    #[test]
    fn certificates_are_recognised_inside_of_other_errors() {
        assert_eq!(
            failed(CertificateError::UnknownIssuer),
            Cause::Certificate(CertificateError::UnknownIssuer)
        );
        let other = Cause::of(&Outer(io::Error::other(rustls::Error::DecryptError)));
        assert_eq!(other, Cause::Other("cannot decrypt peer's message".to_owned()));
        let refused = Cause::of(&Outer(io::ErrorKind::ConnectionRefused.into()));
        assert_eq!(refused.to_string(), "connection refused");
    }

    #[test]
    fn text_around_the_time_is_kept() {
        let expired = CertificateError::ExpiredContext {
            time: at(2_000),
            not_after: at(1_000),
        };
        assert_eq!(
            without_time(&format!("TLS error: {expired}: try again")),
            "TLS error: certificate expired: try again"
        );
        assert_eq!(without_time("no route to host"), "no route to host");
        assert_eq!(without_time("expired: verification time 5"), "expired");
    }
}
