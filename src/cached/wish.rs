//! What a caller wants of the cache.

use super::LONGEST_S;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Neither shall the answer be older, nor be kept longer; 0 = it comes from upstream.
    pub seconds: u64,
    /// Also for calls with tools, and others that may do something.
    pub tools: bool,
}

/// `60`, or `60, tools`.
pub fn parse(text: &str) -> Option<Wish> {
    let (seconds, tools) = text.split_once(',').map_or((text, None), |(seconds, tools)| (seconds, Some(tools.trim())));
    let seconds = seconds.trim().parse().ok().filter(|seconds| *seconds <= LONGEST_S)?;
    match tools {
        None => Some(Wish { seconds, tools: false }),
        Some("tools") => Some(Wish { seconds, tools: true }),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_seconds_and_perhaps_tools() {
        for (text, expected) in [
            ("60", Some((60, false))),
            (" 0 ", Some((0, false))),
            ("60, tools", Some((60, true))),
            ("60,tools", Some((60, true))),
            ("2592000", Some((2_592_000, false))),
            ("2592001", None),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("tools", None),
            ("60,", None),
            ("60, tools, tools", None),
            ("60 tools", None),
        ] {
            assert_eq!(parse(text), expected.map(|(seconds, tools)| Wish { seconds, tools }), "{text}");
        }
    }
}
