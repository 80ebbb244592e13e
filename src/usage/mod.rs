//! What was used: counts on their way to storage, the tokens that an upstream reports or that we estimate, and what they
//! cost.

pub mod count;
pub mod estimate;
pub mod price;
pub mod tail;
pub mod texts;
