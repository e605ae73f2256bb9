//! What a run must be, without any IO but files: [`post`] makes the n-th post and its body, [`books`] keep what its
//! sender was answered, in [`bitmap`]s over n, and what the run left behind. The documents of a store and the records
//! of a topic come in one by one: [`reconcile`] enters them into the books of a run, once [`expected`] has compared
//! each whole with its post; [`balance`] compares them with the records that a consumer group has finished, which
//! its [`standing`] says. The records of a kind of a schema come from [`schema_bodies`]; [`of_schema`] recognises them.
//! [`audit_book`] compares the answers with the producers' audit log.

pub(crate) mod accepted_ids;
pub(crate) mod audit_book;
pub(crate) mod balance;
pub(crate) mod bitmap;
pub(crate) mod block_sums;
pub(crate) mod books;
pub(crate) mod draws;
pub(crate) mod escapes;
pub(crate) mod expected;
pub(crate) mod kept;
pub(crate) mod mix;
pub(crate) mod named;
pub(crate) mod of_schema;
pub(crate) mod order;
pub(crate) mod plan;
pub(crate) mod post;
pub(crate) mod reconcile;
pub(crate) mod records;
pub(crate) mod request_times;
pub(crate) mod schema_bodies;
pub(crate) mod spelling;
pub(crate) mod standing;
pub(crate) mod states;
pub(crate) mod submissions;
pub(crate) mod unknown_times;
