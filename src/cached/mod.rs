//! Answers that are kept for who asks the same again: which calls, under what name, and which answers.

pub mod answer;
mod canonical;
pub mod question;
pub mod wish;

pub use answer::Entry;
pub use wish::Wish;

/// Longer bodies are not cached, neither what was asked nor what was answered.
pub const LARGEST: usize = 256 * 1024;
/// Nothing is kept longer than 30 days, in seconds.
pub const LONGEST_S: u64 = 30 * 86_400;
