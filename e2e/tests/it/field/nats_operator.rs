//! A NATS server in operator mode: accounts and users are JWTs that an operator and its accounts have signed.

use std::fs;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use e2e::eventually;
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::nats::Server;
use super::scripted_emitter::{Script, ScriptedEmitter};
use super::standalone::{Standalone, folder};

/// A JWT about `subject` with the claims of NATS, as `nsc` makes it.
fn jwt(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> Result<String> {
    let encoded = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let header = encoded(&json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let claims = encoded(&json!({
        "jti": name,
        "iat": 1_700_000_000,
        "iss": issuer.public_key(),
        "sub": subject.public_key(),
        "name": name,
        "nats": nats,
    }));
    let signed = format!("{header}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}

/// An account, with JetStream if `gigabytes` is not zero.
fn account(operator: &KeyPair, key: &KeyPair, name: &str, gigabytes: u64) -> Result<String> {
    let storage = gigabytes << 30;
    let nats = json!({
        "type": "account",
        "version": 2,
        "limits": {
            "subs": -1, "data": -1, "payload": -1, "conn": -1, "leaf": -1,
            "imports": -1, "exports": -1, "wildcards": true,
            "mem_storage": storage, "disk_storage": storage, "streams": -1, "consumer": -1,
            "max_bytes_required": true,
        },
        "default_permissions": {"pub": {}, "sub": {}},
    });
    jwt(operator, key, name, &nats)
}

/// The credentials file of a new user.
fn creds(account: &KeyPair) -> Result<String> {
    let user = KeyPair::new_user();
    let nats = json!({
        "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1,
    });
    let jwt = jwt(account, &user, "pipeline", &nats)?;
    let seed = user.seed()?;
    Ok(format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    ))
}

#[tokio::test]
async fn creds_of_an_account_are_used_and_read_again_after_a_refusal() -> Result<()> {
    let folder = folder()?;
    let (operator, system, own) = (
        KeyPair::new_operator(),
        KeyPair::new_account(),
        KeyPair::new_account(),
    );
    let claims = json!({"type": "operator", "version": 2, "system_account": system.public_key()});
    let configuration = format!(
        "operator: {}\nresolver: MEMORY\nresolver_preload: {{\n{}: {}\n{}: {}\n}}\n",
        jwt(&operator, &operator, "operator", &claims)?,
        system.public_key(),
        account(&operator, &system, "SYS", 0)?,
        own.public_key(),
        account(&operator, &own, "VISITORS", 2)?,
    );
    let server = Server::start(&folder, &configuration).await?;
    let file = folder.join("pipeline.creds");
    // Of an account that the server does not know.
    fs::write(&file, creds(&KeyPair::new_account())?)?;
    let url = server.url();
    let file_name = file.to_string_lossy().into_owned();
    let flags = [("--nats-url", url.as_str()), ("--nats-creds", &file_name)];
    let emitter = ScriptedEmitter::start(Script::Send(Vec::new())).await?;
    let ingestor = Standalone::ingestor(&emitter.url(), &flags, &[]).await?;
    ingestor.says("authorization violation").await?;
    fs::write(&file, creds(&own)?)?;
    let enricher = Standalone::start("enricher", &flags, &[]).await?;
    for process in [&ingestor, &enricher] {
        eventually("the process is ready", async || process.http.ready().await).await?;
    }
    Ok(())
}
