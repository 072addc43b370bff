//! Reads the `SessionsEmitter` and publishes its events to NATS.

use std::process::ExitCode;

fn main() -> ExitCode {
    ingestor::main()
}
