//! Holds the view of active sessions and serves it: API, WebSocket and page.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::main()
}
