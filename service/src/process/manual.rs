//! `PROCESS completions` and `PROCESS man`: shell completions and the manual page of a command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::flags::command_line;

/// The exit codes, for the manual page. docs/command-line.md has the same list.
const EXIT_CODES: [(&str, &str); 4] = [
    ("0", "The process was asked to stop, or the command succeeded."),
    (
        "1",
        "The command found a problem: the process is not ready (healthcheck), or something cannot \
         be reached or used (check-config).",
    ),
    (
        "64",
        "The configuration cannot be used. The last line on standard error names the flag.",
    ),
    (
        "101",
        "A defect: the process panicked. Released binaries are aborted by a signal instead.",
    ),
];

/// Prints the completions of a process for a shell.
#[must_use]
pub fn print_completions<F: clap::Parser>(shell: Shell) -> ExitCode {
    let mut command = command_line::<F>();
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    print(&text)
}

/// Prints the manual page of a process.
#[must_use]
pub fn print_manual<F: clap::Parser>() -> ExitCode {
    match manual(command_line::<F>()) {
        Ok(page) => print(&page),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn manual(command: clap::Command) -> io::Result<Vec<u8>> {
    let page = Man::new(command);
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    page.render_subcommands_section(&mut text)?;
    let mut codes = Roff::default();
    codes.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        codes.control("TP", []);
        codes.text([bold(code)]);
        codes.text([roman(meaning)]);
    }
    codes.to_writer(&mut text)?;
    page.render_version_section(&mut text)?;
    Ok(text)
}

/// A closed pipe is not an error: `PROCESS man | head` closes it on purpose.
fn print(text: &[u8]) -> ExitCode {
    let _ = io::stdout().lock().write_all(text);
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// Does something.
    #[derive(Parser)]
    #[command(name = "something", version)]
    struct Flags {
        /// The amount.
        #[arg(long, env)]
        _amount: Option<u32>,
    }

    #[test]
    fn manual_names_flags_variables_and_exit_codes() {
        let page = String::from_utf8(manual(command_line::<Flags>()).unwrap()).unwrap();
        for part in ["Does something", "amount", "The amount", "AMOUNT", "EXIT STATUS"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        for (code, _) in EXIT_CODES {
            assert!(page.contains(&format!(".TP\n\\fB{code}\\fR\n")), "{code}: {page}");
        }
    }
}
