//! Hashing that stays the same from one release of the compiler to the next, unlike the standard library's.

/// Mixes two numbers into one, well enough that neighbours have nothing in common (the finaliser of `SplitMix64`).
pub(crate) fn mix(seed: u64, value: u64) -> u64 {
    let mut bits = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ value.wrapping_add(0x632B_E59B_D9B4_E019);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Mixes a text into a number.
pub(crate) fn mix_text(seed: u64, text: &str) -> u64 {
    text.bytes().fold(mix(seed, text.len() as u64), |hash, byte| {
        mix(hash, u64::from(byte))
    })
}
