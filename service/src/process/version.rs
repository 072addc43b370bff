//! The version of the binaries.

use std::sync::LazyLock;

/// The version, with commit and date if a release was built: `0.2.0 (1a2b3c4d5e6f, 2026-11-28)`.
///
/// A build takes them from `BUILD_COMMIT` and `BUILD_DATE`. Reading them from the repository would compile every process
/// again after each commit.
#[must_use]
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        described(
            env!("CARGO_PKG_VERSION"),
            option_env!("BUILD_COMMIT"),
            option_env!("BUILD_DATE"),
        )
    });
    &VERSION
}

/// The version and the commit as labels of a metric. The commit is empty in a local build.
#[must_use]
pub fn labels() -> [(&'static str, &'static str); 2] {
    [
        ("version", env!("CARGO_PKG_VERSION")),
        ("commit", option_env!("BUILD_COMMIT").unwrap_or_default()),
    ]
}

/// An empty value counts as none, because a build in a container sets the variables in any case.
fn described(version: &str, commit: Option<&str>, date: Option<&str>) -> String {
    let known = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
    match (known(commit), known(date)) {
        (Some(commit), Some(date)) => format!("{version} ({commit}, {date})"),
        (Some(only), None) | (None, Some(only)) => format!("{version} ({only})"),
        (None, None) => format!("{version} (local build)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_commit_and_date_if_they_are_known() {
        let date = Some("2026-11-28");
        assert_eq!(described("1.2.3", Some("abc"), date), "1.2.3 (abc, 2026-11-28)");
        assert_eq!(described("1.2.3", Some(""), date), "1.2.3 (2026-11-28)");
        assert_eq!(described("1.2.3", None, None), "1.2.3 (local build)");
        assert!(version().starts_with(env!("CARGO_PKG_VERSION")));
    }
}
