//! The settings that differ from the defaults, and where each comes from.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};
use url::Url;

use crate::process::flags::command_line;

/// One line for each flag that the command line or the environment sets. No secret is in them.
pub(super) fn given<F: clap::Parser>() -> Vec<String> {
    let mut command = command_line::<F>();
    // It was parsed before, so that it can be parsed again.
    let Ok(matches) = command.try_get_matches_from_mut(std::env::args_os()) else {
        return Vec::new();
    };
    command
        .get_arguments()
        .filter_map(|argument| line(argument, &matches))
        .collect()
}

fn line(argument: &Arg, matches: &ArgMatches) -> Option<String> {
    let id = argument.get_id().as_str();
    let flag = argument.get_long()?;
    // Some are defined by clap alone, such as `--help`.
    let source = matches
        .try_contains_id(id)
        .ok()
        .and_then(|_| matches.value_source(id))?;
    let whence = match source {
        ValueSource::EnvVariable => format!(" ({})", argument.get_env()?.to_string_lossy()),
        ValueSource::CommandLine => String::new(),
        _ => return None,
    };
    let values = if argument.is_hide_env_values_set() {
        "(not shown)".to_owned()
    } else {
        let raw = matches.get_raw(id).into_iter().flatten();
        let values: Vec<_> = raw
            .map(|value| without_secrets(&value.to_string_lossy()))
            .collect();
        values.join(",")
    };
    Some(format!("  --{flag} {values}{whence}"))
}

/// A URL without user, password, path and query, because each may hold a key. Other values are unchanged.
pub(super) fn without_secrets(value: &str) -> String {
    match Url::parse(value) {
        Ok(url) if url.has_host() => place(&url),
        _ => value.to_owned(),
    }
}

/// Scheme, host and port, with an ellipsis for what is not shown.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let has_user = !url.username().is_empty() || url.password().is_some();
    let has_more = has_user || url.query().is_some() || url.path().len() > 1;
    let more = if has_more { "/…" } else { "" };
    format!("{}://{host}{port}{more}", url.scheme())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_secrets() {
        assert_eq!(without_secrets("ws://a.example:81/"), "ws://a.example:81");
        assert_eq!(without_secrets("https://a.example/secret"), "https://a.example/…");
        assert_eq!(without_secrets("64"), "64");
        for url in ["nats://user:secret@a.example", "https://a.example/x?key=secret"] {
            let shown = without_secrets(url);
            assert!(
                shown.contains("a.example") && !shown.contains("secret"),
                "{shown}"
            );
        }
    }
}
