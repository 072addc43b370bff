//! Reads a page's scripts and its content security policy from its HTML.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use url::Url;

/// A script of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptTag {
    /// Its URL.
    pub src: Url,
    /// Its nonce.
    pub nonce: Option<String>,
}

/// The relevant parts of a page.
#[derive(Debug, Default)]
pub struct Page {
    /// The scripts with a source.
    pub scripts: Vec<ScriptTag>,
    /// The policies in `meta` elements.
    pub policies: Vec<String>,
}

impl Page {
    /// Reads the HTML of the page at `base`.
    pub fn read(html: &[u8], base: &Url) -> Self {
        let mut page = Self::default();
        let mut emitter = DefaultEmitter::default();
        // The content of a script must not be parsed as tags.
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok(Token::StartTag(tag)) = token else { continue };
            match tag.name.as_slice() {
                b"script" => page.scripts.extend(script(&tag, base)),
                b"meta" if attribute(&tag, "http-equiv").is_some_and(|name| is_policy(&name)) => {
                    page.policies.extend(attribute(&tag, "content"));
                }
                _ => {}
            }
        }
        page
    }
}

fn is_policy(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-security-policy")
}

fn script(tag: &StartTag<()>, base: &Url) -> Option<ScriptTag> {
    Some(ScriptTag {
        src: base.join(attribute(tag, "src")?.trim()).ok()?,
        nonce: attribute(tag, "nonce"),
    })
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(&value.value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_scripts_and_policies() {
        let html = br#"<!doctype html><META HTTP-EQUIV='content-security-policy' content="script-src 'self'">
            <!-- <script src="/commented.js"></script> -->
            <script>"<script src='/text.js'>"</script>
            <script async SRC=//stats.shop.example/v.js nonce=abc></script>"#;
        let page = Page::read(html, &Url::parse("https://shop.example/a/").unwrap());
        let sources: Vec<_> = page.scripts.iter().map(|script| script.src.as_str()).collect();
        assert!(
            sources.contains(&"https://stats.shop.example/v.js"),
            "{sources:?}"
        );
        assert!(!sources.contains(&"https://shop.example/commented.js"));
        assert_eq!(page.scripts.last().unwrap().nonce.as_deref(), Some("abc"));
        assert_eq!(page.policies, ["script-src 'self'"]);
    }
}
