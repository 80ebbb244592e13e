//! What was used: counts on their way to storage, the tokens that an upstream reports, and what they cost.

pub mod count;
pub mod price;
pub mod tail;
