//! The form for programs: `type`, `timestamp` and `data`, as Standard Webhooks recommends.

use protocol::Timestamp;
use serde_json::{Value, json};

use super::announced::AnnouncedArrival;
use crate::arrivals::arrival::Arrival;

pub fn render(
    arrivals: &[AnnouncedArrival],
    now: Timestamp,
    link: impl Fn(&Arrival) -> Option<String>,
) -> Value {
    let arrivals: Vec<_> = arrivals.iter().map(|announced| one(announced, &link)).collect();
    json!({
        "type": "company.arrived",
        "timestamp": time(now),
        "data": { "arrivals": arrivals },
    })
}

fn one(
    AnnouncedArrival { id, arrival }: &AnnouncedArrival,
    link: &impl Fn(&Arrival) -> Option<String>,
) -> Value {
    let mut value = json!({
        "id": id,
        "session": arrival.guid,
        "openedAt": arrival.opened_at,
        "company": arrival.company,
        "contact": arrival.contact,
    });
    let optional = [
        ("country", json!(arrival.country)),
        ("network", json!(arrival.network)),
        ("page", json!(arrival.page)),
        ("referrer", json!(arrival.referrer)),
        ("link", json!(link(arrival))),
    ];
    if let Some(fields) = value.as_object_mut() {
        let known = optional.into_iter().filter(|(_, value)| !value.is_null());
        fields.extend(known.map(|(name, value)| (name.to_owned(), value)));
    }
    value
}

/// A time as in RFC 3339.
fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.unix_ms())
        .map(|at| at.to_string())
        .unwrap_or_default()
}
