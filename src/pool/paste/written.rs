//! The way back: a key as text that reads as the same key again.
use super::parse;
use crate::{
    find,
    record::write::{self, object},
};

/// `key|weight|label`, or a line of JSON where that would read as something else.
pub fn line(secret: &str, weight: u8, label: &str) -> String {
    let line = [secret, "|", &weight.to_string(), if label.is_empty() { "" } else { "|" }, label].concat();
    let read = parse(&line);
    let is_same = read.refused.is_empty()
        && matches!(&read.entries[..], [only] if only.secret == secret && only.provider.is_none()
            && only.weight == Some(weight) && only.label.as_deref().unwrap_or_default() == label);
    if is_same {
        return line;
    }
    // What looks like a comment would be cut off.
    find::replaced(&write::text(&object! {"key": secret, "weight": weight, "label": label}), " #", " \\u0023")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_key_is_called_its_line_reads_back() {
        let plain = [
            ("sk-plain-0001", 10, ""),
            ("sk-plain-0002", 0, "Alice's key, the good one"),
            ("sk-plain-0003", 100, "a|b"),
        ];
        let odd = [
            ("sk-odd-00001", 1, "a; b"),
            ("sk-odd-00002", 1, "number #7"),
            ("sk-odd-00003", 1, "\"quoted\""),
            ("sk-odd-00004", 1, "备用，一"),
            ("sk-odd-00005", 1, "moved, gsk_0123456789abcdef"),
            ("sk-odd,0006", 1, "x"),
            ("sk|odd|0007", 1, "x"),
            ("{odd-0000008", 1, ""),
            ("[odd-0000009", 1, ""),
            ("#odd-0000010", 1, "a #b \\ \" c"),
            ("MY_API_KEY=odd-000011", 1, ""),
        ];
        let all: Vec<_> = plain.into_iter().chain(odd).collect();
        for (secret, weight, label) in &plain {
            assert!(line(secret, *weight, label).starts_with(&format!("{secret}|{weight}")));
        }
        for turn in 0..all.len() {
            let mut keys = all.clone();
            keys.rotate_left(turn);
            let text: Vec<String> = keys.iter().map(|(secret, weight, label)| line(secret, *weight, label)).collect();
            let read = parse(&text.join("\n"));
            let entries = read.entries.iter();
            let entries: Vec<_> = entries
                .map(|e| (e.secret.as_str(), e.weight.unwrap(), e.label.as_deref().unwrap_or_default()))
                .collect();
            assert_eq!((entries, read.refused), (keys, vec![]));
        }
    }
}
