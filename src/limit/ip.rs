//! Addresses and ranges of them: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.

use std::net::IpAddr;

const BITS: u32 = 128;
/// An IPv4 address is also an IPv6 one, behind so many bits (RFC 4291, 2.5.5.2).
const MAPPED: u32 = 96;

/// Whether it is an address or a range in CIDR form.
pub fn is_range(text: &str) -> bool {
    range(text).is_some()
}

/// Whether the address lies in one of the ranges; one that cannot be read lies in none.
pub fn is_in(address: &str, ranges: &[String]) -> bool {
    let Some(address) = number(address) else { return false };
    let holds = |text: &String| {
        let Some((base, bits)) = range(text) else { return false };
        let differ = base ^ address;
        is_v4(base) == is_v4(address) && differ.checked_shr(BITS - bits).unwrap_or(0) == 0
    };
    ranges.iter().any(holds)
}

/// Where it begins, and how many bits are the same in all of it.
fn range(text: &str) -> Option<(u128, u32)> {
    let (base, bits) = match text.split_once('/') {
        Some((base, bits)) => (base, Some(bits.parse::<u8>().ok()?.into())),
        None => (text, None),
    };
    // As it is written: `::ffff:10.0.0.0/104` counts the bits in front.
    let before = if base.contains(':') { 0 } else { MAPPED };
    let bits = bits.map_or(BITS, |bits: u32| bits + before);
    (bits <= BITS).then_some((number(base)?, bits))
}

fn number(text: &str) -> Option<u128> {
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    })
}

const fn is_v4(address: u128) -> bool {
    address >> 32 == 0xFFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_its_range() {
        for (address, range) in [
            ("192.0.2.7", "192.0.2.7"),
            ("10.255.0.1", "10.0.0.0/8"),
            ("10.255.0.1", "10.1.2.3/8"),
            ("203.0.113.9", "0.0.0.0/0"),
            ("2001:DB8::1", "2001:db8::/32"),
            ("2001:db8::1", "2001:0db8:0:0:0:0:0:1"),
            ("2001:db8::1", "::/0"),
            ("::ffff:192.0.2.7", "192.0.2.0/24"),
            ("192.0.2.7", "::ffff:192.0.2.0/120"),
        ] {
            assert!(is_range(range) && is_in(address, &[range.into()]), "{address} {range}");
        }
    }

    #[test]
    fn another_one_does_not() {
        for (address, range) in [
            ("192.0.2.8", "192.0.2.7"),
            ("11.0.0.1", "10.0.0.0/8"),
            ("2001:db9::1", "2001:db8::/32"),
            ("2001:db8::1", "0.0.0.0/0"),
            ("192.0.2.7", "::/0"),
            ("", "0.0.0.0/0"),
            ("192.0.2.7, 10.0.0.1", "0.0.0.0/0"),
        ] {
            assert!(!is_in(address, &[range.into()]), "{address} {range}");
        }
        assert!(is_in("10.0.0.1", &["nonsense".into(), "10.0.0.1".into()]));
    }

    #[test]
    fn what_is_no_range_is_known() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "::/129", "host", "1.2.3.4:80", "[::1]"]
        {
            assert!(!is_range(text), "{text}");
        }
    }
}
