//! Reports the visitors of one's own website, as a `SessionsEmitter`.

use std::process::ExitCode;

fn main() -> ExitCode {
    collector::main()
}
