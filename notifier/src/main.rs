//! Tells people when a company arrives on the website.

use std::process::ExitCode;

fn main() -> ExitCode {
    notifier::main()
}
