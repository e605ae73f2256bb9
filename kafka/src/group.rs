//! A member of a consumer group.

pub mod budget;
pub mod core;
pub mod fetching;
