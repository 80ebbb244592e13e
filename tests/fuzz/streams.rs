//! Answers on their way back.
use crate::{fuzz, pieces};
use keypool::{
    paced::{Graphemes, Pacer},
    record::pace::Pace,
    sticky::{Marker, Tag, kept},
    usage::{
        hide::Hider,
        tail::{self, Counts},
    },
};
use proptest::{prop_assert, prop_assert_eq};
use std::rc::Rc;

const WORDS: &[&str] = &[
    "data:",
    "data: ",
    "event: done\n",
    "id: 1\n",
    ": ping\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "[DONE]",
    "\"usage\"",
    "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}",
    "\"choices\":[]",
    "{",
    "}",
    "\"",
    "\\",
    "null",
    "18446744073709551616",
    "-1",
    "1e400",
    "\"delta\":{\"content\":\"x\"}",
    "\u{1f469}\u{200d}\u{1f680}",
    "\u{301}",
];

#[test]
fn the_usage_is_read_out_of_anything() {
    fuzz("stream", WORDS, |bytes, dice| {
        for sse in [true, false] {
            let (start, end) = bytes.split_at(usize::try_from(dice % 1_000_000).unwrap() % (bytes.len() + 1));
            let mut counts = Counts::default();
            tail::read(start, sse, &mut counts);
            tail::read(end, sse, &mut counts);
            let tokens = counts.tokens();
            prop_assert!(tokens.is_none_or(|tokens| tokens.cached <= tokens.prompt.max(tokens.cached)));
        }
        Ok(())
    });
}

#[test]
fn hiding_the_usage_depends_on_no_cut_and_takes_out_that_event_alone() {
    fuzz("stream", WORDS, |bytes, dice| {
        let hidden = |parts: &[&[u8]]| {
            let mut hider = Hider::default();
            let mut out: Vec<u8> = parts.iter().flat_map(|part| hider.pass(part)).collect();
            out.extend(hider.end());
            out
        };
        let whole = hidden(&[bytes]);
        prop_assert_eq!(&whole, &hidden(&pieces(bytes, dice)));
        prop_assert!(is_in_order(&whole, bytes), "bytes were made up");
        Ok(())
    });
}

#[test]
fn tagging_ids_depends_on_no_cut_and_only_adds() {
    let Some(files) = kept("files") else { panic!("files are kept") };
    fuzz(
        "stream",
        &[
            "{",
            "}",
            "[",
            "]",
            "\"id\":\"file-1\"",
            "\"data\":",
            ",",
            ":",
            "\"",
            "\\",
            "\"object\":\"file\"",
            "data: ",
            "\n\n",
            "\"file-abc\"",
            "\"output_file_id\":\"file-2\"",
        ],
        |bytes, dice| {
            for events in [true, false] {
                let tagged = |parts: &[&[u8]]| -> Vec<u8> {
                    let tag: Tag = Rc::new(|id: &str| format!("_kp{}", id.len()));
                    let mut marker = Marker::new(files, events, tag);
                    parts.iter().flat_map(|part| marker.pass(part)).collect()
                };
                let whole = tagged(&[bytes]);
                prop_assert_eq!(&whole, &tagged(&pieces(bytes, dice)));
                prop_assert!(is_in_order(bytes, &whole), "bytes were lost");
            }
            Ok(())
        },
    );
}

#[test]
fn a_paced_stream_says_what_the_stream_said() {
    let letters: Graphemes = &|text| text.chars().map(|c| c.len_utf8()).collect();
    fuzz("stream", WORDS, |bytes, dice| {
        for pace in [Pace::Batch, Pace::Character] {
            let mut pacer = Pacer::new(pace);
            let (mut now, mut out) = (1_000_000, Vec::new());
            for part in pieces(bytes, dice) {
                pacer.arrived(part, now, letters);
                out.extend(pacer.take(now));
                now += dice % 50;
            }
            pacer.ended(now);
            out.extend(pacer.take(now + keypool::paced::MOST_MS));
            prop_assert_eq!(pacer.wait_ms(u64::MAX), None, "something is left");
            prop_assert_eq!(said(&out), said(bytes));
        }
        Ok(())
    });
}

/// The texts of a stream's events, joined; other events as they are.
fn said(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut said = String::new();
    for line in text.split(['\n', '\r']) {
        let event =
            line.strip_prefix("data:").and_then(|data| serde_json::from_str::<serde_json::Value>(data.trim()).ok());
        match event.as_ref().and_then(|event| event.pointer("/choices/0/delta/content")?.as_str()) {
            Some(content) => said.push_str(content),
            None => said.push_str(line),
        }
    }
    said
}

/// Whether `part` is `whole` with bytes left out.
fn is_in_order(part: &[u8], whole: &[u8]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|byte| rest.any(|other| other == byte))
}
