//! `visitor.explain`: says where the verdict on an address came from, and nothing that must not be shown.

use protocol::ip;
use serde_json::{Value, json};
use service::status::Documentation;

use crate::address_key::AddressHasher;
use crate::lookup::cache::entry::{CachedVerdict, Entry};
use crate::lookup::cache::local::LocalCache;
use crate::lookup::cache::shared::SharedCache;
use crate::verdict::Verdict;

/// The subject; the request's payload is the address.
pub const SUBJECT: &str = "visitor.explain";

/// What `nats micro info` says of the endpoint.
pub const DOCUMENTATION: Documentation = Documentation {
    description: "The verdict on an IP address: where it comes from, and when it expires",
    request: r#"{ "type": "string", "description": "The address as plain text, without quotation marks." }"#,
    response: include_str!("explain.schema.json"),
};

/// Explains verdicts. Clones share everything.
#[derive(Clone)]
pub struct Explain {
    local_cache: LocalCache,
    shared_cache: SharedCache,
    hasher: AddressHasher,
}

impl Explain {
    /// Uses this enricher's copy and the shared bucket.
    pub fn new(local_cache: LocalCache, shared_cache: SharedCache, hasher: AddressHasher) -> Self {
        Self {
            local_cache,
            shared_cache,
            hasher,
        }
    }

    /// Explains the verdict on the address in `payload`.
    ///
    /// # Errors
    /// Fails with a message for people if the payload is not an address, or if the bucket cannot be read.
    pub async fn answer(&self, payload: &[u8]) -> Result<Value, String> {
        let address = std::str::from_utf8(payload).unwrap_or_default().trim();
        if !ip::is_plausible(address) {
            return Err("the payload must be an IP address".to_owned());
        }
        let key = self.hasher.key(address);
        if let Some(found) = self.local_cache.get(key).await {
            return Ok(verdict(&found, "the enricher's own cache"));
        }
        match self
            .shared_cache
            .read(key)
            .await
            .map_err(|error| error.to_string())?
        {
            Some(Entry::Verdict(found)) => Ok(verdict(&found, "the fleet's bucket")),
            Some(Entry::Deferred { by, at, deferral }) => Ok(json!({
                "verdict": "deferred",
                "by": by,
                "answeredAt": at,
                "failures": deferral.failures,
                "retryAt": deferral.retry_at,
                "key": key.text(),
            })),
            Some(Entry::Lease { by, since, .. }) => {
                Ok(json!({ "verdict": "being looked up", "by": by, "since": since, "key": key.text() }))
            }
            None => Ok(json!({ "verdict": "none", "key": key.text() })),
        }
    }
}

/// Contains neither the address nor, for a hidden company, anything about the company.
fn verdict(found: &CachedVerdict, source: &str) -> Value {
    let (word, profile) = match &found.verdict {
        Verdict::Shown(profile) => ("shown", Some(profile)),
        Verdict::Unknown => ("unknown", None),
        Verdict::Hidden => ("hidden", None),
    };
    json!({
        "verdict": word,
        "source": source,
        "lookedUpAt": found.looked_up_at,
        "expiresAt": found.expires_at,
        "attempts": found.attempts,
        "by": found.by,
        "company": profile.and_then(|profile| profile.company.as_deref()),
        "contact": profile.and_then(|profile| profile.contact.as_deref()),
    })
}
