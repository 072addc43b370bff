//! The ways in which a call fails, by name, and the garbage that some of them answer with.

use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use strum::{Display, EnumString, VariantArray};

use crate::world::{Kind, World};

/// How a call fails. Its name is the variant's in kebab-case: `too-many-requests`.
#[derive(Clone, Copy, Debug, Display, EnumString, PartialEq, Eq, Hash, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Failure {
    /// 500.
    ServerError,
    /// 503.
    ServiceUnavailable,
    /// 400.
    BadRequest,
    /// 401.
    Unauthorized,
    /// 402.
    PaymentRequired,
    /// 403.
    Forbidden,
    /// 422.
    UnprocessableEntity,
    /// 429 without Retry-After.
    TooManyRequests,
    /// 429 with `Retry-After`.
    TooManyRequestsRetryAfter,
    /// Never an answer.
    Hang,
    /// The connection is reset.
    Reset,
    /// 200 with a page.
    #[strum(serialize = "html-200")]
    Html200,
    /// 200 with JSON that ends too early.
    TruncatedJson,
    /// 200 with JSON that lacks a field.
    MissingFields,
    /// 200 with JSON in which a field is null.
    NullFields,
    /// 200 with JSON in which a field is of another type.
    WrongTypes,
    /// 200 with the right answer for another address.
    WrongIp,
    /// 200 with ten megabytes.
    HugeBody,
    /// 200 with the right answer, a byte every 100 ms.
    SlowBody,
}

impl Failure {
    /// The failures that look like an answer.
    pub const GARBAGE: [Self; 8] = [
        Self::Html200,
        Self::TruncatedJson,
        Self::MissingFields,
        Self::NullFields,
        Self::WrongTypes,
        Self::WrongIp,
        Self::HugeBody,
        Self::SlowBody,
    ];

    /// Whether it looks like an answer.
    #[must_use]
    pub fn is_garbage(self) -> bool {
        Self::GARBAGE.contains(&self)
    }

    /// The body of a garbage answer; nothing for a failure that is not garbage.
    pub(super) fn garbage(self, world: World, ip: &str, rng: &mut ChaCha8Rng) -> String {
        let right = || {
            world
                .answer(ip)
                .body(ip)
                .unwrap_or_else(|| json!({ "ip": ip, "data": {} }))
        };
        match self {
            Self::Html200 => "<!doctype html><title>Welcome</title><h1>It works!</h1>".to_owned(),
            Self::TruncatedJson => truncated(right().to_string(), rng),
            Self::MissingFields => one_of(
                rng,
                &[
                    json!({ "ip": ip }),
                    with_company(right(), json!({ "name": "Half a Company" })),
                ],
            ),
            Self::NullFields => one_of(
                rng,
                &[
                    json!({ "ip": ip, "data": null }),
                    with_company(right(), json!({ "guid": null, "name": null, "domain": null })),
                ],
            ),
            Self::WrongTypes => one_of(
                rng,
                &[
                    json!({ "ip": ip, "data": "none" }),
                    json!([ip]),
                    with_company(right(), json!(7)),
                    with_company(right(), json!({ "guid": 7, "name": ["a"], "domain": {} })),
                ],
            ),
            Self::WrongIp => {
                let other = world.ip(Kind::Full, rng.random_range(0..1_000_000));
                world.answer(&other).body(&other).unwrap_or_default().to_string()
            }
            Self::HugeBody => {
                let name = "x".repeat(10 << 20);
                with_company(
                    right(),
                    json!({ "guid": "", "name": name, "domain": "huge.example" }),
                )
                .to_string()
            }
            Self::SlowBody => right().to_string(),
            Self::ServerError
            | Self::ServiceUnavailable
            | Self::BadRequest
            | Self::Unauthorized
            | Self::PaymentRequired
            | Self::Forbidden
            | Self::UnprocessableEntity
            | Self::TooManyRequests
            | Self::TooManyRequestsRetryAfter
            | Self::Hang
            | Self::Reset => String::new(),
        }
    }
}

/// Truncated at a character boundary, but never to an empty text.
fn truncated(mut body: String, rng: &mut ChaCha8Rng) -> String {
    let places: Vec<_> = body.char_indices().map(|(place, _)| place).skip(1).collect();
    body.truncate(places.choose(rng).copied().unwrap_or(1));
    body
}

fn with_company(mut body: Value, company: Value) -> Value {
    body["data"]["company"] = company;
    body
}

fn one_of(rng: &mut ChaCha8Rng, bodies: &[Value]) -> String {
    bodies.choose(rng).cloned().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn names_round_trip() {
        for failure in Failure::VARIANTS {
            assert_eq!(failure.to_string().parse(), Ok(*failure));
        }
        assert_eq!(Failure::Html200.to_string(), "html-200");
        assert_eq!(
            Failure::TooManyRequestsRetryAfter.to_string(),
            "too-many-requests-retry-after"
        );
    }

    proptest! {
        #[test]
        fn garbage_is_never_the_right_answer(seed: u64, ip in "[0-9a-f.:]{1,45}") {
            let world = World::new(seed);
            let right = world.answer(&ip).body(&ip);
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            // One is correct but slow; the other is slow to generate, and is tested over HTTP.
            let is_quick = |failure: &Failure| !matches!(failure, Failure::SlowBody | Failure::HugeBody);
            for failure in Failure::GARBAGE.into_iter().filter(is_quick) {
                let body = failure.garbage(world, &ip, rng);
                prop_assert!(!body.is_empty());
                prop_assert_ne!(serde_json::from_str::<Value>(&body).ok(), Some(right.clone().unwrap_or_default()));
            }
        }
    }
}
