//! The models that a provider lists, as a machine read them last.

use super::{
    read::{Reader, Stored},
    write::{Json, object},
};
use crate::{json, sort::sort};
use serde_json::Value;

/// Of longer lists the rest is not looked at.
pub const MOST: usize = 3000;
const LONGEST_ID: usize = 200;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Models {
    /// When the list was read; 0 = never.
    pub at: u64,
    /// When it was asked for last.
    pub asked: u64,
    /// Why that did not work.
    pub error: Option<String>,
    /// By id, each once.
    pub list: Vec<Model>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub id: String,
    /// Unix seconds; 0 = the provider does not say.
    pub created: u64,
    pub owned_by: String,
}

impl Models {
    pub fn find(&self, id: &str) -> Option<&Model> {
        let at = self.list.binary_search_by(|model| model.id.as_str().cmp(id)).ok()?;
        self.list.get(at)
    }

    /// From the answer to `GET models`: OpenAI's shape, or a bare array. `None` when it is neither.
    pub fn parse(body: &str, now: u64) -> Option<Self> {
        let answer = json::read(body).ok()?;
        let items = answer.get("data").or_else(|| answer.get("models")).unwrap_or(&answer).as_array()?;
        let found: Vec<Model> = items.iter().take(MOST).filter_map(model).collect();
        let id = |at: usize| found.get(at).map(|model| model.id.as_str());
        let mut places: Vec<usize> = (0..found.len()).collect();
        sort(&mut places, &|a, b| id(a).cmp(&id(b)));
        let mut list: Vec<Model> = Vec::with_capacity(places.len());
        for model in places.into_iter().filter_map(|at| found.get(at)) {
            if list.last().is_none_or(|last| last.id != model.id) {
                list.push(model.clone());
            }
        }
        Some(Self { at: now, asked: now, error: None, list })
    }
}

fn model(item: &Value) -> Option<Model> {
    let from = Reader(item);
    let id = from.text("id").or_else(|| from.text("name")).or_else(|| from.0.as_str().map(str::to_string))?;
    // So Gemini's begin, though they are called without it.
    let id = id.strip_prefix("models/").unwrap_or(&id);
    let fits = !id.is_empty() && id.len() <= LONGEST_ID && !id.chars().any(char::is_control);
    let (created, owned_by) = (from.number("created").unwrap_or(0), from.text("owned_by").unwrap_or_default());
    fits.then(|| Model { id: id.into(), created, owned_by })
}

impl Json for Models {
    fn json(&self) -> Value {
        object! { "at": self.at, "asked": self.asked, "error": self.error, "list": self.list }
    }
}

/// As short as can be: there may be thousands.
impl Json for Model {
    fn json(&self) -> Value {
        Value::Array(vec![self.id.json(), self.created.json(), self.owned_by.json()])
    }
}

impl Stored for Models {
    fn read(from: &Reader) -> Option<Self> {
        let model = |item: &Value| {
            let text = |at| item.get(at).and_then(Value::as_str).map(str::to_string);
            Some(Model { id: text(0)?, created: item.get(1)?.as_u64()?, owned_by: text(2)? })
        };
        Some(Self {
            at: from.number("at")?,
            asked: from.number("asked")?,
            error: from.text("error"),
            list: from.0.get("list")?.as_array()?.iter().filter_map(model).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(body: &str) -> Option<Vec<String>> {
        Some(Models::parse(body, 7)?.list.into_iter().map(|model| model.id).collect())
    }

    #[test]
    fn a_list_is_read_in_the_shapes_that_providers_use() {
        let expected = Some(vec!["a".to_string(), "b/c".to_string()]);
        for body in [
            r#"{"object":"list","data":[{"id":"b/c","object":"model","created":5,"owned_by":"x"},{"id":"a"},{"id":"a"}]}"#,
            r#"[{"id":"models/a"},{"name":"b/c"}]"#,
            r#"{"models":["b/c","a",""]}"#,
        ] {
            assert_eq!(ids(body), expected, "{body}");
        }
        for body in ["", "{}", r#"{"data":1}"#, "<html>", r#"{"error":{}}"#] {
            assert_eq!(ids(body), None, "{body}");
        }
        let list = Models::parse(r#"{"data":[{"id":"b","created":5,"owned_by":"x"},{"id":"a"}]}"#, 7).unwrap();
        assert_eq!(list.find("b").unwrap().owned_by, "x");
        assert_eq!((list.find("a").unwrap().created, list.find("c")), (0, None));
    }
}
