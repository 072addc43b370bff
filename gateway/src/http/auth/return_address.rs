//! Decides where a browser goes after logging in: back to the address it asked for, and never to another site.

use url::{Url, form_urlencoded};

use crate::http::base_path::BasePath;

/// The longest address that is returned to, in bytes.
const MAX_LEN: usize = 2 * 1024;

/// The path of the form.
pub const LOGIN_PATH: &str = "/login";

/// Resolves paths only; its name can never be a real one (RFC 6761, section 6.4).
const BASE: &str = "http://gateway.invalid";

/// A path of this gateway with its query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnAddress(String);

impl ReturnAddress {
    /// Parses an untrusted address. Returns the page instead of an address that leads to another site.
    ///
    /// Browsers read `//host`, `/\host` and `/<tab>/host` as another site, and `/.//host` becomes the first of these once
    /// it is normalised (WHATWG URL, section 4.4).
    pub fn of(untrusted: &str, base: &BasePath) -> Self {
        Self::checked(untrusted, base).unwrap_or_else(|| Self(base.page()))
    }

    fn checked(untrusted: &str, below: &BasePath) -> Option<Self> {
        let has_unsafe = untrusted.contains(|c: char| c == '\\' || c.is_control());
        if untrusted.len() > MAX_LEN || has_unsafe || !is_path(untrusted) {
            return None;
        }
        let base = Url::parse(BASE).ok()?;
        let url = base.join(untrusted).ok()?;
        let leads_here = url.origin() == base.origin() && is_path(url.path());
        let path = url.as_str().strip_prefix(BASE)?;
        // After a login, the form is of no use.
        let inside = below.strip(url.path()).is_some_and(|path| path != LOGIN_PATH);
        (leads_here && inside && path.len() <= MAX_LEN).then(|| Self(path.to_owned()))
    }

    /// As the target of a redirect.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form's address that leads back to this one. Holds no character that HTML would read otherwise.
    pub fn login(&self, base: &BasePath) -> String {
        let form = base.of(LOGIN_PATH);
        if self.0 == base.page() {
            return form;
        }
        let next: String = form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        format!("{form}?next={next}")
    }
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> ReturnAddress {
        ReturnAddress::of(text, &BasePath::default())
    }

    fn page() -> ReturnAddress {
        of("/")
    }

    #[test]
    fn returns_to_paths_below_the_base_path_only() {
        let base = "/visitors".parse().unwrap();
        for (asked, leads_to) in [
            ("/visitors/?q=a", "/visitors/?q=a"),
            ("/?q=a", "/visitors/"),
            ("/visitors/../admin", "/visitors/"),
            ("/visitors/login", "/visitors/"),
            ("//evil.example/visitors/", "/visitors/"),
        ] {
            assert_eq!(ReturnAddress::of(asked, &base).as_str(), leads_to, "{asked}");
        }
    }

    #[test]
    fn returns_to_paths_of_this_gateway() {
        for path in [
            "/",
            "/?q=lumen&sort=age",
            "/index.html#top",
            "/?q=%2F%2Fevil.example",
            "/?next=//evil.example",
        ] {
            assert_eq!(of(path).as_str(), path);
        }
    }

    #[test]
    fn never_leads_to_another_site() {
        for address in [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "/.//evil.example",
            "/x/..//evil.example",
            "/%2e//evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "evil.example",
            "?q=x",
            "@evil.example",
            "/login",
            "/login?next=/",
        ] {
            assert_eq!(of(address), page(), "{address:?}");
        }
        assert_eq!(of(&format!("/{}", "x".repeat(MAX_LEN))), page());
    }

    #[test]
    fn goes_through_the_form_unchanged() {
        let address = of("/?q=\"><script>&company=Lumen & Sons");
        let login = address.login(&BasePath::default());
        assert!(!login.contains(['"', '<', '>', '&', '\'']), "{login}");
        let url = Url::parse(BASE).unwrap().join(&login).unwrap();
        let (_, next) = url.query_pairs().find(|(name, _)| name == "next").unwrap();
        assert_eq!(of(&next), address);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_stays_on_this_site(text in "[/\\\\.%2eEfF5cC@:?#\\t\\n a-z]{0,24}|\\PC{0,40}") {
            let address = of(&text);
            let here = Url::parse("https://visitors.example:8443/login").unwrap();
            prop_assert_eq!(here.join(address.as_str()).unwrap().origin(), here.origin());
            prop_assert!(axum::http::HeaderValue::from_str(address.as_str()).is_ok());
        }
    }
}
