//! Reads the file of the watchlist, and reads it again when it changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::sync::watch;

use super::Watchlist;
use crate::telemetry::metrics::{Counter, Metrics};

/// The flag that names the file.
const FLAG: &str = "--watchlist";

/// How often the file is checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// The maximum size of the file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The current list. Clones see the same changes.
pub type Current = watch::Receiver<Arc<Watchlist>>;

/// The file, which is read again until this is dropped.
#[derive(Debug)]
pub struct WatchlistFile {
    path: PathBuf,
    text: String,
    list: watch::Sender<Arc<Watchlist>>,
}

impl WatchlistFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Fails if it cannot be read or a line of it names no company; the error names the flag and the line.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let text = read(&path)?;
        let list = parse(&path, &text)?;
        Ok(Self {
            path,
            text,
            list: watch::Sender::new(Arc::new(list)),
        })
    }

    /// The list, kept up to date while [`Self::follow`] runs.
    #[must_use]
    pub fn current(&self) -> Current {
        self.list.subscribe()
    }

    /// Reads the file again whenever it changes, until the process exits. A file that cannot be used is reported and counted, and the
    /// list stays as it was.
    pub async fn follow(mut self, metrics: Metrics) {
        let unusable: Counter = metrics.add(
            "watchlist_unusable",
            "Times the changed watchlist could not be used and the old one was kept",
            Counter::default(),
        );
        let mut last_problem = None;
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            match self.look() {
                Ok(()) => last_problem = None,
                Err(error) => {
                    let problem = format!("{error:#}");
                    if last_problem.as_ref() != Some(&problem) {
                        unusable.inc();
                        tracing::warn!(
                            problem,
                            "the changed watchlist cannot be used; keeping the old one"
                        );
                        last_problem = Some(problem);
                    }
                }
            }
        }
    }

    /// Reads the file once, and adopts it if it has changed.
    fn look(&mut self) -> anyhow::Result<()> {
        let text = read(&self.path)?;
        if text == self.text {
            return Ok(());
        }
        let list = parse(&self.path, &text)?;
        tracing::info!(entries = list.entries().len(), "the watchlist has changed");
        self.list.send_replace(Arc::new(list));
        self.text = text;
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let readable = || format!("cannot read {FLAG} {}", path.display());
    let size = std::fs::metadata(path).with_context(readable)?.len();
    ensure!(
        size <= MAX_BYTES,
        "{FLAG} {} is larger than {MAX_BYTES} bytes",
        path.display()
    );
    std::fs::read_to_string(path).with_context(readable)
}

fn parse(path: &Path, text: &str) -> anyhow::Result<Watchlist> {
    Watchlist::parse(text).with_context(|| format!("cannot use {FLAG} {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_file_is_adopted_unless_it_is_unusable() {
        let path = std::env::temp_dir().join(format!("watchlist-{}", std::process::id()));
        std::fs::write(&path, "lumen.example\n").unwrap();
        let mut file = WatchlistFile::open(path.clone()).unwrap();
        let current = file.current();
        assert_eq!(current.borrow().entries(), ["lumen.example"]);
        std::fs::write(&path, "varga.example\n").unwrap();
        file.look().unwrap();
        assert_eq!(current.borrow().entries(), ["varga.example"]);
        std::fs::write(&path, "lumen.example\nnobody\n").unwrap();
        let error = format!("{:#}", file.look().unwrap_err());
        assert!(
            error.contains("--watchlist") && error.contains("line 2"),
            "{error}"
        );
        assert_eq!(current.borrow().entries(), ["varga.example"]);
        let error = format!("{:#}", WatchlistFile::open(path.clone()).unwrap_err());
        assert!(
            error.contains("--watchlist") && error.contains("line 2"),
            "{error}"
        );
        std::fs::remove_file(&path).unwrap();
        assert!(file.look().is_err());
        assert_eq!(current.borrow().entries(), ["varga.example"]);
    }
}
