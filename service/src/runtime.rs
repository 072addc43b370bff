//! Runs a process.

use std::process::ExitCode;

use crate::flags::bad_configuration;

/// Runs `process` to its end on this thread. An error is one of the configuration: whatever else goes wrong, a process
/// waits for and repairs.
pub fn run(process: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    // Nothing here needs more than one way of encrypting; the crates that bring several want to be told which.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return bad_configuration(&format!("error: no runtime: {error}")),
    };
    match runtime.block_on(process) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => bad_configuration(&format!("error: {error:#}")),
    }
}
