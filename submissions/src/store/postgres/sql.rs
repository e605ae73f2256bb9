//! Parts of the statements.
//!
//! Each change is one statement, and so one transaction and one message. All of them lock rows in one order, so that
//! they never wait in a circle: `waiting`, then `submissions` by their ids, then `claims`, and last a row of
//! `status_counts`, which is held most briefly. PostgreSQL carries out the parts of a `WITH` that write and that no
//! other part reads in the reverse of their order, so `counted` stands before the other ones.

/// The time of the statement, as a part of a `WITH`. It is evaluated once.
macro_rules! clock {
    () => {
        "clock AS MATERIALIZED (SELECT (date_part('epoch', now()) * 1000)::bigint AS now)"
    };
}
pub(super) use clock;

/// Enters changes of the counts, as a part of a `WITH`: how each column changes, and a row of sums that this is
/// computed from. Nothing is written if the first sum is 0 or NULL.
macro_rules! counted {
    ($changes:literal, $sums:literal) => {
        concat!(
            "counted AS (UPDATE status_counts SET ",
            $changes,
            " FROM (SELECT ",
            $sums,
            ") AS sums (n, passed, failed, pending, letters) WHERE n > 0 AND slot = pg_backend_pid() & 63)"
        )
    };
}
pub(super) use counted;

/// Wakes the workers of all processes.
macro_rules! notify {
    () => {
        "pg_notify('submissions_waiting', '')"
    };
}
pub(super) use notify;
