//! A beacon of the tracker: its JSON, and the fields that are kept.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::drop_reason::DropReason;

/// The longest title that is kept, in characters.
const MAX_TITLE: usize = 200;

/// The longest URL that is kept, in bytes.
const MAX_URL: usize = 1024;

/// Whether a tab is visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Presence {
    /// The page is visible.
    #[serde(rename = "v")]
    Visible,
    /// The page is open behind another.
    #[serde(rename = "h")]
    Hidden,
    /// The page was left.
    #[serde(rename = "l")]
    Left,
}

/// A page of the website.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Its address, without credentials and fragment.
    pub url: String,
    /// Its title.
    pub title: String,
}

/// One beacon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The session: 48 bits that say when the tracker made it, and 80 random ones.
    pub session: u128,
    /// The document that sends: a random number.
    pub tab: u32,
    /// Numbers the beacons of a document in the order in which they are sent.
    pub number: u32,
    /// Whether the tab is visible.
    pub presence: Presence,
    /// The document has been visible for at least one heartbeat.
    pub settled: bool,
    /// The page that is shown. Only beacons of visible pages have it.
    pub page: Option<Page>,
    /// The other website that the visitor came from.
    pub referrer: Option<String>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    s: Cow<'a, str>,
    p: u32,
    n: u32,
    k: Presence,
    #[serde(default)]
    o: u8,
    #[serde(borrow, default)]
    u: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    t: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    r: Option<Cow<'a, str>>,
}

impl Beacon {
    /// Reads a beacon that a page of `origin` has sent.
    ///
    /// # Errors
    /// [`DropReason::Malformed`].
    pub fn parse(body: &[u8], origin: &str) -> Result<Self, DropReason> {
        let wire: Wire<'_> = serde_json::from_slice(body).map_err(|_| DropReason::Malformed)?;
        let page = match wire.u {
            Some(url) => Some(Page {
                url: page_url(&url, origin).ok_or(DropReason::Malformed)?,
                title: title(&wire.t.unwrap_or_default()),
            }),
            None if wire.k == Presence::Visible => return Err(DropReason::Malformed),
            None => None,
        };
        Ok(Self {
            session: session(&wire.s).ok_or(DropReason::Malformed)?,
            tab: wire.p,
            number: wire.n,
            presence: wire.k,
            settled: wire.o != 0,
            page,
            referrer: wire.r.and_then(|url| referrer(&url)),
        })
    }
}

/// The session's 32 hexadecimal digits as a number.
fn session(text: &str) -> Option<u128> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

fn web_url(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    if text.len() > MAX_URL || !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_fragment(None);
    // Both succeed for every URL that has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(url)
}

/// The address of a page of `origin`.
fn page_url(text: &str, origin: &str) -> Option<String> {
    let url = web_url(text)?;
    (url.origin().ascii_serialization() == origin).then(|| url.into())
}

/// The referring site, without the search terms.
fn referrer(text: &str) -> Option<String> {
    let mut url = web_url(text)?;
    url.set_query(None);
    Some(url.into())
}

fn title(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(MAX_TITLE).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORIGIN: &str = "https://shop.example";

    fn parse(json: &str) -> Result<Beacon, DropReason> {
        Beacon::parse(json.as_bytes(), ORIGIN)
    }

    #[test]
    fn reads_a_beacon() {
        let beacon = parse(
            r#"{"s":"000102030405060708090a0b0c0d0e0f","p":7,"n":1,"k":"v","o":1,"u":"https://me:pw@shop.example/a#b","t":" A\u0007 shop ","r":"https://search.example/?q=secret#x"}"#,
        );
        let expected = Beacon {
            session: 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f,
            tab: 7,
            number: 1,
            presence: Presence::Visible,
            settled: true,
            page: Some(Page {
                url: "https://shop.example/a".to_owned(),
                title: "A shop".to_owned(),
            }),
            referrer: Some("https://search.example/".to_owned()),
        };
        assert_eq!(beacon, Ok(expected));
    }

    #[test]
    fn refuses_what_is_not_a_beacon() {
        let session = "0".repeat(32);
        for json in [
            "",
            "[]",
            "7",
            r#"{"s":1,"p":1,"n":1,"k":"l"}"#,
            r#"{"s":"00","p":1,"n":1,"k":"l"}"#,
            &format!(r#"{{"s":"{session}","p":-1,"n":1,"k":"l"}}"#),
            &format!(r#"{{"s":"{session}","p":1,"n":1,"k":"x"}}"#),
            &format!(r#"{{"s":"{session}","p":1,"n":1,"k":"v"}}"#),
            &format!(r#"{{"s":"{session}","p":1,"n":1,"k":"v","u":"https://other.example/"}}"#),
            &format!(r#"{{"s":"{session}","p":1,"n":1,"k":"v","u":"javascript:alert(1)"}}"#),
            &format!(r#"{{"s":"+{}","p":1,"n":1,"k":"l"}}"#, "0".repeat(31)),
        ] {
            assert_eq!(parse(json), Err(DropReason::Malformed), "{json}");
        }
        let leave = format!(r#"{{"s":"{session}","p":1,"n":1,"k":"l"}}"#);
        assert!(parse(&leave).is_ok());
    }

    #[test]
    fn unusable_referrer_is_left_out() {
        for text in ["android-app://com.example", "x", "", "javascript:1"] {
            assert_eq!(referrer(text), None);
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body: Vec<u8>) {
            let _ = Beacon::parse(&body, ORIGIN);
        }

        #[test]
        fn any_title_and_referrer_is_bounded(text: String) {
            prop_assert!(title(&text).chars().count() <= MAX_TITLE);
            prop_assert!(!title(&text).contains(char::is_control));
            let _ = referrer(&text);
        }
    }
}
