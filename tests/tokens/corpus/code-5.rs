//! A small interval map: half-open ranges that never overlap, each with a value.

use std::{
    cmp::Ordering,
    fmt::{self, Debug, Display},
    ops::{Bound, Range},
};

#[derive(Clone, PartialEq, Eq)]
pub struct IntervalMap<K, V> {
    entries: Vec<(Range<K>, V)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertError {
    Empty,
    Overlaps { index: usize },
}

impl Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the interval is empty"),
            Self::Overlaps { index } => write!(f, "the interval overlaps entry {index}"),
        }
    }
}

impl std::error::Error for InsertError {}

impl<K: Ord + Copy, V> Default for IntervalMap<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<K: Ord + Copy, V> IntervalMap<K, V> {
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity) }
    }

    pub fn insert(&mut self, interval: Range<K>, value: V) -> Result<(), InsertError> {
        if interval.is_empty() {
            return Err(InsertError::Empty);
        }
        let index = self.entries.partition_point(|(range, _)| range.end <= interval.start);
        if self.entries.get(index).is_some_and(|(range, _)| range.start < interval.end) {
            return Err(InsertError::Overlaps { index });
        }
        self.entries.insert(index, (interval, value));
        Ok(())
    }

    pub fn get(&self, key: K) -> Option<&V> {
        self.entries
            .binary_search_by(|(range, _)| {
                if range.end <= key {
                    Ordering::Less
                } else if range.start > key {
                    Ordering::Greater
                } else {
                    Ordering::Equal
                }
            })
            .ok()
            .map(|index| &self.entries[index].1)
    }

    pub fn remove_at(&mut self, key: K) -> Option<(Range<K>, V)> {
        let index = self.entries.iter().position(|(range, _)| range.contains(&key))?;
        Some(self.entries.remove(index))
    }

    /// The gaps between `from` and `to` that nothing covers.
    pub fn gaps(&self, bounds: (Bound<K>, Bound<K>)) -> impl Iterator<Item = Range<K>> + '_ {
        let start = match bounds.0 {
            Bound::Included(key) | Bound::Excluded(key) => Some(key),
            Bound::Unbounded => self.entries.first().map(|(range, _)| range.end),
        };
        self.entries.windows(2).filter_map(move |pair| match pair {
            [(left, _), (right, _)] if left.end < right.start && Some(left.end) >= start => Some(left.end..right.start),
            _ => None,
        })
    }
}

impl<K: Debug, V: Debug> Debug for IntervalMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(range, value)| (range, value))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_intervals_are_refused() {
        let mut map = IntervalMap::default();
        assert_eq!(map.insert(10..20, "a"), Ok(()));
        assert_eq!(map.insert(15..25, "b"), Err(InsertError::Overlaps { index: 0 }));
        assert_eq!(map.insert(20..20, "c"), Err(InsertError::Empty));
        assert_eq!(map.get(19), Some(&"a"));
        assert_eq!(map.get(20), None);
    }
}
