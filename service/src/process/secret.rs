//! Reads secrets from files, so that they need not be in arguments or the environment.

use std::path::Path;

use anyhow::{Context as _, ensure};

/// The secret itself, or the content of the file without the line break at its end.
///
/// # Errors
/// Fails if the file cannot be read or is empty; the error names `flag`.
pub fn given(secret: Option<&String>, flag: &str, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else {
        return Ok(secret.cloned());
    };
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {flag} {}", file.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    ensure!(!text.is_empty(), "{flag} {} is empty", file.display());
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_its_last_line_break() {
        let file = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
        std::fs::write(&file, " open sesame\r\n").unwrap();
        let secret = given(None, "--secret-file", Some(&file));
        std::fs::write(&file, "\n").unwrap();
        let nothing = given(None, "--secret-file", Some(&file));
        std::fs::remove_file(&file).unwrap();
        let missing = given(None, "--secret-file", Some(&file));
        assert_eq!(secret.unwrap().as_deref(), Some(" open sesame"));
        for error in [nothing, missing] {
            assert!(error.unwrap_err().to_string().contains("--secret-file"));
        }
    }

    #[test]
    fn without_a_file_the_secret_itself() {
        assert_eq!(given(None, "--secret-file", None).unwrap(), None);
        let secret = "x".to_owned();
        assert_eq!(given(Some(&secret), "--secret-file", None).unwrap(), Some(secret));
    }
}
