//! What a run must be, without any IO but files: the n-th [`post`] and its body, the [`books`] of what its sender was
//! answered, with [`bitmap`]s over n, and what must be found of it. A store or a topic comes in as an iterator of what
//! it holds: [`reconcile`] lays it beside the books of a run, [`balance`] beside the records that a consumer group has
//! finished.

pub(crate) mod accepted_ids;
pub(crate) mod balance;
pub(crate) mod bitmap;
pub(crate) mod block_sums;
pub(crate) mod books;
pub(crate) mod mix;
pub(crate) mod post;
pub(crate) mod reconcile;
