//! A visitor: a session's GUID and address, in all the spellings that its events use.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{
    emitter_fault::{Fault, Faults},
    world::{Kind, World, address::spellings, profile::guid},
};

/// How many addresses of one kind visit. Some therefore come again.
const ADDRESSES_PER_KIND: u32 = 5_000;

/// A visitor, with at least one spelling of each.
pub(super) struct Visitor {
    pub(super) guids: Vec<Arc<str>>,
    pub(super) ips: Vec<Arc<str>>,
}

pub(super) fn draw(world: World, faults: &Faults, rng: &mut ChaCha8Rng) -> Visitor {
    let guid = guid(rng);
    let guids = if faults.hit(Fault::UpperCaseGuid, rng) {
        vec![guid.to_uppercase().into(), guid.into()]
    } else {
        vec![guid.into()]
    };
    Visitor {
        guids,
        ips: ips(world, faults, rng),
    }
}

fn ips(world: World, faults: &Faults, rng: &mut ChaCha8Rng) -> Vec<Arc<str>> {
    let kind = kind(faults, rng);
    let nth = rng.random_range(0..ADDRESSES_PER_KIND);
    if faults.hit(Fault::Ipv6Spellings, rng) {
        return spellings(&world.ipv6(kind, nth))
            .into_iter()
            .map(Arc::from)
            .collect();
    }
    if faults.hit(Fault::InvalidIp, rng) {
        return vec![world.invalid_ip(nth).into()];
    }
    if faults.hit(Fault::HotIps, rng) {
        return vec![world.hot_ip(&kinds(faults), nth).into()];
    }
    vec![world.ip(kind, nth).into()]
}

fn kind(faults: &Faults, rng: &mut ChaCha8Rng) -> Kind {
    let pick = |rng: &mut ChaCha8Rng, one, other| if rng.random_bool(0.5) { one } else { other };
    if faults.hit(Fault::DataCentres, rng) {
        return pick(rng, Kind::NexaCore, Kind::VertexCloud);
    }
    if faults.hit(Fault::UnknownIps, rng) {
        return Kind::Unknown;
    }
    if faults.hit(Fault::PersonalEmails, rng) {
        return pick(rng, Kind::PersonalEmails, Kind::MixedEmails);
    }
    match rng.random_range(0..100) {
        0..50 => Kind::CompanyOnly,
        50..88 => Kind::Full,
        88..94 => Kind::NoEmails,
        94..97 => Kind::ContactOnly,
        _ => Kind::Empty,
    }
}

/// The kinds that visitors may be of.
fn kinds(faults: &Faults) -> Vec<Kind> {
    let mut kinds = vec![Kind::Full, Kind::CompanyOnly];
    if faults.contains(Fault::DataCentres) {
        kinds.extend([Kind::NexaCore, Kind::VertexCloud]);
    }
    if faults.contains(Fault::UnknownIps) {
        kinds.push(Kind::Unknown);
    }
    if faults.contains(Fault::PersonalEmails) {
        kinds.push(Kind::MixedEmails);
    }
    kinds
}
