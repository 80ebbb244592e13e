//! What tokens cost: the user's own prices, which win, and a shipped list of the providers' public ones.

use super::tail::Tokens;
use crate::record::{
    glob,
    price::{Price, Rates},
};

/// Its first line is the date at which it held. Then, for each preset, after a #, its name and where its prices stand, and rows
/// of three prices in dollars per million tokens (input, cached input, output) and the globs of the models that have
/// them; of two that match, the upper one holds. These are list prices for prompts of usual length: a provider's
/// higher tier for very long ones, its batches and its discounts by the hour are not told apart. DeepSeek's are those
/// of its peak hours; Gemini's Flash models of 3.6 and later, GPT-5.6 Sol and Mistral Large 4 stand at the
/// introductory prices of that date.
const LIST: &str = include_str!("prices.txt");

/// How many prices a user may have: a call looks through them all.
pub const MOST: usize = 100;

/// What a call cost, in nano-dollars, rounded to the nearest.
pub fn cost(tokens: &Tokens, rates: &Rates) -> u64 {
    let cached = tokens.cached.min(tokens.prompt);
    let fresh = tokens.prompt - cached;
    let parts = [(fresh, rates.input), (cached, rates.cached_input), (tokens.completion, rates.output)];
    // A token at a micro-dollar per million is a pico-dollar.
    let pico = parts.iter().fold(0_u64, |sum, (tokens, rate)| sum.saturating_add(tokens.saturating_mul(*rate)));
    pico.saturating_add(500) / 1000
}

/// The user's own prices, the most specific first: of those for fewer providers the one for fewer models.
#[derive(Default)]
pub struct Prices(Vec<Price>);

impl Prices {
    pub fn all(&self) -> &[Price] {
        &self.0
    }

    /// Takes over what is stored under `id`; `None` = it was removed.
    pub fn take(&mut self, id: &str, price: Option<Price>) {
        self.0.retain(|known| known.id() != id);
        if let Some(price) = price {
            let place = self.0.partition_point(|known| rank(known) >= rank(&price));
            self.0.insert(place, price);
        }
    }

    pub fn find(&self, provider: &str, model: &str) -> Option<Rates> {
        let fits = |p: &&Price| glob::matches(&p.provider, provider) && glob::matches(&p.model, model);
        self.0.iter().find(fits).map(|price| price.rates)
    }
}

fn rank(price: &Price) -> [usize; 2] {
    [&price.provider, &price.model].map(|glob| glob.bytes().filter(|byte| *byte != b'*').count())
}

/// The public price of a model of the provider with that preset.
pub fn shipped(preset: &str, model: &str) -> Option<Rates> {
    // As Gemini calls its models in its list.
    let model = model.strip_prefix("models/").unwrap_or(model);
    let (_, _, rows) = sections().find(|(name, _, _)| *name == preset)?;
    let row = rows.lines().find(|row| row.split(' ').skip(3).any(|glob| glob::matches(glob, model)))?;
    Some(rates(row))
}

/// The date of the shipped list.
pub fn date() -> &'static str {
    LIST.lines().next().unwrap_or_default()
}

/// A preset, where its prices stand, a model's glob, and what it costs.
pub type Shipped = (&'static str, &'static str, &'static str, Rates);

/// All of the shipped list, in its order.
pub fn list(each: &mut dyn FnMut(Shipped)) {
    for (preset, source, rows) in sections() {
        for row in rows.lines() {
            let rates = rates(row);
            row.split(' ').skip(3).for_each(|glob| each((preset, source, glob, rates)));
        }
    }
}

fn sections() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    LIST.split('#').filter_map(|section| {
        let (head, rows) = section.split_once('\n')?;
        let (preset, source) = head.split_once(' ')?;
        Some((preset, source, rows))
    })
}

fn rates(row: &str) -> Rates {
    let mut prices = row.split(' ').map(micro);
    let mut next = || prices.next().unwrap_or_default();
    Rates { input: next(), cached_input: next(), output: next() }
}

/// Dollars with at most six decimals, in micro-dollars.
fn micro(dollars: &str) -> u64 {
    let (whole, part) = dollars.split_once('.').unwrap_or((dollars, ""));
    let digits = whole.bytes().chain(part.bytes().chain(std::iter::repeat(b'0')).take(6));
    digits.fold(0, |sum, digit| sum * 10 + u64::from(digit.saturating_sub(b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::provider;

    fn tokens(prompt: u64, cached: u64, completion: u64) -> Tokens {
        Tokens { prompt, completion, cached, ..Tokens::default() }
    }

    fn check(prompt: u64, cached: u64, completion: u64, expected: u64) {
        let rates = Rates { input: 2_500_000, cached_input: 250_000, output: 15_000_000 };
        assert_eq!(cost(&tokens(prompt, cached, completion), &rates), expected, "{prompt} {cached} {completion}");
    }

    #[test]
    fn a_cost_is_exact_and_cached_tokens_are_taken_out_of_the_prompt() {
        check(0, 0, 0, 0);
        check(1, 0, 0, 2_500);
        check(1000, 400, 10, 600 * 2_500 + 400 * 250 + 10 * 15_000);
        // More from the cache than there was: the upstream counted differently.
        check(10, 25, 0, 10 * 250);
        check(u64::MAX, 0, u64::MAX, u64::MAX / 1000);
        let odd = Rates { input: 1_499, cached_input: 0, output: 1 };
        assert_eq!(cost(&tokens(1, 0, 1), &odd), 2, "half a nano-dollar is rounded up");
        assert_eq!(cost(&tokens(1, 0, 0), &odd), 1);
        let free = Rates { input: 0, cached_input: 0, output: 0 };
        assert_eq!(cost(&tokens(1 << 40, 1, 1 << 40), &free), 0);
    }

    #[test]
    fn dollars_are_read_to_the_millionth() {
        for (dollars, expected) in
            [("8", 8_000_000), (".4", 400_000), ("4.951", 4_951_000), (".000001", 1), ("168", 168_000_000), ("0", 0)]
        {
            assert_eq!(micro(dollars), expected, "{dollars}");
        }
    }

    #[test]
    fn a_public_model_has_its_public_price() {
        let dollars = |preset: &str, model: &str| {
            shipped(preset, model).map(|r| [r.input, r.cached_input, r.output].map(|micro| micro / 1000))
        };
        for (preset, model, expected) in [
            ("openai", "gpt-5", Some([1250, 125, 10_000])),
            ("openai", "GPT-5-2025-08-07", Some([1250, 125, 10_000])),
            ("openai", "gpt-5-mini-2025-08-07", Some([250, 25, 2000])),
            ("openai", "gpt-5.1-codex-mini", Some([250, 25, 2000])),
            ("openai", "gpt-5.1-codex", Some([1250, 125, 10_000])),
            ("openai", "gpt-4o-2024-08-06", Some([2500, 1250, 10_000])),
            ("openai", "gpt-4o-mini", Some([150, 75, 600])),
            ("openai", "gpt-4o-realtime-preview", None),
            ("openai", "gpt-9", None),
            ("openai", "", None),
            ("anthropic", "claude-opus-4-1-20250805", Some([15_000, 1500, 75_000])),
            ("anthropic", "claude-opus-4-5-20251101", Some([5000, 500, 25_000])),
            ("anthropic", "claude-sonnet-4-20250514", Some([3000, 300, 15_000])),
            ("anthropic", "claude-sonnet-5-5", Some([2000, 100, 10_000])),
            ("gemini", "models/gemini-2.5-pro", Some([1250, 125, 10_000])),
            ("gemini", "gemini-2.5-flash-image", None),
            ("groq", "openai/gpt-oss-120b", Some([150, 75, 600])),
            ("groq", "openai/gpt-oss-20b", Some([75, 37, 300])),
            ("dashscope", "qwen3.8-max", Some([1650, 206, 4951])),
            ("openrouter", "gpt-5", None),
            ("2026-11-20", "gpt-5", None),
        ] {
            assert_eq!(dollars(preset, model), expected, "{preset} {model}");
        }
    }

    #[test]
    fn the_list_is_of_presets_and_no_row_hides_a_later_one() {
        let date: Vec<&str> = date().split('-').collect();
        assert!(matches!(date[..], [y, m, d] if y.len() == 4 && m.len() == 2 && d.len() == 2), "{date:?}");
        let mut rows: Vec<Shipped> = Vec::new();
        list(&mut |row| rows.push(row));
        assert!(rows.len() > 80, "{}", rows.len());
        for (at, (preset, source, glob, rates)) in rows.iter().enumerate() {
            assert!(provider::preset(preset).is_some(), "{preset}");
            assert!(source.starts_with("https://"), "{source}");
            assert!(!glob.is_empty() && *glob == glob.to_lowercase(), "{glob}");
            assert!(rates.cached_input <= rates.input && rates.input > 0, "{preset} {glob}");
            let hidden = rows[..at].iter().find(|(p, _, upper, _)| p == preset && glob::matches(upper, glob));
            assert!(hidden.is_none(), "{glob} of {preset} is hidden by {hidden:?}");
        }
    }

    fn price(provider: &str, model: &str, input: u64) -> Price {
        let rates = Rates { input, cached_input: 0, output: 0 };
        Price { provider: provider.into(), model: model.into(), rates }
    }

    fn prices(order: &[usize]) -> Prices {
        let all = [
            price("*", "*", 1),
            price("*", "gpt-*", 2),
            price("*", "gpt-5", 3),
            price("groq", "*", 4),
            price("groq", "llama-*", 5),
            price("groq-*", "*", 6),
        ];
        let mut prices = Prices::default();
        order.iter().for_each(|at| prices.take(&all[*at].id(), Some(all[*at].clone())));
        prices
    }

    #[test]
    fn the_most_specific_price_holds_in_whatever_order_they_came() {
        for order in [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 5, 0, 4, 1, 3]] {
            let prices = prices(&order);
            for (provider, model, expected) in [
                ("openai", "o3", 1),
                ("openai", "gpt-4o", 2),
                ("openai", "GPT-5", 3),
                ("groq", "gpt-5", 4),
                ("groq", "llama-3", 5),
                ("groq-eu", "llama-3", 6),
            ] {
                assert_eq!(prices.find(provider, model).map(|r| r.input), Some(expected), "{provider} {model}");
            }
        }
    }

    #[test]
    fn a_price_of_the_same_globs_replaces_and_one_that_was_removed_is_gone() {
        let mut prices = prices(&[0, 1, 2]);
        let newer = price("*", "gpt-*", 9);
        prices.take(&newer.id(), Some(newer.clone()));
        assert_eq!((prices.all().len(), prices.find("x", "gpt-4o").map(|r| r.input)), (3, Some(9)));
        prices.take(&newer.id(), None);
        assert_eq!(prices.find("x", "gpt-4o").map(|r| r.input), Some(1));
    }
}
