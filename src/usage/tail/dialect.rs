//! The names that providers give to the same counts, and which of them contain which.
use super::Tokens;

/// More tokens than any call can use; a larger number is a mistake.
const MOST: u64 = 1_000_000_000_000;

/// The numbers of the object at `place` among all of a text.
pub struct Numbers<'a> {
    /// By their pointers (RFC 6901).
    pub all: &'a [(String, u64)],
    pub place: &'a str,
}

impl Numbers<'_> {
    pub fn is_some(&self) -> bool {
        self.all.iter().any(|(at, _)| at.strip_prefix(self.place).is_some_and(|path| path.starts_with('/')))
    }

    /// Of equal names the last one holds.
    fn get(&self, path: &str) -> Option<u64> {
        let is_meant =
            |at: &str| at.len() == self.place.len() + path.len() && at.starts_with(self.place) && at.ends_with(path);
        self.all.iter().rev().find(|(at, _)| is_meant(at)).map(|(_, number)| *number)
    }

    fn count(&self, path: &str) -> Option<u64> {
        self.get(path).filter(|count| *count <= MOST)
    }
}

/// What the usage objects of one answer say together.
#[derive(Debug, Default)]
pub struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    /// What the answer's first event says of `output`.
    first_output: Option<u64>,
    total: Option<u64>,
    /// Part of `input`.
    cached: Option<u64>,
    /// Anthropic: beside `input`.
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    /// Part of `output`.
    reasoning: Option<u64>,
    /// Gemini: beside `output`, and beside `input`.
    thoughts: Option<u64>,
    tool_use: Option<u64>,
    /// The names are OpenAI's, whose `total_tokens` is the sum of all.
    adds_up: bool,
}

impl Counts {
    /// Takes the usage of a stream's first event, which knows the input only.
    pub fn begin(&mut self, usage: &Numbers) {
        self.add(usage);
        self.first_output = self.output.take();
    }

    pub const fn says_input(&self) -> bool {
        self.input.is_some() || self.total.is_some()
    }

    pub const fn says_output(&self) -> bool {
        self.output.is_some()
    }

    /// Nothing is left to be known. Embeddings have no output, and no count of it.
    pub const fn says_all(&self) -> bool {
        self.says_input() && (self.says_output() || self.first_output.is_none())
    }

    /// Takes what `usage` says; what it does not say stays.
    pub fn add(&mut self, usage: &Numbers) {
        let first = |paths: &[&str]| paths.iter().find_map(|path| usage.count(path));
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
        update(&mut self.tool_use, &["/toolUsePromptTokenCount"]);
        let is_openai = usage.get("/prompt_tokens").is_some();
        self.adds_up |= is_openai;
        // Gateways add these to OpenAI's names too, where `prompt_tokens` contains them.
        if !is_openai {
            update(&mut self.cache_read, &["/cache_read_input_tokens"]);
            update(&mut self.cache_write, &["/cache_creation_input_tokens"]);
        }
    }

    /// `None` when nothing was counted.
    pub fn tokens(&self) -> Option<Tokens> {
        let output = self.output.or(self.first_output);
        let input = self.input.or(self.total.filter(|_| output.is_none()));
        if input.is_none() && output.is_none() {
            return None;
        }
        let sum = |parts: &[Option<u64>]| parts.iter().flatten().sum::<u64>();
        let prompt = sum(&[input, self.tool_use, self.cache_read, self.cache_write]);
        let said = sum(&[output, self.thoughts]);
        // Gemini's OpenAI endpoint and xAI leave the reasoning out of `completion_tokens`, but not out of the total.
        let total = self.total.filter(|_| self.adds_up && output.is_some()).unwrap_or(0);
        let completion = said.max(total.saturating_sub(prompt));
        let cached = self.cached.or(self.cache_read).unwrap_or(0).min(prompt);
        let left_out = Some(completion - said).filter(|left_out| *left_out > 0);
        let reasoning = self.reasoning.or(self.thoughts).or(left_out).unwrap_or(0).min(completion);
        Some(Tokens { prompt, completion, cached, reasoning, estimated: false })
    }
}
