//! The binary: flags, signals, health check.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

fn simulator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    command.env_clear();
    command
}

fn output(arguments: &[&str]) -> Output {
    simulator().args(arguments).output().unwrap()
}

/// A running simulator, killed when the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it on a free port and waits until it names it.
fn start(party: &str) -> (Running, String) {
    let mut child = simulator()
        .args([party, "--listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    for line in log.lines() {
        if let Some((_, addr)) = line.unwrap().split_once("addr=") {
            return (running, addr.split(' ').next().unwrap().to_owned());
        }
    }
    panic!("{party} ended without saying where it listens");
}

#[test]
fn bad_flags_end_with_64_and_one_line_that_names_the_flag() {
    let cases: [(&[&str], &str); 8] = [
        (&["emitter", "--rate", "fast"], "--rate"),
        (&["emitter", "--faults", "silense"], "--faults"),
        (&["emitter", "--sessions", "100000"], "--sessions"),
        (&["emitter", "--rate", "0"], "--rate"),
        (&["deanonymizer", "--latency", "soon"], "--latency"),
        (&["deanonymizer", "--error-rate", "1.1"], "--error-rate"),
        (&["deanonymizer", "--listen", "here"], "--listen"),
        (&["deanonymizer", "--hung-rate", "1"], "--hung-rate"),
    ];
    for (arguments, flag) in cases {
        let output = output(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(flag), "{error}");
    }
    assert_eq!(output(&[]).status.code(), Some(64));
}

#[test]
fn flags_can_come_from_the_environment() {
    let cases = [
        ("emitter", "RATE"),
        ("emitter", "FAULTS"),
        ("deanonymizer", "LATENCY"),
        ("deanonymizer", "GARBAGE_RATE"),
    ];
    for (party, variable) in cases {
        let output = simulator().arg(party).env(variable, "nonsense").output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{variable}");
        assert!(
            String::from_utf8(output.stderr).unwrap().contains("nonsense"),
            "{variable}"
        );
    }
}

#[test]
fn help_is_no_error() {
    for arguments in [
        &["--help"][..],
        &["emitter", "--help"],
        &["deanonymizer", "--help"],
    ] {
        assert_eq!(output(arguments).status.code(), Some(0));
    }
}

#[test]
fn health_and_signals() {
    for (party, signal) in [
        ("emitter", "-TERM"),
        ("emitter", "-INT"),
        ("deanonymizer", "-TERM"),
        ("deanonymizer", "-INT"),
    ] {
        let (mut running, addr) = start(party);
        let health = || output(&[party, "healthcheck", "--listen", &addr]).status.code();
        assert_eq!(health(), Some(0), "{party}");
        let pid = running.0.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(running.0.wait().unwrap().code(), Some(0), "{party} {signal}");
        assert_eq!(health(), Some(1), "{party}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (_running, addr) = start("deanonymizer");
    let output = output(&["emitter", "--listen", &addr]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&addr));
}
