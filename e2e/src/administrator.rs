//! A configuration of NATS with one more user, who may do everything: the mistakes of an administrator are made with it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::binaries::repository;

/// The user, and its password.
pub const ADMINISTRATOR: &str = "administrator";

/// Where the users of the configuration begin.
const USERS: &str = "users: [\n";

/// Copies all that `nats.conf` and the files in `deploy/cluster/` consist of to `folder`, with the user added. Gives where the
/// copies are, at the same paths as in the repository.
///
/// # Errors
/// Where a file cannot be copied, or no list of users is found.
pub fn configuration(folder: &Path) -> Result<PathBuf> {
    let copies = folder.join("configuration");
    for part in ["deploy/nats", "deploy/cluster"] {
        fs::create_dir_all(copies.join(part))?;
        for file in fs::read_dir(repository().join(part))? {
            let file = file?;
            if file.file_type()?.is_file() {
                fs::copy(file.path(), copies.join(part).join(file.file_name()))?;
            }
        }
    }
    let configuration = fs::read_to_string(repository().join("nats.conf"))?;
    fs::write(copies.join("nats.conf"), with_administrator(&configuration)?)?;
    Ok(copies)
}

fn with_administrator(configuration: &str) -> Result<String> {
    let (before, users) = configuration
        .split_once(USERS)
        .context("there is no list of users in nats.conf")?;
    Ok(format!(
        "{before}{USERS}    {{ user: {ADMINISTRATOR}, password: {ADMINISTRATOR} }}\n{users}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_the_first_of_the_list() {
        let configuration = with_administrator("a: b\nusers: [\n    { user: c }\n]\n").unwrap();
        let expected =
            "a: b\nusers: [\n    { user: administrator, password: administrator }\n    { user: c }\n]\n";
        assert_eq!(configuration, expected);
        assert!(with_administrator("no_auth_user: c").is_err());
    }
}
