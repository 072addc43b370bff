//! The credentials of a process at NATS. Files are read for each connection, so that a rotated secret takes effect.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use async_nats::{Auth, AuthError, ConnectOptions};
use nkeys::KeyPair;

use crate::process::flags::Common;
use crate::process::secret;

/// Where the credentials come from.
#[derive(Clone, Debug)]
enum Source {
    Creds(PathBuf),
    Nkey(PathBuf),
    Password {
        user: String,
        password: Secret,
        file: Option<PathBuf>,
    },
    Token(Secret),
}

/// A text whose `Debug` form is hidden.
#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// The credentials of a process.
#[derive(Clone, Debug)]
pub struct Credentials(Source);

impl Credentials {
    /// The credentials that the flags name. A file takes precedence, then the flags for user and password, then the URL, and
    /// finally the name of the process as user and password.
    ///
    /// # Errors
    /// Fails if a file cannot be used; the error names its flag.
    pub fn new(process: &str, flags: &Common) -> anyhow::Result<Self> {
        let credentials = Self(Source::of(process, flags));
        // Reports an unusable file before anything connects.
        credentials.auth(b"")?;
        Ok(credentials)
    }

    /// Options that ask for the credentials at each connection.
    pub fn options(self) -> ConnectOptions {
        ConnectOptions::with_auth_callback(move |nonce| {
            let auth = self
                .auth(&nonce)
                .map_err(|error| AuthError::new(format!("{error:#}")));
            std::future::ready(auth)
        })
    }

    fn auth(&self, nonce: &[u8]) -> anyhow::Result<Auth> {
        let mut auth = Auth::new();
        match &self.0 {
            Source::Creds(file) => {
                let cannot_use = || format!("cannot use --nats-creds {}", file.display());
                let (jwt, key) = read(file)
                    .and_then(|text| creds(&text))
                    .with_context(cannot_use)?;
                auth.signature = Some(key.sign(nonce).with_context(cannot_use)?);
                auth.jwt = Some(jwt);
            }
            Source::Nkey(file) => {
                let cannot_use = || format!("cannot use --nats-nkey {}", file.display());
                let key = read(file).and_then(|text| seed(&text)).with_context(cannot_use)?;
                auth.signature = Some(key.sign(nonce).with_context(cannot_use)?);
                auth.nkey = Some(key.public_key());
            }
            Source::Password { user, password, file } => {
                let read = secret::given(Some(&password.0), "--nats-password-file", file.as_deref())?;
                auth.username = Some(user.clone());
                auth.password = read;
            }
            Source::Token(token) => auth.token = Some(token.0.clone()),
        }
        Ok(auth)
    }
}

impl Source {
    fn of(process: &str, flags: &Common) -> Self {
        if let Some(file) = &flags.nats_creds {
            return Self::Creds(file.clone());
        }
        if let Some(file) = &flags.nats_nkey {
            return Self::Nkey(file.clone());
        }
        let in_url = flags.nats_url.iter().find(|url| url.has_user_pass());
        let has_flags =
            flags.nats_user.is_some() || flags.nats_password.is_some() || flags.nats_password_file.is_some();
        let (user, password) = match in_url.filter(|_| !has_flags) {
            Some(url) => (url.username().map(decoded), url.password().map(decoded)),
            None => (flags.nats_user.clone(), flags.nats_password.clone()),
        };
        if let (Some(token), None, false) = (&user, &password, has_flags) {
            return Self::Token(Secret(token.clone()));
        }
        Self::Password {
            user: user.unwrap_or_else(|| process.to_owned()),
            password: Secret(password.unwrap_or_else(|| process.to_owned())),
            file: flags.nats_password_file.clone(),
        }
    }
}

/// In URLs, characters such as `@` are percent-encoded.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn read(file: &Path) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(file)?)
}

/// The JWT and the key of a file as `nsc generate creds` writes it: each on the line after a line of dashes.
fn creds(text: &str) -> anyhow::Result<(String, KeyPair)> {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut blocks = lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("---") && !pair[1].starts_with("---"))
        .filter(|pair| pair[0].contains("BEGIN"))
        .map(|pair| pair[1]);
    let (Some(jwt), Some(seed)) = (blocks.next(), blocks.next()) else {
        bail!("it does not contain a user JWT and a seed");
    };
    Ok((
        jwt.to_owned(),
        KeyPair::from_seed(seed).context("its seed is unusable")?,
    ))
}

/// The seed on the first line that is not a comment.
fn seed(text: &str) -> anyhow::Result<KeyPair> {
    let mut lines = text.lines().map(str::trim);
    let seed = lines.find(|line| !line.is_empty() && !line.starts_with(['#', '-']));
    KeyPair::from_seed(seed.unwrap_or_default()).context("it does not contain a seed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        common: Common,
    }

    fn auth(flags: &[&str]) -> Auth {
        let line = Line::try_parse_from([&["process"], flags].concat()).unwrap();
        Credentials::new("gateway", &line.common)
            .unwrap()
            .auth(b"nonce")
            .unwrap()
    }

    #[test]
    fn flags_take_precedence_over_the_url_and_the_name_of_the_process_is_last() {
        let url = ["--nats-url", "nats://ada:s%40crt@127.0.0.1"];
        let by_url = auth(&url);
        assert_eq!(by_url.username.as_deref(), Some("ada"));
        assert_eq!(by_url.password.as_deref(), Some("s@crt"));
        let by_flag = auth(&[&url[..], &["--nats-user", "bob", "--nats-password", "p"]].concat());
        assert_eq!(by_flag.username.as_deref(), Some("bob"));
        let own = auth(&[]);
        assert_eq!(own.username.as_deref(), Some("gateway"));
        let token = auth(&["--nats-url", "nats://t0ken@127.0.0.1"]);
        assert_eq!((token.token.as_deref(), token.username), (Some("t0ken"), None));
    }

    #[test]
    fn creds_and_seeds_are_read_as_the_tools_write_them() {
        let key = KeyPair::new_user();
        let own = key.seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\neyJ0.x\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n\
             -----BEGIN USER NKEY SEED-----\n{own}\n------END USER NKEY SEED------\n"
        );
        let (jwt, read) = creds(&text).unwrap();
        assert_eq!((jwt.as_str(), read.public_key()), ("eyJ0.x", key.public_key()));
        assert_eq!(
            seed(&format!("# user\n{own}\n")).unwrap().public_key(),
            key.public_key()
        );
        assert!(creds("nothing").is_err() && seed("").is_err());
    }
}
