//! Rows as text and back: JSON, without a tree of values in between, because a fold has thousands of them and a few
//! milliseconds.

use super::{
    metric,
    row::{Place, Row, Series},
    sums::Sums,
};
use crate::json;
use std::rc::Rc;

/// A JSON array of lines, each `[at, day, provider, key, model, client, {metric: sum}]`; the SQL of store/d1 reads them
/// too.
pub fn write(rows: &[Row]) -> String {
    let mut out = String::from("[");
    for row in rows {
        let Place { at, day, series } = &row.place;
        out.push_str(if out.len() > 1 { ",[" } else { "[" });
        number(*at, &mut out);
        out.push(',');
        number(*day, &mut out);
        for name in &series.0 {
            out.push(',');
            json::quote(name, &mut out);
        }
        let mut before = ",{\"";
        for (place, sum) in row.sums.all() {
            out.push_str(before);
            out.push_str(metric::NAMES.get(place).copied().unwrap_or_default());
            out.push_str("\":");
            number(sum, &mut out);
            before = ",\"";
        }
        out.push_str(if before == ",\"" { "}]" } else { ",{}]" });
    }
    out.push(']');
    out
}

fn number(mut number: u64, out: &mut String) {
    let mut digits = [0_u8; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        (number, used) = (number / 10, used + 1);
        if number == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(digits.len() - used).map(|digit| char::from(*digit)));
}

/// Metrics that are not known are left out. `None` when the text is anything else than `write` makes, blanks aside.
pub fn read(text: &str) -> Option<Vec<Row>> {
    let mut cursor = Cursor { rest: text, last: Series::default() };
    let mut rows = Vec::new();
    cursor.takes('[').then_some(())?;
    if !cursor.takes(']') {
        loop {
            rows.push(cursor.row()?);
            if !cursor.takes(',') {
                break;
            }
        }
        cursor.takes(']').then_some(())?;
    }
    cursor.rest.trim_ascii().is_empty().then_some(rows)
}

struct Cursor<'a> {
    rest: &'a str,
    /// Of the line before: most names are the same again.
    last: Series,
}

impl Cursor<'_> {
    fn takes(&mut self, sign: char) -> bool {
        self.rest = self.rest.trim_ascii_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn row(&mut self) -> Option<Row> {
        self.takes('[').then_some(())?;
        let at = self.number()?;
        self.takes(',').then_some(())?;
        let day = self.number()?;
        let mut series = self.last.clone();
        for name in &mut series.0 {
            self.takes(',').then_some(())?;
            self.name(name)?;
        }
        self.last = series.clone();
        let mut sums = Sums::default();
        (self.takes(',') && self.takes('{')).then_some(())?;
        if !self.takes('}') {
            loop {
                self.sum(&mut sums)?;
                if !self.takes(',') {
                    break;
                }
            }
            self.takes('}').then_some(())?;
        }
        self.takes(']').then_some(Row { place: Place { at, day, series }, sums })
    }

    fn sum(&mut self, sums: &mut Sums) -> Option<()> {
        self.takes('"').then_some(())?;
        let (name, rest) = self.rest.split_once('"')?;
        self.rest = rest;
        self.takes(':').then_some(())?;
        let amount = self.number()?;
        if let Some(place) = metric::place(name) {
            sums.count_at(place, amount);
        }
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        self.rest = self.rest.trim_ascii_start();
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits).filter(|_| digits > 0)?;
        self.rest = rest;
        number.bytes().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
    }

    /// Into `name`, unless that is the same already.
    fn name(&mut self, name: &mut Rc<str>) -> Option<()> {
        self.takes('"').then_some(())?;
        let mut escaped = false;
        let end = self.rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let (raw, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.strip_prefix('"')?;
        if raw.contains('\\') {
            *name = Rc::from(json::read(&format!("\"{raw}\"")).ok()?.as_str()?);
        } else if **name != *raw {
            *name = Rc::from(raw);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::metric::Metric;

    fn row(at: u64, names: [&str; 4], sums: &[(Metric, u64)]) -> Row {
        let mut all = Sums::default();
        sums.iter().for_each(|(metric, sum)| all.count(*metric, *sum));
        Row { place: Place { at, day: 7, series: Series(names.map(Rc::from)) }, sums: all }
    }

    #[test]
    fn rows_read_back_with_every_field() {
        let rows = [
            row(0, ["", "", "", ""], &[]),
            row(28_333_333, ["p", "k", "a\"\\b\u{1}\n/ü/模型", "c"], &[(Metric::Ok, 1), (Metric::LastUsed, u64::MAX)]),
            row(1, ["p", "k", "m", "c"], &[(Metric::Cost, 10)]),
        ];
        for count in 0..=rows.len() {
            let text = write(&rows[..count]);
            assert_eq!(read(&text).as_deref(), Some(&rows[..count]), "{text}");
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read(&serde_json::to_string_pretty(&value).unwrap()).as_deref(), Some(&rows[..count]));
        }
    }

    #[test]
    fn unknown_metrics_are_left_out() {
        let known = row(1, ["p", "", "m", "c"], &[(Metric::Requests, 3)]);
        assert_eq!(read(r#"[[1,7,"p","","m","c",{"n":3,"new":1}]]"#), Some(vec![known]));
    }

    #[test]
    fn whatever_is_cut_or_no_row_is_nothing_and_no_panic() {
        let text = write(&[row(1, ["p", "k\\\"", "é", "c"], &[(Metric::Ok, 1), (Metric::In, 20)])]);
        for end in 0..text.len() {
            assert_eq!(text.get(..end).and_then(read), None, "{:?}", text.get(..end));
        }
        let odd = [
            "[1]",
            "{}",
            "[[]]",
            r#"[[1,2,"a","b","c",{}]]"#,
            r#"[[-1,2,"a","b","c","d",{}]]"#,
            "[] []",
            "[[1.5]]",
            r#"[[1,2,"a","b","c","d",{"n":-1}]]"#,
            r#"[[99999999999999999999999,2,"a","b","c","d",{}]]"#,
        ];
        for text in odd {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
