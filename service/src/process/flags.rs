//! The flags of every process, and the exit on a bad one.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::urls::nats_url;
pub use super::urls::{http_url, url};
use super::version;
use crate::telemetry::trace;

/// The exit code of a process that cannot use its configuration (`EX_USAGE` of sysexits.h).
pub const BAD_CONFIGURATION: u8 = 64;

/// The address and credentials of NATS, and the format of logs.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// NATS servers, comma-separated. User and password in a URL are used if no other flag names any.
    #[arg(long, env, value_delimiter = ',', hide_env_values = true, default_value = "nats://127.0.0.1:4222", value_parser = nats_url)]
    pub nats_url: Vec<async_nats::ServerAddr>,

    /// NATS user; default: the name of the process.
    #[arg(long, env, value_parser = NonEmptyStringValueParser::new())]
    pub nats_user: Option<String>,

    /// NATS password; the default is for a laptop only.
    #[arg(long, env, hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    pub nats_password: Option<String>,

    /// A file with the NATS password, instead of `--nats-password`.
    #[arg(long, env, value_name = "FILE")]
    pub nats_password_file: Option<PathBuf>,

    /// NATS credentials file, instead of user and password.
    #[arg(long, env, value_name = "FILE")]
    pub nats_creds: Option<PathBuf>,

    /// A file with an nkey's seed, instead of user and password.
    #[arg(long, env, value_name = "FILE")]
    pub nats_nkey: Option<PathBuf>,

    /// The JetStream domain of the streams.
    #[arg(long, env, value_parser = domain)]
    pub nats_domain: Option<String>,

    /// Certificates of trusted authorities for NATS servers, in a PEM file. Requires TLS for every connection.
    #[arg(long, env, value_name = "FILE")]
    pub nats_ca: Option<PathBuf>,

    /// The client certificate of this process, in a PEM file, for NATS servers that require one.
    #[arg(long, env, value_name = "FILE", requires = "nats_key")]
    pub nats_cert: Option<PathBuf>,

    /// The key of `--nats-cert`, in a PEM file.
    #[arg(long, env, value_name = "FILE", requires = "nats_cert")]
    pub nats_key: Option<PathBuf>,

    /// Certificates of additional trusted authorities for third parties, besides the system's, in a PEM file.
    #[arg(long, env, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Where NATS keeps the streams.
    #[arg(long, env, value_enum, default_value_t = Storage::Memory)]
    pub nats_storage: Storage,

    /// How many NATS servers keep a copy of each stream.
    #[arg(long, env, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub nats_replicas: u8,

    /// How much each stream may hold.
    #[command(flatten)]
    pub limits: StreamLimits,

    /// Format of log lines.
    #[arg(long, env, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Traces.
    #[command(flatten)]
    pub traces: trace::Settings,
}

/// How much each stream and bucket may hold, in MiB. Give all processes the same limits: the process that comes first
/// creates the streams. NATS reserves the memory of all of them: together they must fit its `max_memory_store`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct StreamLimits {
    /// Size limit of the raw stream in MiB; the same for all processes, because the first one creates it.
    #[arg(long, env, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub raw_mib: u32,

    /// Size limit of the stream of sessions in MiB. Near the limit, closings are remembered for a shorter time, then
    /// new visitors wait; live sessions are never dropped.
    #[arg(long, env, default_value_t = 768, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub sessions_mib: u32,

    /// Size limit of the stream of activities in MiB; at the limit, the oldest are dropped.
    #[arg(long, env, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub activity_mib: u32,

    /// Size limit of the bucket of profiles in MiB; at the limit, the oldest are dropped, and later paid for again.
    #[arg(long, env, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub profiles_mib: u32,

    /// Size limit of the bucket of announced companies in MiB; at the limit, the oldest are dropped, and may be announced
    /// again.
    #[arg(long, env, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub notified_mib: u32,

    /// Size limit of the stream of rejected messages in MiB; at the limit, the oldest are dropped.
    #[arg(long, env, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub rejected_mib: u32,

    /// Size limit of the bucket of secrets, which holds a few short values, in MiB.
    #[arg(long, env, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub secrets_mib: u32,
}

/// Where NATS keeps the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Storage {
    /// In memory: fast, and lost when the server restarts.
    Memory,
    /// On disk.
    File,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Readable text.
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

/// The subcommands of every process.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum Command {
    /// Query `/readyz` of the running process; exit code 0 if it is ready.
    Healthcheck,

    /// Say what the process would do with these flags and what it can reach, without doing it; exit code 1 if there is a
    /// problem.
    CheckConfig,

    /// Print the completions for a shell.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },

    /// Print the manual page, for `man -l -`.
    Man,
}

/// The command line of a process, with its version.
#[must_use]
pub fn command_line<F: clap::Parser>() -> clap::Command {
    // A subcommand such as `completions` must not ask for the flags that the process needs.
    F::command()
        .version(version::version())
        .subcommand_negates_reqs(true)
}

/// Reads the command line and the environment.
///
/// # Errors
/// The exit code to end with: 64 after a one-line error that names the flag, 0 after help or the version.
pub fn parse<F: clap::Parser>() -> Result<F, ExitCode> {
    read::<F>()
        .map_err(without_secrets::<F>)
        .map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                print!("{error}");
                ExitCode::SUCCESS
            }
            _ => bad_configuration(&one_line(&error.to_string())),
        })
}

/// The error without the value of a flag whose value may be secret, which is one whose variable `--help` hides.
fn without_secrets<F: clap::Parser>(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(named)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = named
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_start_matches('-')
        .to_owned();
    let command = F::command();
    let mut arguments = command.get_arguments();
    if arguments.any(|argument| argument.get_long() == Some(&flag) && argument.is_hide_env_values_set()) {
        error.insert(ContextKind::InvalidValue, ContextValue::String("…".to_owned()));
    }
    error
}

fn read<F: clap::Parser>() -> Result<F, clap::Error> {
    let mut command = without_values(command_line::<F>());
    let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
    F::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// The command line whose `--help` names environment variables without their values. A value may be a secret, and a page of
/// help is often shown to others; `check-config` says which settings are in force.
fn without_values(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| argument.hide_env_values(true))
        .mut_subcommands(without_values)
}

/// Prints what is wrong with the configuration on one line, and returns the exit code.
#[must_use]
pub fn bad_configuration(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(BAD_CONFIGURATION)
}

/// The error without clap's usage and tips, folded into one line. Only the scheme of a URL is shown, because the rest may
/// contain a user, a password or a token.
fn one_line(message: &str) -> String {
    let error = message.split("\n\n").next().unwrap_or(message);
    let words = error.split_whitespace().map(|word| match word.split_once("://") {
        Some((scheme, rest)) if !rest.trim_matches(['\'', '.', ':']).is_empty() => {
            format!("{scheme}://…{}", if rest.contains('\'') { "'" } else { "" })
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Reads the name of a `JetStream` domain, which is one token of a subject.
fn domain(text: &str) -> Result<String, String> {
    let is_token = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b".*>".contains(&byte));
    is_token
        .then(|| text.to_owned())
        .ok_or_else(|| "must be one token of a subject".to_owned())
}

/// The longest duration that a flag takes, so that adding it to a time cannot overflow.
const MAX_DURATION: Duration = Duration::from_hours(24 * 365 * 10);

/// Reads a duration such as `60s` or `24h`; zero is refused.
///
/// # Errors
/// Fails if the text is not a duration, or if it is zero or longer than ten years.
pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than zero".to_owned()),
        Ok(duration) if duration > MAX_DURATION => Err("must be at most ten years".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_fit_on_one_line() {
        let message =
            "error: the following required arguments were not provided:\n  --listen <ADDR>\n\nUsage: x\n";
        assert_eq!(
            one_line(message),
            "error: the following required arguments were not provided: --listen <ADDR>"
        );
    }

    #[test]
    fn errors_hold_no_secret() {
        for (message, expected) in [
            (
                "error: unexpected argument 'ws://u:s3cret@h' found",
                "error: unexpected argument 'ws://…' found",
            ),
            (
                "error: must begin with ws:// or wss://",
                "error: must begin with ws:// or wss://",
            ),
        ] {
            assert_eq!(one_line(message), expected);
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("24h"), Ok(Duration::from_hours(24)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(duration("0s").is_err());
        assert!(duration("soon").is_err());
        assert!(duration("11y").is_err());
    }
}
