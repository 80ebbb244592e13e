//! Hashes that need not resist anyone: they tell texts apart and scatter them.

/// A well-mixed hash of a key's or a client's id.
pub fn hash(text: &str) -> u64 {
    mix(fnv(text.as_bytes()))
}

/// FNV-1a (Fowler, Noll, Vo).
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// SplitMix64's finalizer (Steele, Lea, Flood 2014).
pub const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
