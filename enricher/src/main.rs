//! Finds out who visitors are, and republishes what may be shown.

use std::process::ExitCode;

fn main() -> ExitCode {
    enricher::main()
}
