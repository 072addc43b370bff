//! When the certificates that a process shows to servers expire, as a metric.

use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::process::file_version::{FileVersion, file_version};
use crate::telemetry::metrics::{Gauge, Metrics};

/// How often a file is checked for changes.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// A certificate that a process shows to servers.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The flag that names the file.
    pub flag: &'static str,
    /// The file, if the flag is given.
    pub file: Option<PathBuf>,
    /// Whether the file is read again for each connection, rather than once.
    pub is_reread: bool,
}

/// When a certificate expires, in seconds since the epoch; 0 if it does not say so.
#[must_use]
pub fn expires_at(certificate: &CertificateDer<'_>) -> u64 {
    let parsed = X509Certificate::from_der(certificate).ok();
    let at = parsed.map(|(_, certificate)| certificate.validity().not_after.timestamp());
    at.and_then(|at| u64::try_from(at).ok()).unwrap_or_default()
}

/// Sets the metric of each certificate, and follows the files that are read again. Never returns.
pub async fn report_expiry(certificates: Vec<ClientCertificate>, metrics: Metrics) {
    let mut followed = Vec::new();
    for ClientCertificate {
        flag,
        file,
        is_reread,
    } in certificates
    {
        let expiry = metrics.certificate_expiry(flag);
        let Some(file) = file else { continue };
        let mut followed_file = FollowedFile {
            file,
            expiry,
            version: None,
        };
        followed_file.check();
        if is_reread {
            followed.push(followed_file);
        }
    }
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        followed.iter_mut().for_each(FollowedFile::check);
    }
}

/// A file, and what was last read from it.
struct FollowedFile {
    file: PathBuf,
    expiry: Gauge,
    version: Option<FileVersion>,
}

impl FollowedFile {
    /// Reads the file if it has changed. While it cannot be read, the metric stays: the process says so when it connects.
    fn check(&mut self) {
        let now = file_version(&self.file);
        if now == self.version {
            return;
        }
        if let Ok(certificate) = CertificateDer::from_pem_file(&self.file) {
            self.expiry.set(expires_at(&certificate));
            self.version = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::SystemTime;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn write(file: &Path, year: i32) {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 11, 28);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        fs::write(file, certificate.pem()).unwrap();
        // Files that are written within one tick of the file system's clock would have the same time.
        let changed_at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(year.unsigned_abs()));
        fs::File::open(file).unwrap().set_modified(changed_at).unwrap();
    }

    #[test]
    fn expiry_follows_the_file() {
        let file = std::env::temp_dir().join(format!("visitor-expiry-{}.pem", std::process::id()));
        let mut followed = FollowedFile {
            file: file.clone(),
            expiry: Gauge::default(),
            version: None,
        };
        followed.check();
        assert_eq!(followed.expiry.get(), 0, "there is no file");
        write(&file, 2026);
        followed.check();
        assert_eq!(followed.expiry.get(), 1_795_824_000, "2026-11-28T00:00:00Z");
        fs::write(&file, "half").unwrap();
        followed.check();
        assert_eq!(followed.expiry.get(), 1_795_824_000, "it is being written");
        // From 2050 on, certificates write times in another form (RFC 5280 section 4.1.2.5).
        write(&file, 2050);
        followed.check();
        assert_eq!(followed.expiry.get(), 2_553_206_400, "2050-11-28T00:00:00Z");
        fs::remove_file(file).unwrap();
    }
}
