//! A wall clock that a test can step while the process that reads it runs.
//!
//! libfaketime is preloaded into the process and reads the clock's offset from a file each time the process asks for the time. The
//! monotonic clock stays accurate, as on a real host whose wall clock steps. A program that asks the kernel without
//! the C library, as nats-server does, does not notice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::processes::binaries::faketime;

/// The wall clock of one process.
#[derive(Clone, Debug)]
pub struct FakeClock {
    library: PathBuf,
    file: PathBuf,
}

impl FakeClock {
    /// An accurate clock for the process of that name; its file will be in `folder`.
    ///
    /// # Errors
    /// Fails if libfaketime is not installed, or the file cannot be written.
    pub fn new(name: &str, folder: &Path) -> Result<Self> {
        let clock = Self {
            library: faketime()?,
            file: folder.join(format!("{name}.clock")),
        };
        clock.set_offset(0)?;
        Ok(clock)
    }

    /// Shifts the clock from the real time by this number of seconds, which may be negative.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn set_offset(&self, seconds: i64) -> Result<()> {
        // Replaced atomically, because the process may read it at any time.
        let next = self.file.with_extension("clock-next");
        fs::write(&next, format!("{seconds:+}\n"))?;
        fs::rename(&next, &self.file).with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// The variables that make a process use this clock.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        [
            ("LD_PRELOAD", path(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", path(&self.file)),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Command, Stdio};

    #[test]
    fn steps_the_clock_of_a_running_process() {
        let folder = std::env::temp_dir().join(format!("fake-clock-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let clock = FakeClock::new("python", &folder).unwrap();
        let program = "import sys, time\nfor line in sys.stdin: print(int(time.time()), flush=True)";
        let mut process = Command::new("python3")
            .args(["-c", program])
            .envs(clock.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut question = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut ask = || {
            question.write_all(b"\n").unwrap();
            answers.next().unwrap().unwrap().parse::<i64>().unwrap()
        };
        let right = ask();
        clock.set_offset(3600).unwrap();
        assert!((3600..3660).contains(&(ask() - right)));
        clock.set_offset(-3600).unwrap();
        assert!((-3600..-3540).contains(&(ask() - right)));
        drop(question);
        process.wait().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
