//! What a verb found, for people and for programs: the report of a [`run`], of [`find_max`], [`tune`] and [`limits`],
//! as JSON (whose names are an interface), as a [`page`] with [`plot`]s, as a [`table`], and as a live [`view`] during
//! the run. It also judges what a run must satisfy: [`threshold`], [`drift`], and [`compare`] between runs; [`proof`]
//! is the ledger of many probes. Pure, except for [`files`], the view's terminal and what [`environment`] asks.

pub(crate) mod balance;
pub(crate) mod chaos;
pub(crate) mod compare;
pub(crate) mod drift;
pub(crate) mod environment;
pub(crate) mod evidence;
pub(crate) mod files;
pub(crate) mod find_max;
pub(crate) mod limits;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod proof;
pub(crate) mod reported_counts;
pub(crate) mod run;
pub mod schema;
pub(crate) mod series;
pub(crate) mod share;
pub(crate) mod submissions;
pub(crate) mod table;
pub(crate) mod threshold;
pub(crate) mod tune;
pub(crate) mod view;
pub(crate) mod visible;
