//! Applies load and measures it: the [`generator`] sends the [ledger](crate::ledger)'s posts when [`pacing`] says so,
//! and the [`recorder`] books the answers. [`statistics`], [`percentiles`] and [`quantile`] show what the figures are
//! worth, [`visible`] chooses the posts to look for in the store. Nothing here knows the pipeline behind the
//! [`target`].

pub(crate) mod access;
pub(crate) mod cpu;
pub(crate) mod generator;
pub(crate) mod http;
pub(crate) mod live;
pub(crate) mod pacing;
pub(crate) mod percentiles;
pub(crate) mod quantile;
pub(crate) mod recorder;
pub(crate) mod route;
pub(crate) mod secure;
pub(crate) mod share;
pub(crate) mod sparse;
pub(crate) mod statistics;
pub(crate) mod submissions;
pub(crate) mod target;
pub(crate) mod visible;
pub(crate) mod wall_clock;
