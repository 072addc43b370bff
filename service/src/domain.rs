//! Companies' domains in one spelling. Pure.

use url::Host;

/// The domain in the text, in ASCII (IDNA) and lower case, without a final dot. `None` unless it has several labels
/// of letters, digits and hyphens.
#[must_use]
pub fn normal(text: &str) -> Option<String> {
    let Ok(Host::Domain(domain)) = Host::parse(text) else {
        return None;
    };
    let domain = domain.strip_suffix('.').unwrap_or(&domain);
    let fits = domain.len() <= 253 && domain.contains('.') && domain.split('.').all(is_label);
    fits.then(|| domain.to_owned())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
}

/// A domain's parent, the parent's parent, and so on, down to the top-level domain.
pub fn parents(domain: &str) -> impl Iterator<Item = &str> {
    domain.match_indices('.').map(|(dot, _)| &domain[dot + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_all() {
        for text in [
            "Bücher.Example",
            "xn--bcher-kva.example.",
            "XN--BCHER-KVA.example",
        ] {
            assert_eq!(normal(text).as_deref(), Some("xn--bcher-kva.example"), "{text}");
        }
        for text in [
            "",
            "example",
            "127.0.0.1",
            "[::1]",
            "-a.example",
            "a_b.example",
            "a..example",
        ] {
            assert_eq!(normal(text), None, "{text}");
        }
    }

    #[test]
    fn parents_end_with_the_top_level_domain() {
        assert_eq!(
            parents("a.b.example").collect::<Vec<_>>(),
            ["b.example", "example"]
        );
    }
}
