//! Addresses and their slots.
//!
//! A slot is a number below [`SLOTS`]. A seeded permutation turns it into an IPv4 or an IPv6 address and back, so that
//! neither direction needs a table. Any other text (another range, no valid address) has the slot of its hash.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::mix::{mix, mix_text};

/// How many slots there are.
pub const SLOTS: u32 = 1 << 30;

/// The first addresses of the blocks that slots are laid out in: `11.0.0.0` to `74.255.255.255`, all of it unicast,
/// and an IPv6 prefix that is reserved for documentation.
const IPV4_BASE: u32 = 11 << 24;
const IPV6_PREFIX: [u16; 6] = [0x2001, 0xdb8, 0, 0, 0, 0xfa];

const HALF_BITS: u32 = 15;
const HALF_MASK: u32 = (1 << HALF_BITS) - 1;
const ROUNDS: [u64; 4] = [1, 2, 3, 4];

/// All spellings of an IPv6 address that we know of, the canonical one first: in upper case, without the double colon,
/// with the zeros written out. Any other text has only its own.
#[must_use]
pub fn spellings(ip: &str) -> Vec<String> {
    let Ok(address) = ip.parse::<Ipv6Addr>() else {
        return vec![ip.to_owned()];
    };
    let written = |segment: fn(u16) -> String| address.segments().map(segment).join(":");
    let canonical = address.to_string();
    vec![
        canonical.to_uppercase(),
        written(|segment| format!("{segment:x}")),
        written(|segment| format!("{segment:04x}")),
        written(|segment| format!("{segment:04X}")),
        canonical,
    ]
    .into_iter()
    .rev()
    .collect()
}

/// One name for all spellings of an address: the canonical spelling of a valid one, any other text in lower case.
#[must_use]
pub fn canonical(ip: &str) -> String {
    ip.parse::<IpAddr>().map_or_else(
        |_| ip.to_lowercase(),
        |address| address.to_canonical().to_string(),
    )
}

pub(super) fn ipv4(seed: u64, slot: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(IPV4_BASE + permute(seed, slot))
}

pub(super) fn ipv6(seed: u64, slot: u32) -> Ipv6Addr {
    let [a, b, c, d] = permute(seed, slot).to_be_bytes();
    let [p0, p1, p2, p3, p4, p5] = IPV6_PREFIX;
    Ipv6Addr::new(
        p0,
        p1,
        p2,
        p3,
        p4,
        p5,
        u16::from_be_bytes([a, b]),
        u16::from_be_bytes([c, d]),
    )
}

pub(super) fn slot(seed: u64, ip: &str) -> u32 {
    let place = match ip.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address
            .to_bits()
            .checked_sub(IPV4_BASE)
            .filter(|place| *place < SLOTS),
        Ok(IpAddr::V6(address)) => place_in_prefix(address),
        Err(_) => None,
    };
    match place {
        Some(place) => unpermute(seed, place),
        None => low_bits(mix_text(seed, &canonical(ip))) % SLOTS,
    }
}

fn place_in_prefix(address: Ipv6Addr) -> Option<u32> {
    let [prefix @ .., high, low] = address.segments();
    let place = u32::from(high) << 16 | u32::from(low);
    (prefix == IPV6_PREFIX && place < SLOTS).then_some(place)
}

/// A Feistel network: a permutation for any round function, with an inverse that costs the same.
fn permute(seed: u64, slot: u32) -> u32 {
    let halves = (slot >> HALF_BITS, slot & HALF_MASK);
    let (left, right) = ROUNDS.iter().fold(halves, |(left, right), round| {
        (right, left ^ scramble(seed, *round, right))
    });
    left << HALF_BITS | right
}

fn unpermute(seed: u64, place: u32) -> u32 {
    let halves = (place >> HALF_BITS, place & HALF_MASK);
    let (left, right) = ROUNDS.iter().rev().fold(halves, |(left, right), round| {
        (right ^ scramble(seed, *round, left), left)
    });
    left << HALF_BITS | right
}

fn scramble(seed: u64, round: u64, half: u32) -> u32 {
    low_bits(mix(mix(seed, round), u64::from(half))) & HALF_MASK
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low bits are all that is wanted of a hash"
)]
fn low_bits(hash: u64) -> u32 {
    hash as u32
}
