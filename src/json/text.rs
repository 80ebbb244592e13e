//! A value as JSON text.

use serde_json::{Number, Value};

/// Whole numbers below this have no more digits than an `f64` holds for sure.
const MOST: f64 = 1e15;

/// The value as text, without blanks. Of a fraction up to 15 digits are written.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&digits(number)),
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            let mut before = '[';
            for item in items {
                out.push(before);
                write(item, out);
                before = ',';
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(fields) => {
            let mut before = '{';
            for (name, value) in fields {
                out.push(before);
                quote(name, out);
                out.push(':');
                write(value, out);
                before = ',';
            }
            out.push_str(if fields.is_empty() { "{}" } else { "}" });
        }
    }
}

/// The text as a JSON string, added to `out`.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)) {
        let (plain, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut characters = behind.chars();
        match characters.next() {
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c @ ('"' | '\\')) => out.extend(['\\', c]),
            Some(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn digits(number: &Number) -> String {
    match (number.as_u64(), number.as_i64()) {
        (Some(whole), _) => whole.to_string(),
        (None, Some(whole)) => whole.to_string(),
        (None, None) => fraction(number.as_f64().unwrap_or_default()),
    }
}

/// With a point and, when it is large, an exponent.
#[expect(clippy::cast_possible_truncation, reason = "it was made smaller than 10^15")]
fn fraction(value: f64) -> String {
    let (mut rest, mut behind, mut power) = (value.abs(), 0, 0);
    while rest >= MOST {
        rest /= 10.0;
        power += 1;
    }
    while rest.fract() != 0.0 && rest < MOST / 10.0 {
        rest *= 10.0;
        behind += 1;
    }
    let digits = format!("{:0width$}", rest.round() as i64, width = behind + 1);
    let (whole, part) = digits.split_at_checked(digits.len() - behind).unwrap_or((&digits, ""));
    let part = Some(part.trim_end_matches('0')).filter(|part| !part.is_empty()).unwrap_or("0");
    let sign = if value < 0.0 { "-" } else { "" };
    let exponent = if power > 0 { format!("e{power}") } else { String::new() };
    format!("{sign}{whole}.{part}{exponent}")
}
