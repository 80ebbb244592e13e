//! The names that providers give to the same counts, and which of them contain which.
use super::Tokens;
use serde_json::Value;

/// More tokens than any call can use; a larger number is a mistake.
const MOST: u64 = 1_000_000_000_000;

/// What the usage objects of one answer say together.
#[derive(Debug, Default)]
pub struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    /// Part of `input`.
    cached: Option<u64>,
    /// Anthropic: beside `input`.
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    /// Part of `output`.
    reasoning: Option<u64>,
    /// Gemini: beside `output`.
    thoughts: Option<u64>,
}

impl Counts {
    /// Takes what `usage` says; what it does not say stays.
    pub fn add(&mut self, usage: &Value) {
        let first = |paths: &[&str]| paths.iter().find_map(|path| count(usage, path));
        let update = |field: &mut Option<u64>, paths: &[&str]| *field = first(paths).or(*field);
        update(&mut self.input, &["/prompt_tokens", "/input_tokens", "/promptTokenCount"]);
        update(&mut self.output, &["/completion_tokens", "/output_tokens", "/candidatesTokenCount"]);
        update(&mut self.total, &["/total_tokens", "/totalTokenCount"]);
        update(
            &mut self.cached,
            &[
                "/prompt_tokens_details/cached_tokens",
                "/input_tokens_details/cached_tokens",
                "/prompt_cache_hit_tokens",
                "/cachedContentTokenCount",
            ],
        );
        update(
            &mut self.reasoning,
            &["/completion_tokens_details/reasoning_tokens", "/output_tokens_details/reasoning_tokens"],
        );
        update(&mut self.thoughts, &["/thoughtsTokenCount"]);
        // Gateways add these to OpenAI's names too, where `prompt_tokens` contains them.
        if usage.get("prompt_tokens").is_none() {
            update(&mut self.cache_read, &["/cache_read_input_tokens"]);
            update(&mut self.cache_write, &["/cache_creation_input_tokens"]);
        }
    }

    /// `None` when nothing was counted.
    pub fn tokens(&self) -> Option<Tokens> {
        let input = self.input.or(self.total.filter(|_| self.output.is_none()));
        if input.is_none() && self.output.is_none() {
            return None;
        }
        let sum = |parts: &[Option<u64>]| parts.iter().flatten().sum();
        let prompt = sum(&[input, self.cache_read, self.cache_write]);
        let completion = sum(&[self.output, self.thoughts]);
        let cached = self.cached.or(self.cache_read).unwrap_or(0).min(prompt);
        let reasoning = self.reasoning.or(self.thoughts).unwrap_or(0).min(completion);
        Some(Tokens { prompt, completion, cached, reasoning })
    }
}

fn count(usage: &Value, path: &str) -> Option<u64> {
    usage.pointer(path)?.as_u64().filter(|count| *count <= MOST)
}
