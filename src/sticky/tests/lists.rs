//! Lists over several accounts.
use super::*;

/// Accounts that answer as providers do.
struct Accounts(Vec<Vec<(String, usize)>>);

impl Accounts {
    fn page(&self, key: usize, limit: Option<usize>, after: Option<&str>, pages: bool) -> String {
        let all = &self.0[key];
        let from = after.filter(|_| pages).map_or(0, |id| all.iter().position(|(known, _)| known == id).unwrap() + 1);
        let size = if pages { limit.unwrap_or(20) } else { usize::MAX };
        let data: Vec<Value> = all[from..]
            .iter()
            .take(size)
            .map(|(id, at)| json!({"id": id, "created_at": at, "o": {"x": [1]}}))
            .collect();
        let more = pages && from + data.len() < all.len();
        json!({"object": "list", "data": data, "x": "]}", "has_more": more}).to_string()
    }

    /// As the walk does it: a page, and where the next one begins.
    fn merged(
        &self,
        limit: Option<usize>,
        at: usize,
        after: Option<String>,
        pages: bool,
    ) -> (Value, Option<(usize, String)>) {
        let mut merge = Merge::new("files", limit, false, after);
        let mut key = at;
        while key < self.0.len() && merge.goes_on() {
            let (limit, after) = merge.wanted();
            let answer = self.page(key, limit, after, pages);
            let name: &'static str = Box::leak(format!("{key:016x}").into_boxed_str());
            if merge.take(Page::read(&answer).unwrap(), &tags(name)) {
                key += 1;
            }
        }
        let page: Value = serde_json::from_str(&merge.answer(key < self.0.len())).unwrap();
        let last = page["last_id"].as_str().and_then(|id| read(id, &sign));
        let next = last.map(|t| (usize::from_str_radix(t.key, 16).unwrap(), t.id.to_string()));
        let next = next.filter(|_| page["has_more"] == json!(true));
        (page, next)
    }
}

#[test]
fn a_list_over_several_keys_shows_each_object_once() {
    let mut dice = Dice(7);
    for round in 0..60 {
        let keys = 1 + dice.below(12);
        let accounts = (0..keys).map(|key| {
            let count = if dice.below(3) == 0 { 0 } else { dice.below(30) };
            (0..count).map(|n| (format!("file-{key}-{n}"), 1000 - n)).collect()
        });
        let accounts = Accounts(accounts.collect());
        let mut all: Vec<String> = accounts.0.iter().flatten().map(|(id, _)| id.clone()).collect();
        all.sort();
        for pages in [true, false] {
            let limit = [None, Some(1), Some(3), Some(20), Some(100)][round % 5];
            let (mut seen, mut next) = (Vec::new(), Some((0, None)));
            while let Some((key, after)) = next {
                let (page, following) = accounts.merged(limit, key, after, pages);
                let data = page["data"].as_array().unwrap();
                assert!(data.len() <= limit.unwrap_or(1000));
                let ids = data.iter().map(|item| read(item["id"].as_str().unwrap(), &sign).unwrap().id.to_string());
                seen.extend(ids);
                assert_eq!(page["first_id"], data.first().map_or(Value::Null, |item| item["id"].clone()));
                next = following.map(|(key, id)| (key, Some(id)));
            }
            seen.sort();
            assert_eq!(seen, all, "round {round}, limit {limit:?}");
        }
    }
}

#[test]
fn a_list_that_fits_on_one_page_is_in_the_order_of_time() {
    let accounts = Accounts(vec![vec![("a".into(), 5), ("b".into(), 1)], vec![("c".into(), 9), ("d".into(), 3)]]);
    let (page, next) = accounts.merged(Some(10), 0, None, true);
    let times: Vec<u64> = page["data"].as_array().unwrap().iter().map(|i| i["created_at"].as_u64().unwrap()).collect();
    assert_eq!((times, next), (vec![9, 5, 3, 1], None));
}

#[test]
fn what_is_no_list_is_not_taken_for_one() {
    for text in ["", "{}", "[]", r#"{"data": 1}"#, r#"{"data": [1, }"#, r#"{"error": {"data": []}}"#, "nonsense"] {
        assert_eq!(Page::read(text), None, "{text}");
    }
    assert!(Page::read(r#" {"has_more": true, "data" : [ ] , "x": 1 } "#).is_some());
}
