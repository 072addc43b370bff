//! A receiver whose certificate comes from an authority of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use e2e::eventually;
use e2e::processes::{Certificates, Pipeline, Role};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::receiver::Receiver;
use super::{are_announced, folder, visitor};

#[tokio::test]
async fn receiver_needs_a_trusted_certificate() -> Result<()> {
    let folder = folder("encrypted");
    let receiver = Receiver::start(&folder)?;
    let certificates = Certificates::make(&folder)?;
    let url_file = encrypted(&receiver, &certificates).await?;
    let builder = || {
        Pipeline::builder().with(Role::Notifier, 1).flag(
            Role::Notifier,
            "--webhook-url-file",
            &url_file.to_string_lossy(),
        )
    };

    let site = builder().start().await?;
    site.send(&[visitor(&site, 1)?.0.opened(0)]);
    eventually(
        "the notifier says that it does not trust the receiver",
        async || {
            let ready = site.instance(Role::Notifier, 0)?.http.get("/readyz").await?.text;
            ensure!(
                ready.contains("certificate") && !ready.contains("s3cret"),
                "{ready}"
            );
            Ok(())
        },
    )
    .await?;
    ensure!(receiver.requests().is_empty());
    drop(site);

    let authority = certificates.authority();
    let site = builder()
        .flag(Role::Notifier, "--ca-file", &authority.to_string_lossy())
        .start()
        .await?;
    let (awaited, domain) = visitor(&site, 1)?;
    site.send(&[awaited.opened(0)]);
    are_announced(&receiver, &[&domain]).await
}

/// Puts TLS in front of the receiver. Answers a file with its new address.
async fn encrypted(receiver: &Receiver, certificates: &Certificates) -> Result<PathBuf> {
    let chain = vec![CertificateDer::from_pem_slice(&fs::read(
        certificates.certificate(),
    )?)?];
    let key = PrivateKeyDer::from_pem_slice(&fs::read(certificates.key())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let plain: SocketAddr = receiver.address();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outer = acceptor.accept(stream).await?;
                let mut inner = TcpStream::connect(plain).await?;
                copy_bidirectional(&mut outer, &mut inner).await
            });
        }
    });
    let folder = receiver.url_file.parent().context("no folder")?;
    let url_file = folder.join("encrypted-url");
    fs::write(&url_file, format!("https://127.0.0.1:{port}/services/s3cret\n"))?;
    Ok(url_file)
}
