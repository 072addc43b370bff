//! Real reverse proxies in front of a gateway, with the configuration that the documents give.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::clients::Http;
use crate::eventually;
use crate::processes::binaries::{caddy, nginx, repository};
use crate::processes::certificates::Certificates;
use crate::processes::ports;
use crate::processes::process::Process;

/// The placeholders of the documents for the gateway, the certificate and its key.
const GATEWAY: &str = "127.0.0.1:3000";
const CERTIFICATE: &str = "/etc/ssl/certs/visitors.pem";
const KEY: &str = "/etc/ssl/private/visitors.key";

/// A proxy that speaks TLS. It is killed when this is dropped.
#[derive(Debug)]
pub struct ReverseProxy {
    /// Its HTTP door, without the base path.
    pub http: Http,
    _process: Process,
}

impl ReverseProxy {
    /// nginx with `docs/proxy/nginx.conf`, in front of the gateway at `base`.
    ///
    /// # Errors
    /// Fails if there is no nginx, or if it does not start.
    pub async fn nginx(base: &str, folder: &Path, certificates: &Certificates) -> Result<Self> {
        let port = ports::free()?;
        let server = documented("nginx.conf", base, certificates)?
            .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"));
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};\n", folder.join(kind).display()))
            .concat();
        // One process, so that killing it leaves nothing behind.
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{server}}}\n",
            folder.join("nginx.pid").display()
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration)?;
        let arguments = ["-e", "stderr", "-p", &text(folder), "-c", &text(&file)].map(str::to_owned);
        let process = Process::new("nginx", nginx()?, arguments.into(), folder);
        Self::started(process, port, certificates).await
    }

    /// Caddy with this file of `docs/proxy`, in front of the gateway at `base`, and with this hash of a password.
    ///
    /// # Errors
    /// Fails if there is no Caddy, or if it does not start.
    pub async fn caddy(
        document: &str,
        base: &str,
        folder: &Path,
        certificates: &Certificates,
        password_hash: &str,
    ) -> Result<Self> {
        let port = ports::free()?;
        let site = documented(document, base, certificates)?
            .replace("\nvisitors.example {", &format!("\nhttps://127.0.0.1:{port} {{"));
        let file = folder.join("Caddyfile");
        fs::write(
            &file,
            format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}"),
        )?;
        let arguments = ["run", "--adapter", "caddyfile", "--config", &text(&file)].map(str::to_owned);
        let process = Process::new("caddy", caddy()?, arguments.into(), folder)
            .with_variable("HOME", &text(folder))
            .with_variable("XDG_DATA_HOME", &text(folder))
            .with_variable("XDG_CONFIG_HOME", &text(folder))
            .with_variable("PASSWORD_HASH", password_hash);
        Self::started(process, port, certificates).await
    }

    async fn started(mut process: Process, port: u16, certificates: &Certificates) -> Result<Self> {
        process.start()?;
        let http = Http::encrypted(&format!("https://127.0.0.1:{port}"), &certificates.authority())?;
        eventually("the proxy answers", async || {
            process.running()?;
            http.get("/").await.map(drop)
        })
        .await?;
        Ok(Self {
            http,
            _process: process,
        })
    }
}

/// A configuration of the documents, with the addresses and files of this test.
fn documented(document: &str, base: &str, certificates: &Certificates) -> Result<String> {
    let file = repository().join("docs/proxy").join(document);
    let configuration = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    Ok(configuration
        .replace(GATEWAY, base.trim_start_matches("http://"))
        .replace(CERTIFICATE, &text(&certificates.certificate()))
        .replace(KEY, &text(&certificates.key())))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
