//! Reports the visitors of your own website, as a `SessionsEmitter`.

use std::process::ExitCode;

fn main() -> ExitCode {
    collector::main()
}
