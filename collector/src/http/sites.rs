//! The websites whose pages may send beacons.

use url::{Origin, Url};

/// The origins that may send.
#[derive(Clone, Debug)]
pub struct Sites {
    /// Those of `--sites`, as browsers write them.
    pub origins: Vec<String>,
    /// The collector's own pages may send as well: it serves the demonstration shop.
    pub own: bool,
}

impl Sites {
    /// Whether a page of that origin may send to a collector that is reached as `host`.
    pub fn allow(&self, origin: &str, host: Option<&str>) -> bool {
        let own = || {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            self.own && authority.is_some() && authority == host
        };
        self.origins.iter().any(|allowed| allowed == origin) || own()
    }
}

/// Reads the origin of a website, such as `https://shop.example`, and returns it as browsers write it.
pub fn parse(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let origin = url.origin();
    let extra = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    match origin {
        Origin::Tuple(..) if !extra && matches!(url.scheme(), "http" | "https") => {
            Ok(origin.ascii_serialization())
        }
        _ => Err("must be an origin such as https://shop.example".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_may_send() {
        let mut sites = Sites {
            origins: vec![parse("HTTPS://Shop.Example:443/").unwrap()],
            own: false,
        };
        assert!(sites.allow("https://shop.example", None));
        for origin in [
            "http://shop.example",
            "https://shop.example.evil.example",
            "https://evil.example",
            "null",
            "",
        ] {
            assert!(!sites.allow(origin, Some("evil.example:80")), "{origin}");
        }
        assert!(!sites.allow("http://127.0.0.1:8090", Some("127.0.0.1:8090")));
        sites.own = true;
        assert!(sites.allow("http://127.0.0.1:8090", Some("127.0.0.1:8090")));
        assert!(!sites.allow("http://127.0.0.1:8091", Some("127.0.0.1:8090")));
    }

    #[test]
    fn a_site_is_an_origin() {
        for text in [
            "shop.example",
            "https://shop.example/a",
            "*",
            "ftp://a",
            "file:///a",
            "null",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
