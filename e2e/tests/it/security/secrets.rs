//! No argument list and no log contains a secret.

use std::fs;

use anyhow::{Result, ensure};
use e2e::Visitor;
use e2e::processes::{Pipeline, Role, repository};
use simulator::world::Kind;

#[test]
fn no_argument_list_holds_a_secret() -> Result<()> {
    let root = repository();
    for file in ["Procfile", "docker-compose.yml", "Dockerfile", "scripts/up"] {
        let text = fs::read_to_string(root.join(file))?;
        for flag in [
            "--nats-password ",
            "--nats-password=",
            "--access-token ",
            "--access-token=",
            "--pass",
        ] {
            ensure!(!text.contains(flag), "{file} has {flag}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn no_log_contains_a_secret_or_a_visitor() -> Result<()> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut builder = Pipeline::builder().log_filter("debug");
    for role in Role::ALL {
        let file = folder.join(format!("{}-password", role.name()));
        fs::write(&file, format!("{}\n", role.name()))?;
        builder = builder.flag(role, "--nats-password-file", &file.to_string_lossy());
    }
    let token = folder.join("logged-token");
    fs::write(&token, "open-sesame")?;
    let mut site = builder
        .flag(Role::Gateway, "--access-token-file", &token.to_string_lossy())
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    let gateway = site.instance(Role::Gateway, 0)?.http.clone();
    e2e::eventually("the visitor is shown", async || {
        let request = gateway.request("/api/sessions").bearer_auth("open-sesame");
        let answer = e2e::clients::HttpResponse::of(request).await?;
        ensure!(answer.text.contains(&visitor.ip), "{}", answer.text);
        Ok(())
    })
    .await?;
    gateway.post_form("/login", "token=wrong-sesame").await?;
    site.nats.process.kill().await?;
    e2e::eventually("the processes have noticed", async || {
        for role in Role::ALL {
            site.instance(role, 0)?.http.reason().await?;
        }
        Ok(())
    })
    .await?;
    for role in Role::ALL {
        let log = site.instance(role, 0)?.process.log()?;
        ensure!(log.lines().count() > 3);
        for secret in ["sesame", visitor.ip.as_str()] {
            ensure!(!log.contains(secret), "{}: {secret}: {log}", role.name());
        }
        let password = format!("password=\"{}", role.name());
        ensure!(
            !log.contains(&password) && !log.contains(&format!("pass\":\"{}", role.name())),
            "{log}"
        );
    }
    Ok(())
}
