//! A chunk, made into several: the same bytes around a shorter text.

use super::chunk::Chunk;
use crate::record::pace::Pace;

/// Gives the lengths in bytes of the graphemes (letters as a reader counts them) that make up a text. They sum up to
/// the text's.
pub type Graphemes<'a> = &'a dyn Fn(&str) -> Vec<usize>;

/// A piece in the mode `batch` has so many graphemes at least, and goes on to the next blank, but not further.
const FEW: [usize; 2] = [4, 12];
/// One event becomes so many at the most, and so many bytes.
const MOST: usize = 1000;
const LARGEST: usize = 512 * 1024;
/// Of the last grapheme so many bytes are remembered; none that anybody reads is longer.
const REMEMBERED: usize = 256;

/// The event in pieces, in order. `before` is the last grapheme that the same choice has said, for the beginning of this
/// may belong to it; afterwards it is the one that is the last now.
pub fn split(event: &[u8], chunk: &Chunk, pace: Pace, before: &mut String, graphemes: Graphemes) -> Vec<Vec<u8>> {
    let whole = || vec![event.to_vec()];
    let Some((rest, tail)) = event.split_at_checked(chunk.at.end) else { return whole() };
    let Some((head, text)) = rest.split_at_checked(chunk.at.start) else { return whole() };
    let joined = [before, &*chunk.text].concat();
    let ends = ends(&joined, graphemes);
    let new = ends.partition_point(|end| *end <= before.len());
    let counts = (ends.len() - new, (LARGEST / event.len().max(1)).clamp(1, MOST));
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let (mut place, mut in_piece, mut raw, mut from) = (before.len(), 0, 0, 0);
    for end in ends.iter().skip(new) {
        let grapheme = joined.get(place..*end).unwrap_or_default();
        raw += raw_length(text.get(raw..).unwrap_or_default(), grapheme);
        (place, in_piece) = (*end, in_piece + 1);
        if is_enough(in_piece, grapheme, pace, counts) || *end == joined.len() {
            let mut piece = without_role(head, 0, chunk, pieces.is_empty());
            piece.extend_from_slice(text.get(from..raw).unwrap_or_default());
            piece.extend(without_role(tail, chunk.at.end, chunk, pieces.is_empty()));
            pieces.push(piece);
            (from, in_piece) = (raw, 0);
        }
    }
    let last = ends.len().checked_sub(2).and_then(|at| ends.get(at)).copied().unwrap_or(0);
    let last = joined.get(last..).filter(|last| last.len() <= REMEMBERED).unwrap_or_default();
    *before = last.into();
    pieces
}

/// `counts` are the graphemes there are, and the most pieces that may come of them.
fn is_enough(in_piece: usize, grapheme: &str, pace: Pace, counts: (usize, usize)) -> bool {
    let at_least = counts.0.div_ceil(counts.1);
    let [few, many] = if pace == Pace::Character { [1, 1] } else { FEW }.map(|count| count.max(at_least));
    in_piece >= many || in_piece >= few && grapheme.ends_with([' ', '\n', '\t'])
}

/// `part` begins at the event's byte `offset`.
fn without_role(part: &[u8], offset: usize, chunk: &Chunk, first: bool) -> Vec<u8> {
    let inside = chunk.role.start >= offset && chunk.role.end <= offset + part.len();
    if first || !inside || chunk.role.is_empty() {
        return part.to_vec();
    }
    let (before, rest) = part.split_at_checked(chunk.role.start - offset).unwrap_or((part, &[]));
    [before, rest.get(chunk.role.len()..).unwrap_or_default()].concat()
}

/// Where the graphemes of a text end, in bytes.
fn ends(text: &str, graphemes: Graphemes) -> Vec<usize> {
    let lengths = if is_plain(text) { text.chars().map(char::len_utf8).collect() } else { graphemes(text) };
    let mut at = 0;
    let ends = lengths.into_iter().map(|length| {
        at += length;
        at
    });
    let mut ends: Vec<usize> = ends.filter(|end| text.is_char_boundary(*end)).collect();
    if ends.last() != Some(&text.len()) {
        ends.push(text.len());
    }
    ends
}

/// Each character is a grapheme of its own, whatever stands beside it: no mark, joiner or flag is among them. Most text
/// is like that, and asking the platform costs more.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| {
        matches!(c, ' '..='~' | '\n' | '\t' | '\u{c0}'..='\u{2ff}' | '\u{410}'..='\u{44f}' | '\u{2010}'..='\u{2027}'
            | '\u{3001}'..='\u{3029}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fe}' | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}' | '\u{ff01}'..='\u{ff60}')
    })
}

/// How many bytes `decoded` takes at the beginning of the JSON string `raw`.
fn raw_length(raw: &[u8], decoded: &str) -> usize {
    decoded.chars().fold(0, |at, c| {
        let escape = raw.get(at..).and_then(|rest| rest.strip_prefix(b"\\"));
        at + match escape.and_then(<[u8]>::first) {
            Some(b'u') if c > '\u{ffff}' => 12,
            Some(b'u') => 6,
            Some(_) => 2,
            None => c.len_utf8(),
        }
    })
}
