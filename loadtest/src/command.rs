//! The verbs of the command line, a file each, with a folder of its own where a verb has a core or parts of its own.
//! Their [`options`] are clap's; [`trial`], [`apply`], [`prove`] and [`finish`] are what several of them have in
//! common; [`interrupt`] is Ctrl-C.

pub(crate) mod apply;
pub(crate) mod chaos;
pub(crate) mod check_ledger;
pub(crate) mod compare;
pub(crate) mod find_max;
pub(crate) mod finish;
pub(crate) mod interrupt;
pub(crate) mod limits;
pub(crate) mod measured;
pub(crate) mod merge;
pub(crate) mod options;
pub(crate) mod prove;
pub(crate) mod run;
pub(crate) mod schema_bodies;
pub(crate) mod show;
pub(crate) mod soak;
pub(crate) mod submissions;
pub(crate) mod trial;
pub(crate) mod tune;
pub(crate) mod up;
pub(crate) mod verify;
