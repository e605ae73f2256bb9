//! Laying reports of runs side by side, with what the data say of every difference.

pub(crate) mod judgement;
pub(crate) mod measure;
pub(crate) mod read;
pub(crate) mod settings;
pub(crate) mod table;
