//! A file that is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use service::file_version::{FileVersion, file_version};

/// How often the file is checked for changes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The content of a file, in its last usable version. Clones share it.
pub struct Watched<T>(Arc<Inner<T>>);

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<T> {
    flag: &'static str,
    path: PathBuf,
    read: fn(&Path) -> anyhow::Result<T>,
    current: Mutex<(Option<FileVersion>, Arc<T>)>,
}

impl<T: Send + Sync + 'static> Watched<T> {
    /// Reads the file.
    ///
    /// # Errors
    /// Fails if it cannot be used; the error names `flag`.
    pub fn open(
        flag: &'static str,
        path: PathBuf,
        read: fn(&Path) -> anyhow::Result<T>,
    ) -> anyhow::Result<Self> {
        // Before the file is read, so that a change in between is noticed.
        let version = file_version(&path);
        let value = read(&path).with_context(|| format!("cannot use {flag} {}", path.display()))?;
        Ok(Self(Arc::new(Inner {
            flag,
            path,
            read,
            current: Mutex::new((version, Arc::new(value))),
        })))
    }

    pub fn get(&self) -> Arc<T> {
        let current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.1)
    }

    /// Reads the file again whenever it changes. Logs a version that cannot be used, and keeps the one before.
    pub async fn follow(self) {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let watched = self.clone();
            // A database can be a hundred megabytes.
            if let Err(error) = tokio::task::spawn_blocking(move || watched.refresh()).await {
                tracing::warn!(%error, "cannot check a file for changes");
            }
        }
    }

    fn refresh(&self) {
        let Inner {
            flag,
            path,
            read,
            current,
        } = &*self.0;
        let now = file_version(path);
        let lock = || current.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that is missing for a moment is being replaced.
        if now.is_none() || lock().0 == now {
            return;
        }
        match read(path) {
            Ok(value) => {
                *lock() = (now, Arc::new(value));
                tracing::info!(flag, path = %path.display(), "the changed file is in use now");
            }
            Err(error) => {
                // Do not try again before it changes.
                lock().0 = now;
                tracing::warn!(flag, path = %path.display(), error = %format!("{error:#}"), "the changed file cannot be used; its previous version stays in use");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(path: &Path) -> anyhow::Result<u32> {
        Ok(std::fs::read_to_string(path)?.trim().parse()?)
    }

    #[test]
    fn changed_file_is_read_again_and_an_unusable_one_is_ignored() {
        let path = std::env::temp_dir().join(format!("watched-{}", std::process::id()));
        std::fs::write(&path, "1").unwrap();
        let watched = Watched::open("--number", path.clone(), number).unwrap();
        std::fs::write(&path, "22").unwrap();
        watched.refresh();
        assert_eq!(*watched.get(), 22);
        std::fs::write(&path, "none").unwrap();
        watched.refresh();
        assert_eq!(*watched.get(), 22);
        std::fs::remove_file(&path).unwrap();
        watched.refresh();
        assert_eq!(*watched.get(), 22);
        let error = Watched::open("--number", path, number).err().unwrap();
        assert!(format!("{error:#}").contains("--number"));
    }
}
