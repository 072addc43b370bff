//! One child process.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::eventually::WAIT_TIMEOUT;
use crate::processes::ports;

/// A program, its arguments, and the process that runs it, if one does. The process is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// A process of that name, whose log will be in `folder`; it is not started yet.
    #[must_use]
    pub fn new(name: &str, program: PathBuf, arguments: Vec<String>, folder: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program,
            arguments,
            environment: Vec::new(),
            log: folder.join(format!("{name}.log")),
            child: None,
        }
    }

    /// Sets a variable of its environment, which contains no others.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The name of the process and of its log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its command line.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Sets a flag from the next start on.
    pub fn set_flag(&mut self, flag: &str, value: &str) {
        let place = self.arguments.iter().position(|argument| argument == flag);
        match place.and_then(|place| self.arguments.get_mut(place + 1)) {
            Some(old) => value.clone_into(old),
            None => self.arguments.extend([flag.to_owned(), value.to_owned()]),
        }
    }

    /// Runs another program from the next start on, such as that of another release.
    pub fn set_program(&mut self, program: PathBuf) {
        self.program = program;
    }

    /// Starts it, or starts it again. Appends its output to its log.
    ///
    /// # Errors
    /// Fails if the program cannot be run.
    pub fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let child = ports::while_none_is_tried(|| command.spawn())
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Sends SIGKILL and waits for the exit.
    ///
    /// # Errors
    /// Fails if it does not run.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        child
            .kill()
            .await
            .with_context(|| format!("cannot kill {}", self.name))
    }

    /// Sends SIGTERM and returns its exit status.
    ///
    /// # Errors
    /// Fails if it does not run or does not exit in time.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended().await
    }

    /// Kills it and starts it again.
    ///
    /// # Errors
    /// As [`Process::kill`] and [`Process::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.kill().await?;
        self.start()
    }

    /// Sends SIGSTOP and waits until all threads have stopped.
    ///
    /// # Errors
    /// Fails if it does not run.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        // Its threads stop one after the other. If it has exited first, its status is not consumed.
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(self.pid()?), stopped)?;
        Ok(())
    }

    /// Sends SIGCONT.
    ///
    /// # Errors
    /// Fails if it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Waits until it exits, and returns its status.
    ///
    /// # Errors
    /// Fails if it does not run or does not exit in time.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let mut child = self.child.take().context("it does not run")?;
        let status = timeout(WAIT_TIMEOUT, child.wait())
            .await
            .with_context(|| format!("{} does not exit", self.name))?;
        Ok(status?)
    }

    /// Checks that it has not exited.
    ///
    /// # Errors
    /// Fails with its log if it has exited.
    pub fn running(&mut self) -> Result<()> {
        let child = self.child.as_mut().context("it was stopped")?;
        let status = child.try_wait()?;
        ensure!(status.is_none(), "{} has exited:\n{}", self.name, self.log()?);
        Ok(())
    }

    /// Its output since it was first started.
    ///
    /// # Errors
    /// Fails if it was never started.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("cannot read {}", self.log.display()))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid()?, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Its resident memory, in bytes.
    ///
    /// # Errors
    /// Fails if it does not run.
    pub fn memory(&self) -> Result<u64> {
        let pid = self.pid()?.as_raw_nonzero().get();
        let statm = procfs::process::Process::new(pid)?.statm()?;
        Ok(statm.resident * procfs::page_size())
    }

    fn pid(&self) -> Result<Pid> {
        let id = self
            .child
            .as_ref()
            .and_then(Child::id)
            .context("it does not run")?;
        Pid::from_raw(i32::try_from(id)?).context("not a process id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_set_once() {
        let arguments = ["--a", "1"].map(str::to_owned).to_vec();
        let mut process = Process::new("name", PathBuf::new(), arguments, Path::new(""));
        process.set_flag("--b", "2");
        process.set_flag("--a", "3");
        assert_eq!(process.arguments(), ["--a", "3", "--b", "2"]);
    }
}
