//! Addresses and ranges of them: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.

use crate::find;

const BITS: u32 = 128;
/// An IPv4 address is also an IPv6 one, behind so many bits (RFC 4291, 2.5.5.2).
const MAPPED: u32 = 96;
/// Of 16 bits, in an IPv6 address.
const GROUPS: u32 = 8;

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

/// Whose an address is: an IPv6 one belongs to a house with as many as it likes, of which only the first half is one
/// and the same. What is no address is itself.
pub fn house(address: &str) -> String {
    match number(address) {
        Some(number) if !is_v4(number) => format!("{:016x}::/64", number >> 64),
        _ => address.into(),
    }
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

/// The standard library's way takes four times as much of the upload.
fn number(text: &str) -> Option<u128> {
    if !text.contains(':') {
        return Some(0xFFFF << 32 | u128::from(v4(text)?));
    }
    let Some((head_text, tail)) = find::around(text, "::") else {
        return groups(text).filter(|(_, count)| *count == GROUPS).map(|(address, _)| address);
    };
    let ((head, before), (tail, behind)) = (groups(head_text)?, groups(tail)?);
    // In the place of `::` at least one group is left out; an IPv4 address is the end of all.
    (before + behind < GROUPS && !head_text.contains('.'))
        .then(|| head.checked_shl((GROUPS - before) * 16).unwrap_or(0) | tail)
}

/// What groups with colons between them say, and how many they are. The last may be an IPv4 address, which is two.
fn groups(text: &str) -> Option<(u128, u32)> {
    let (mut address, mut count) = (0, 0);
    if text.is_empty() {
        return Some((address, count));
    }
    let mut parts = text.split(':').peekable();
    while let Some(part) = parts.next() {
        let (group, groups) = match v4(part).filter(|_| parts.peek().is_none()) {
            Some(two) => (two, 2),
            None if part.len() > 4 || !part.bytes().all(|byte| byte.is_ascii_hexdigit()) => return None,
            None => (u32::from_str_radix(part, 16).ok()?, 1),
        };
        (address, count) = (address << (16 * groups) | u128::from(group), count + groups);
    }
    (count <= GROUPS).then_some((address, count))
}

fn v4(text: &str) -> Option<u32> {
    let (mut address, mut count) = (0, 0);
    for part in text.split('.') {
        // No sign, and no octal number (RFC 6943, 3.1.1).
        let is_plain = part.bytes().all(|byte| byte.is_ascii_digit()) && (part.len() == 1 || !part.starts_with('0'));
        (address, count) = (address << 8 | u32::from(part.parse::<u8>().ok().filter(|_| is_plain)?), count + 1);
    }
    (count == 4).then_some(address)
}

const fn is_v4(address: u128) -> bool {
    address >> 32 == 0xFFFF
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

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
    fn an_address_is_what_the_standard_library_says() {
        let standard = |text: &str| match text.parse::<IpAddr>().ok()? {
            IpAddr::V4(address) => Some(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) => Some(address.to_bits()),
        };
        let parts =
            ["", "0", "1", "::", ":", "ffff", "12345", "10.0.0.1", "1.2.3.", "256.1.1.1", "01.2.3.4", "g", "+1"];
        let mut texts = vec!["1:2:3:4:5:6:7:8".into(), "1:2:3:4:5:6:7::".into(), "::2:3:4:5:6:7:8".into()];
        texts.extend(["1:2:3:4:5:6:7:8:9", "1::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "1.2.3.4.5"].map(String::from));
        for a in parts {
            for b in parts {
                for c in parts {
                    texts.extend([format!("{a}{b}{c}"), format!("{a}:{b}:{c}"), format!("{a}::{b}:{c}")]);
                }
            }
        }
        for text in texts {
            assert_eq!(number(&text), standard(&text), "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_known() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "::/129", "host", "1.2.3.4:80", "[::1]"]
        {
            assert!(!is_range(text), "{text}");
        }
    }
}
