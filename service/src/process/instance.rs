//! The instance name of a process.

/// A name made of the host, the process id and two random bytes, fit for a subject token.
///
/// Host and id alone are not unique: every container has a process 1, and hosts are cloned.
#[must_use]
pub fn name() -> String {
    let host = gethostname::gethostname();
    format!(
        "{}-{}-{:04x}",
        token(&host.to_string_lossy()),
        std::process::id(),
        rand::random::<u16>()
    )
}

/// The text with everything but letters, digits and `-` replaced, at most 32 characters long.
fn token(text: &str) -> String {
    text.chars()
        .take(32)
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_becomes_one_token() {
        assert_eq!(token("web-1.example.com"), "web-1-example-com");
        assert_eq!(token("bü*>"), "b---");
    }

    #[test]
    fn two_instances_differ_even_with_one_process_id() {
        let names: std::collections::BTreeSet<_> = (0..32).map(|_| name()).collect();
        assert!(names.len() > 1);
    }
}
