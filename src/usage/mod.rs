//! What was used: counts on their way to storage and out of it, the tokens that an upstream reports or that we estimate,
//! and what they cost.

pub mod audit;
pub mod csv;
pub mod date;
pub mod decimal;
pub mod estimate;
pub mod hide;
pub mod lines;
pub mod metric;
pub mod pending;
pub mod price;
pub mod prometheus;
pub mod report;
pub mod requests;
pub mod row;
pub mod sums;
pub mod tail;
pub mod texts;
