//! What a client key may use: which models, providers and addresses, and how much.

pub mod ip;
pub mod scope;
