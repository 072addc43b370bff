//! The certificates that processes show to others.

use anyhow::{Context as _, Result, ensure};
use e2e::eventually;
use e2e::processes::Certificates;

use super::standalone::{Standalone, folder};

#[tokio::test]
async fn expiry_of_client_certificates_is_a_metric() -> Result<()> {
    let folder = folder()?;
    let certificates = Certificates::make(&folder)?;
    let (certificate, key) = (certificates.certificate(), certificates.key());
    let certificate = certificate.to_str().context("path")?;
    let key = key.to_str().context("path")?;
    for (process, flag, key_flag) in [
        ("ingestor", "--emitter-cert", "--emitter-key"),
        ("ingestor", "--nats-cert", "--nats-key"),
        ("enricher", "--deanonymizer-cert", "--deanonymizer-key"),
    ] {
        let process = Standalone::start(process, &[(flag, certificate), (key_flag, key)], &[]).await?;
        eventually(&format!("the expiry of {flag} is known"), async || {
            let name = process.process.name();
            let metric = format!("visitor_{name}_tls_certificate_expiry_timestamp_seconds");
            let expiry = process
                .http
                .metric(&format!("{metric}{{flag=\"{flag}\"}}"))
                .await?;
            // Certificates of tests expire in the distant future, and there is no other one.
            ensure!(expiry > 4_000_000_000, "{expiry}");
            let all = process.http.metric(&metric).await?;
            ensure!(all == expiry, "{all}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}
