//! What was used: counts on their way to storage, and the tokens that an upstream reports.

pub mod count;
pub mod tail;
