//! Whether a content security policy lets the tracker load and send (W3C CSP Level 3, section 6.7).

use url::Url;

use super::page::ScriptTag;

/// One policy: its directives in order.
#[derive(Clone, Debug)]
pub struct Policy<'a>(Vec<(String, Vec<&'a str>)>);

impl<'a> Policy<'a> {
    /// The policies of a header or `meta` element; a comma separates several.
    pub fn all(text: &'a str) -> impl Iterator<Item = Self> {
        text.split(',').map(|policy| {
            let directives = policy.split(';').filter_map(|directive| {
                let mut words = directive.split_ascii_whitespace();
                Some((words.next()?.to_ascii_lowercase(), words.collect()))
            });
            Self(directives.collect())
        })
    }

    /// Whether a page of `origin` may load the script.
    pub fn allows_script(&self, script: &ScriptTag, page: &Url) -> bool {
        let Some(sources) = self.sources(&["script-src-elem", "script-src", "default-src"]) else {
            return true;
        };
        let nonce = script.nonce.as_deref().map(|nonce| format!("'nonce-{nonce}'"));
        let has_nonce = nonce.is_some_and(|nonce| sources.contains(&nonce.as_str()));
        // With `strict-dynamic`, only nonces and hashes count.
        let strict = sources
            .iter()
            .any(|source| source.eq_ignore_ascii_case("'strict-dynamic'"));
        has_nonce || (!strict && matches_any(sources, &script.src, page))
    }

    /// Whether a page may send to `url`.
    pub fn allows_connection(&self, url: &Url, page: &Url) -> bool {
        let sources = self.sources(&["connect-src", "default-src"]);
        sources.is_none_or(|sources| matches_any(sources, url, page))
    }

    /// What to add so that `source` may serve scripts, or receive requests, as the directive of this name says. Where only
    /// `default-src` governs them now, the directive must repeat what that allows.
    pub fn missing(&self, directive: &str, source: &str) -> String {
        match self.sources(&["default-src"]) {
            Some(allowed) if self.sources(&[directive]).is_none() => {
                let allowed = allowed.iter().filter(|allowed| **allowed != "'none'");
                let sources: Vec<_> = [directive].into_iter().chain(allowed.copied()).collect();
                format!("Add the directive: {} {source}", sources.join(" "))
            }
            _ => format!("Add to {directive}: {source}"),
        }
    }

    /// The sources of the first of these directives that the policy has.
    fn sources(&self, names: &[&str]) -> Option<&[&'a str]> {
        let find = |name: &&str| self.0.iter().find(|(directive, _)| directive == name);
        names.iter().find_map(find).map(|(_, sources)| sources.as_slice())
    }
}

fn matches_any(sources: &[&str], url: &Url, page: &Url) -> bool {
    sources.iter().any(|source| matches(source, url, page))
}

fn matches(source: &str, url: &Url, page: &Url) -> bool {
    if source == "*" {
        return matches!(url.scheme(), "http" | "https") || url.scheme() == page.scheme();
    }
    if source.eq_ignore_ascii_case("'self'") {
        return url.origin() == page.origin()
            || (url.host() == page.host() && is_upgrade(page.scheme(), url));
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return is_scheme(scheme, url);
    }
    let (scheme, rest) = source.split_once("://").unwrap_or((page.scheme(), source));
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    is_scheme(scheme, url) && is_host(host, url) && is_port(port, url) && is_path(path, url)
}

fn is_scheme(scheme: &str, url: &Url) -> bool {
    scheme.eq_ignore_ascii_case(url.scheme()) || is_upgrade(&scheme.to_ascii_lowercase(), url)
}

fn is_upgrade(scheme: &str, url: &Url) -> bool {
    scheme == "http" && url.scheme() == "https"
}

fn is_host(pattern: &str, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match pattern.strip_prefix("*.") {
        Some(domain) => host
            .strip_suffix(&domain.to_ascii_lowercase())
            .is_some_and(|sub| sub.ends_with('.')),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

fn is_port(port: &str, url: &Url) -> bool {
    match port {
        "*" => true,
        "" => url.port().is_none(),
        port => port.parse().ok() == url.port_or_known_default(),
    }
}

fn is_path(path: &str, url: &Url) -> bool {
    match path {
        "" | "/" => true,
        folder if folder.ends_with('/') => url.path().starts_with(folder),
        file => url.path() == file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn allows(policy: &str) -> (bool, bool) {
        let page = url("https://shop.example/");
        let script = ScriptTag {
            src: url("https://stats.shop.example/v.js"),
            nonce: Some("n".to_owned()),
        };
        let all = |allowed: &dyn Fn(&Policy<'_>) -> bool| Policy::all(policy).all(|policy| allowed(&policy));
        (
            all(&|policy| policy.allows_script(&script, &page)),
            all(&|policy| policy.allows_connection(&url("https://stats.shop.example/v"), &page)),
        )
    }

    #[test]
    fn missing_directive_repeats_the_sources_of_the_default() {
        let missing = |policy| {
            Policy::all(policy)
                .next()
                .unwrap()
                .missing("script-src", "https://x.example")
        };
        assert_eq!(
            missing("default-src 'self' https:"),
            "Add the directive: script-src 'self' https: https://x.example"
        );
        assert_eq!(
            missing("default-src 'none'"),
            "Add the directive: script-src https://x.example"
        );
        assert_eq!(
            missing("default-src 'self'; script-src 'self'"),
            "Add to script-src: https://x.example"
        );
    }

    #[test]
    fn policies_decide_as_browsers_do() {
        for (policy, expected) in [
            ("", (true, true)),
            ("img-src 'self'", (true, true)),
            ("default-src 'self'", (false, false)),
            (
                "default-src 'none'; script-src https://stats.shop.example; connect-src stats.shop.example",
                (true, true),
            ),
            ("script-src *.shop.example; connect-src https:", (true, true)),
            (
                "script-src *.stats.shop.example; connect-src http://stats.shop.example",
                (false, true),
            ),
            (
                "script-src 'nonce-n' 'strict-dynamic'; connect-src 'self'",
                (true, false),
            ),
            (
                "script-src https://stats.shop.example 'strict-dynamic' 'nonce-m'",
                (false, true),
            ),
            (
                "script-src stats.shop.example/v.js; connect-src stats.shop.example/other",
                (true, false),
            ),
            (
                "SCRIPT-SRC stats.shop.example:443; connect-src stats.shop.example:8443",
                (true, false),
            ),
            ("script-src *, script-src 'self'", (false, true)),
            ("script-src-elem 'self'; script-src *", (false, true)),
        ] {
            assert_eq!(allows(policy), expected, "{policy}");
        }
    }
}
