//! Compares reports of runs side by side, with what the data say about every difference.
//!
//! Each side is [`read`] from its files; their [`settings`] that differ come first, since they may be the cause. A
//! [`measure`] takes a figure from a report and from any stretch of its seconds; [`judgement`] compares the figures;
//! and the [`table`] shows them. Everything but the reading is pure.

pub(crate) mod judgement;
pub(crate) mod measure;
pub(crate) mod read;
pub(crate) mod settings;
pub(crate) mod table;
