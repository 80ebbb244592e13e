//! Sums with what they are of: a line of the journal, or of a rollup.

use super::{metric::Metric, sums::Sums};
use std::{collections::HashMap, rc::Rc};

/// What counts can be told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    Provider,
    Key,
    Model,
    /// The client key.
    Client,
}

impl Dimension {
    pub const ALL: [Self; 4] = [Self::Provider, Self::Key, Self::Model, Self::Client];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Key => "key",
            Self::Model => "model",
            Self::Client => "client",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }
}

/// Provider, key, model and client key, by `Dimension`; empty where it does not matter, or there is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Series(pub [Rc<str>; 4]);

impl Default for Series {
    fn default() -> Self {
        let none: Rc<str> = Rc::from("");
        Self([none.clone(), none.clone(), none.clone(), none])
    }
}

impl Series {
    pub fn of(&self, dimension: Dimension) -> &Rc<str> {
        let [provider, key, model, client] = &self.0;
        match dimension {
            Dimension::Provider => provider,
            Dimension::Key => key,
            Dimension::Model => model,
            Dimension::Client => client,
        }
    }

    /// Empty but for those dimensions whose place is set.
    pub fn only(&self, by: [bool; 4]) -> Self {
        let mut kept = self.clone();
        for (value, keep) in kept.0.iter_mut().zip(by) {
            if !keep {
                *value = Rc::from("");
            }
        }
        kept
    }
}

/// When it was counted, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// In the journal the minute since 1970; in a rollup what its period counts in.
    pub at: u64,
    /// In the journal the day, by the time zone that was set then; otherwise 0.
    pub day: u64,
    pub series: Series,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub place: Place,
    pub sums: Sums,
}

/// Rows of which no two are of the same place.
#[derive(Default)]
pub struct Table(HashMap<Place, Sums>);

impl Table {
    pub fn at(&mut self, place: Place) -> &mut Sums {
        self.0.entry(place).or_default()
    }

    pub fn add(&mut self, rows: Vec<Row>) {
        for row in rows {
            self.at(row.place).add(&row.sums);
        }
    }

    pub fn holds(&self, place: &Place) -> bool {
        self.0.contains_key(place)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Empties it. The order is nobody's.
    pub fn take(&mut self) -> Vec<Row> {
        self.0.drain().map(|(place, sums)| Row { place, sums }).collect()
    }
}

/// What rollups are made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Minutes since 1970, with everything told apart. The only ones with slots of 10 seconds.
    Minute,
    Hour,
    /// Days by the time zone that was set.
    Day,
    /// Ever, by provider and key.
    Keys,
    /// Ever, by provider and model.
    Models,
}

impl Period {
    pub const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::Day, Self::Keys, Self::Models];

    /// Stored, so it never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
            Self::Keys => "k",
            Self::Models => "e",
        }
    }

    /// Where a line of the journal is added; `None` when nowhere.
    pub fn place(self, place: &Place) -> Option<Place> {
        let Place { at, day, series } = place;
        let (at, by) = match self {
            Self::Minute => return Some(Place { day: 0, ..place.clone() }),
            Self::Hour => return Some(Place { at: at / 60, day: 0, series: series.clone() }),
            Self::Day => return Some(Place { at: *day, day: 0, series: series.clone() }),
            Self::Keys if series.of(Dimension::Key).is_empty() => return None,
            Self::Keys => (0, [true, true, false, false]),
            Self::Models => (0, [true, false, true, false]),
        };
        Some(Place { at, day: 0, series: series.only(by) })
    }

    /// Adds what it keeps of a line's sums.
    pub fn add(self, sums: &mut Sums, line: &Sums) {
        match self {
            Self::Minute => sums.add(line),
            Self::Hour | Self::Day | Self::Keys | Self::Models => sums.add_lasting(line),
        }
    }
}

/// Which rollups, and by what to tell them apart.
pub struct Query {
    pub period: Period,
    pub from: u64,
    /// Exclusive.
    pub to: u64,
    /// Tell times apart.
    pub timed: bool,
    pub by: [bool; 4],
    /// Of one dimension only these.
    pub only: Option<(Dimension, Vec<String>)>,
}

impl Query {
    /// Where a rollup's row counts in the answer; `None` when it does not.
    pub fn shown(&self, place: &Place) -> Option<Place> {
        let asked = match &self.only {
            Some((dimension, these)) => these.iter().any(|one| **one == **place.series.of(*dimension)),
            None => true,
        };
        let shown = || {
            let at = if self.timed { place.at } else { 0 };
            Place { at, day: 0, series: place.series.only(self.by) }
        };
        (asked && (self.from..self.to).contains(&place.at)).then(shown)
    }
}

/// Of these keys all that was ever counted.
pub fn of_keys(keys: Vec<String>) -> Query {
    let only = Some((Dimension::Key, keys));
    Query { period: Period::Keys, from: 0, to: 1, timed: false, by: dimensions(&[Dimension::Key]), only }
}

/// By the name in that dimension.
pub fn by(dimension: Dimension, rows: &[Row]) -> HashMap<String, Sums> {
    let mut named: HashMap<String, Sums> = HashMap::new();
    for row in rows {
        named.entry(row.place.series.of(dimension).to_string()).or_default().add(&row.sums);
    }
    named
}

/// Those dimensions alone.
pub fn dimensions(these: &[Dimension]) -> [bool; 4] {
    Dimension::ALL.map(|dimension| these.contains(&dimension))
}

impl Row {
    pub fn of(&self, metric: Metric) -> u64 {
        self.sums.of(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(parts: [&str; 4], at: u64, day: u64) -> Row {
        let mut sums = Sums::default();
        sums.count(Metric::Requests, 2);
        sums.count(Metric::RequestSlot, 2);
        Row { place: Place { at, day, series: Series(parts.map(Rc::from)) }, sums }
    }

    #[test]
    fn a_row_is_added_to_each_period_where_it_belongs() {
        let full = row(["p", "k", "m", "c"], 125, 9);
        let places = Period::ALL.map(|period| {
            let place = period.place(&full.place).unwrap();
            (place.at, place.series.0.join("/"))
        });
        let expected = [(125, "p/k/m/c"), (2, "p/k/m/c"), (9, "p/k/m/c"), (0, "p/k//"), (0, "p//m/")];
        assert_eq!(places, expected.map(|(at, series)| (at, series.to_string())));
        assert_eq!(Period::Keys.place(&row(["p", "", "m", "c"], 1, 1).place), None, "no key, no key's row");
    }

    #[test]
    fn a_query_shows_what_it_asks_for() {
        let place = row(["p", "k", "m", "c"], 5, 0).place;
        let by = [true, false, false, false];
        let query = |from, to, only| Query { period: Period::Minute, from, to, timed: true, by, only };
        let shown = query(5, 6, None).shown(&place).unwrap();
        assert_eq!((shown.at, shown.series.0.join("/")), (5, "p///".into()));
        assert_eq!(query(6, 9, None).shown(&place), None);
        assert_eq!(query(0, 5, None).shown(&place), None);
        assert_eq!(query(0, 9, Some((Dimension::Client, vec!["d".into()]))).shown(&place), None);
        assert!(query(0, 9, Some((Dimension::Client, vec!["d".into(), "c".into()]))).shown(&place).is_some());
    }
}
