//! Both third parties behind a real proxy that asks for a password, with certificates of an own authority.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::eventually;
use e2e::processes::{Certificates, Process, free_port, tinyproxy, workspace_binary};
use simulator::deanonymizer::{Deanonymizer, DeanonymizerConfig};
use simulator::world::Kind;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::scripted_emitter::{Script, ScriptedEmitter, acceptor};
use super::standalone::{Standalone, folder};

/// A running tinyproxy, which requires a password.
struct Proxy {
    process: Process,
    port: u16,
}

impl Proxy {
    async fn start(folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let configuration = folder.join("tinyproxy.conf");
        let text = format!("Port {port}\nListen 127.0.0.1\nBasicAuth somebody s3cret\nLogLevel Connect\n");
        fs::write(&configuration, text)?;
        let arguments = ["-d", "-c", &configuration.to_string_lossy()]
            .map(str::to_owned)
            .to_vec();
        let mut process = Process::new("tinyproxy", tinyproxy()?, arguments, folder);
        process.start()?;
        eventually("the proxy listens", async || {
            TcpStream::connect(("127.0.0.1", port)).await?;
            Ok(())
        })
        .await?;
        Ok(Self { process, port })
    }

    fn url(&self) -> String {
        format!("http://somebody:s3cret@127.0.0.1:{}", self.port)
    }

    /// Waits until it has opened a tunnel to this port.
    async fn has_connected_to(&self, port: u16) -> Result<()> {
        eventually("the proxy has opened the tunnel", async || {
            let log = self.process.log()?;
            ensure!(log.contains(&format!("CONNECT 127.0.0.1:{port} ")), "{log}");
            Ok(())
        })
        .await
    }
}

#[tokio::test]
async fn emitter_is_read_through_a_proxy_with_own_authority_and_client_certificate() -> Result<()> {
    let folder = folder()?;
    let certificates = Certificates::make(&folder)?;
    let (authority, certificate, key) = (
        certificates.authority(),
        certificates.certificate(),
        certificates.key(),
    );
    let proxy = Proxy::start(&folder).await?;
    let emitter = ScriptedEmitter::encrypted(Script::Send(Vec::new()), &certificates).await?;
    let url = format!("wss://127.0.0.1:{}", emitter.port());
    let files = [
        ("--ca-file", authority.to_str().context("path")?),
        ("--emitter-cert", certificate.to_str().context("path")?),
        ("--emitter-key", key.to_str().context("path")?),
    ];
    let proxy_url = proxy.url();
    let through = [("HTTPS_PROXY", proxy_url.as_str())];

    let ingestor = Standalone::ingestor(&url, &files, &through).await?;
    ingestor.connected().await?;
    proxy.has_connected_to(emitter.port()).await?;
    ensure!(!ingestor.process.log()?.contains("s3cret"));

    let foreign = Standalone::ingestor(&url, &[], &through).await?;
    foreign.says("invalid peer certificate: UnknownIssuer").await?;
    let nobody = Standalone::ingestor(&url, &files[..1], &through).await?;
    nobody.says(&format!("127.0.0.1:{}", emitter.port())).await?;
    let no_password = format!("http://127.0.0.1:{}", proxy.port);
    let wrong_password = format!("http://somebody:guess@127.0.0.1:{}", proxy.port);
    for proxy_url in [&no_password, &wrong_password] {
        let refused = Standalone::ingestor(&url, &files, &[("HTTPS_PROXY", proxy_url)]).await?;
        let port = emitter.port();
        refused
            .says(&format!("does not connect to 127.0.0.1:{port}: 40"))
            .await?;
    }
    // Exempt from the proxy, although that refuses.
    let exempt = [("HTTPS_PROXY", no_password.as_str()), ("NO_PROXY", "127.0.0.1")];
    Standalone::ingestor(&url, &files, &exempt)
        .await?
        .connected()
        .await
}

#[tokio::test]
async fn unencrypted_emitter_is_read_through_a_proxy() -> Result<()> {
    let proxy = Proxy::start(&folder()?).await?;
    let emitter = ScriptedEmitter::start(Script::Send(Vec::new())).await?;
    let ingestor = Standalone::ingestor(&emitter.url(), &[], &[("HTTP_PROXY", &proxy.url())]).await?;
    ingestor.connected().await?;
    proxy.has_connected_to(emitter.port()).await
}

#[tokio::test]
async fn deanonymizer_is_called_through_a_proxy_with_own_authority_and_client_certificate() -> Result<()> {
    let folder = folder()?;
    let certificates = Certificates::make(&folder)?;
    let proxy = Proxy::start(&folder).await?;
    let deanonymizer = Deanonymizer::start(DeanonymizerConfig::default())?;
    let world = deanonymizer.world();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let (tls, plain) = (acceptor(&certificates)?, deanonymizer.addr());
    let terminator = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let mut outer = tls.accept(stream).await?;
                let mut inner = TcpStream::connect(plain).await?;
                copy_bidirectional(&mut outer, &mut inner).await
            });
        }
    });
    let provider = folder.join("provider.toml");
    let text = format!(
        "name = \"own\"\nurl = \"https://127.0.0.1:{port}/deanonymize\"\n[company]\nguid = \"/data/company/guid\"\n\
         name = \"/data/company/name\"\ndomain = \"/data/company/domain\"\n"
    );
    fs::write(&provider, text)?;
    let ip = world.ip(Kind::CompanyOnly, 1);
    let call = |with_identity: bool| -> Result<Command> {
        let mut command = Command::new(workspace_binary("enricher")?);
        command.env_clear().env("HTTPS_PROXY", proxy.url());
        command.arg("--deanonymizer-provider").arg(&provider);
        command.arg("--ca-file").arg(certificates.authority());
        if with_identity {
            command.arg("--deanonymizer-cert").arg(certificates.certificate());
            command.arg("--deanonymizer-key").arg(certificates.key());
        }
        command.args(["check-provider", "--ip", &ip]);
        Ok(command)
    };
    let mut command = call(true)?;
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    ensure!(output.status.success() && said.contains("Status:  200"), "{said}");
    proxy.has_connected_to(port).await?;

    let mut command = call(false)?;
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(!output.status.success(), "it needs no certificate");
    terminator.abort();
    Ok(())
}

/// What `check-config` says about a process without NATS.
async fn check_config(process: &str, flags: &[(&str, &str)], proxy: &str) -> Result<String> {
    let output = tokio::process::Command::new(workspace_binary(process)?)
        .args(flags.iter().flat_map(|(flag, value)| [*flag, *value]))
        .args(["--nats-url", "nats://127.0.0.1:1", "check-config"])
        .env_clear()
        .env("HTTPS_PROXY", proxy)
        .output()
        .await?;
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn check_config_reaches_third_parties_through_a_proxy_with_own_authority() -> Result<()> {
    let folder = folder()?;
    let certificates = Certificates::make(&folder)?;
    let authority = certificates.authority();
    let trust = ("--ca-file", authority.to_str().context("path")?);
    let proxy = Proxy::start(&folder).await?;
    let server = ScriptedEmitter::encrypted(Script::Send(Vec::new()), &certificates).await?;
    for (process, flag, scheme, name) in [
        ("ingestor", "--emitter-url", "wss", "the SessionsEmitter"),
        (
            "enricher",
            "--deanonymizer-url",
            "https",
            "the identification service",
        ),
    ] {
        let place = format!("{scheme}://127.0.0.1:{}", server.port());
        let url = (flag, place.as_str());
        let said = check_config(process, &[url, trust], &proxy.url()).await?;
        let ok = format!("ok       {name} {place}: accepts connections with TLS");
        ensure!(said.contains(&ok), "{said}");
        proxy.has_connected_to(server.port()).await?;
        let problem = format!("problem  {name} {place}: ");
        let said = check_config(process, &[url], &proxy.url()).await?;
        ensure!(
            said.contains(&problem) && said.contains("UnknownIssuer"),
            "{said}"
        );
        // Nobody listens there.
        let said = check_config(process, &[url, trust], "http://127.0.0.1:1").await?;
        ensure!(said.contains(&problem), "{said}");
    }
    Ok(())
}
