//! Builds the request to a provider from its templates. Pure.

use std::fmt;

use protocol::ip;
use reqwest::Method;
use reqwest::header::HeaderValue;
use url::form_urlencoded;

use super::description::Provider;

/// The placeholder for the address.
pub(super) const IP: &str = "{ip}";

/// The placeholder for the key.
pub(super) const KEY: &str = "{key}";

/// The key cannot be sent in a header or URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key contains characters that cannot be sent")]
pub struct UnusableKey;

/// A request, ready to be sent. It contains the key, so its `Debug` form is empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    pub method: Method,
    pub url: String,
    /// The headers. Those with the key are marked as sensitive.
    pub headers: Vec<(String, HeaderValue)>,
    pub body: Option<String>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

impl Provider {
    /// Whether requests contain a key.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        let texts = self.headers.iter().map(|(_, value)| value);
        texts
            .chain([&self.url])
            .chain(&self.body)
            .any(|text| text.contains(KEY))
    }

    /// The request for an address.
    ///
    /// # Errors
    /// Fails if the key contains characters that cannot be sent.
    pub fn question(&self, ip: &str, key: &str) -> Result<Question, UnusableKey> {
        let ip = as_asked(ip);
        if !key.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            return Err(UnusableKey);
        }
        let fill = |template: &str, encode: fn(&str) -> String| {
            template.replace(IP, &encode(&ip)).replace(KEY, &encode(key))
        };
        let headers = self
            .headers
            .iter()
            .map(|(name, template)| {
                let text = fill(template, str::to_owned);
                let mut value = HeaderValue::from_str(&text).map_err(|_| UnusableKey)?;
                value.set_sensitive(template.contains(KEY));
                Ok((name.clone(), value))
            })
            .collect::<Result<_, UnusableKey>>()?;
        Ok(Question {
            method: self.method.clone(),
            url: fill(&self.url, percent_encoded),
            headers,
            body: self.body.as_deref().map(|body| fill(body, json_escaped)),
        })
    }
}

/// The address as the emitter spelled it, except that IPv4 in IPv6 becomes IPv4, because providers know it in that
/// form.
fn as_asked(text: &str) -> String {
    match ip::address(text) {
        Some(address) if address.is_ipv4() => address.to_string(),
        _ => text.to_owned(),
    }
}

fn percent_encoded(text: &str) -> String {
    // `+` means a space in a query only, `%20` everywhere.
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
