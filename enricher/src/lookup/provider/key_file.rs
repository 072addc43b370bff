//! `--deanonymizer-key-file`: the key for the Deanonymizer, read for each call, so that a rotated key takes effect at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use service::secret;

/// The flag that names the file.
const FLAG: &str = "--deanonymizer-key-file";

/// The file with the key. The key itself is not kept.
#[derive(Clone, Debug)]
pub struct KeyFile(Arc<Path>);

impl KeyFile {
    /// Checks that the file contains a key that can be sent.
    ///
    /// # Errors
    /// Fails if it does not. The error names the flag, never the key.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let file = Self(path.into());
        let key = file.read()?;
        anyhow::ensure!(
            key.chars().all(|c| c.is_ascii_graphic() || c == ' '),
            "{FLAG} {} contains characters that cannot be sent",
            file.0.display()
        );
        Ok(file)
    }

    /// The current key, without surrounding white space.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is empty. The error names the flag, never the key.
    pub fn read(&self) -> anyhow::Result<String> {
        let key = secret::given(None, FLAG, Some(&self.0))?.unwrap_or_default();
        let key = key.trim();
        anyhow::ensure!(!key.is_empty(), "{FLAG} {} is empty", self.0.display());
        Ok(key.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_read_each_time_and_appears_in_no_error() {
        let path = std::env::temp_dir().join(format!("deanonymizer-key-{}", std::process::id()));
        std::fs::write(&path, "first\n").unwrap();
        let file = KeyFile::open(path.clone()).unwrap();
        assert_eq!(file.read().unwrap(), "first");
        std::fs::write(&path, " second \r\n").unwrap();
        assert_eq!(file.read().unwrap(), "second");
        for bad in ["", " \n", "s3cret\u{7}x"] {
            std::fs::write(&path, bad).unwrap();
            let error = format!("{:#}", KeyFile::open(path.clone()).unwrap_err());
            assert!(error.contains(FLAG) && !error.contains("s3cret"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(file.read().is_err());
        assert!(!format!("{file:?}").contains("second"));
    }
}
