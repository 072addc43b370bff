//! The path under which a proxy serves the gateway. Pure.

use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// A value of `--base-path`, without its final slash; empty for `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// Where a request leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Destination {
    /// To this path of the gateway.
    Inside(Uri),
    /// To the page, without the final slash: relative addresses in it would lead elsewhere.
    Redirect(String),
}

impl FromStr for BasePath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let is_segment = |segment: &str| {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            !segment.is_empty() && segment.chars().all(is_allowed) && segment != "." && segment != ".."
        };
        let is_path = path
            .strip_prefix('/')
            .is_some_and(|path| path.split('/').all(is_segment));
        if path.is_empty() && text == "/" || is_path {
            Ok(Self(path.to_owned()))
        } else {
            Err("must be a path such as /visitors, made of letters, digits and -._~")
        }
    }
}

impl BasePath {
    /// The path of the page.
    pub fn page(&self) -> String {
        self.of("/")
    }

    /// A path of the gateway, which begins with a slash, as browsers see it.
    pub fn of(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The path of the gateway in an address that a browser has.
    pub fn strip<'a>(&self, address: &'a str) -> Option<&'a str> {
        let path = address.strip_prefix(&self.0)?;
        path.starts_with('/').then_some(path)
    }

    /// Where a request for `uri` leads. A proxy may have removed the base path.
    pub fn destination(&self, uri: &Uri) -> Destination {
        if !self.0.is_empty() && uri.path() == self.0 {
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Destination::Redirect(format!("{}{query}", self.page()));
        }
        let stripped = uri.path_and_query().and_then(|path| self.strip(path.as_str()));
        let stripped = stripped.and_then(|path| path.parse::<PathAndQuery>().ok());
        Destination::Inside(stripped.map_or_else(|| uri.clone(), Uri::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BasePath {
        text.parse().unwrap()
    }

    #[test]
    fn is_a_path_with_or_without_a_final_slash() {
        assert_eq!(base("/"), BasePath::default());
        assert_eq!(base("/visitors/"), base("/visitors"));
        assert_eq!(base("/a/b").page(), "/a/b/");
        assert_eq!(base("/").page(), "/");
        for wrong in [
            "",
            "visitors",
            "//",
            "//evil.example",
            "/a//b",
            "/a/../b",
            "/.",
            "/a b",
            "/a?b",
            "/a#b",
            "/\"",
            "/a;b",
            "/\u{fc}",
        ] {
            assert!(wrong.parse::<BasePath>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn requests_lead_inside_whether_the_proxy_removes_the_path_or_not() {
        let visitors = base("/visitors");
        for (asked, inside) in [
            ("/visitors/", "/"),
            ("/visitors/ws?compress=gzip", "/ws?compress=gzip"),
            ("/ws", "/ws"),
            ("/visitorsandmore", "/visitorsandmore"),
            ("/visitors//evil.example", "//evil.example"),
        ] {
            let destination = visitors.destination(&asked.parse().unwrap());
            assert_eq!(
                destination,
                Destination::Inside(inside.parse().unwrap()),
                "{asked}"
            );
        }
        let destination = visitors.destination(&"/visitors?q=a".parse().unwrap());
        assert_eq!(destination, Destination::Redirect("/visitors/?q=a".into()));
        let root = base("/").destination(&"/?q=a".parse().unwrap());
        assert_eq!(root, Destination::Inside("/?q=a".parse().unwrap()));
    }
}
