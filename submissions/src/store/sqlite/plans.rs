//! No statement reads more than it needs, however much is final: SQLite plans without statistics, so a plan does not
//! depend on what the tables hold.

use rusqlite::Connection;

use super::{change, claim, create, file, read, settle, sweep};

/// The steps of a plan that touch `submissions`.
fn reads(connection: &Connection, sql: &str) -> Vec<String> {
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = plan.raw_query().mapped(|row| row.get::<_, String>(3)).map(Result::unwrap);
    steps.filter(|step| ["submissions", " s "].iter().any(|name| format!("{step} ").contains(name))).collect()
}

#[test]
fn each_statement_finds_its_submissions_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("submissions.db");
    file::prepare(&path).unwrap();
    let connection = file::writer(&path).unwrap();
    for (sql, expected) in [
        (create::FIND, vec!["SEARCH submissions USING INDEX submissions_idempotency_key (idempotency_key=?)", BY_ID]),
        (claim::FIND, vec!["SEARCH submissions USING INDEX submissions_pending (run_at<?)"]),
        (claim::FIND_THIS, vec![BY_ID]),
        (claim::TAKE, vec![BY_ID]),
        (settle::SETTLE, vec![BY_ID]),
        (change::CANCEL, vec![BY_ID]),
        (change::RETRY, vec![BY_ID]),
        (change::RETRY_ALL, vec![BY_ID, "SEARCH submissions USING COVERING INDEX submissions_unsuccessful (status=?)"]),
        (read::GET, vec![BY_ID]),
        (read::ALL, vec![FROM_ID]),
        (read::MANY_PENDING, vec![FROM_ID]),
        (read::PASSED, vec![FROM_ID]),
        (read::FEW_PENDING, vec![BY_ID, "SCAN submissions USING COVERING INDEX submissions_pending"]),
        (read::PROCESSING, vec![BY_ID, "SCAN submissions USING COVERING INDEX submissions_leased"]),
        (
            read::FAILED,
            vec![BY_ID, "SEARCH submissions USING COVERING INDEX submissions_unsuccessful (status=? AND id<?)"],
        ),
        (read::DEAD_LETTERS, vec!["SEARCH s USING PRIMARY KEY (id=?)"]),
        (
            change::RETRY_ALL_OF,
            vec![
                BY_ID,
                "SEARCH submissions USING COVERING INDEX submissions_owner_unsuccessful (owner=? AND status=?)",
            ],
        ),
        (read::ALL_OF, vec![OWN_FROM_ID]),
        (read::WITH_STATUS_OF, vec![OWN_FROM_ID]),
        (
            read::UNSUCCESSFUL_OF,
            vec!["SEARCH submissions USING INDEX submissions_owner_unsuccessful (owner=? AND status=? AND id<?)"],
        ),
        (read::DEAD_LETTERS_OF, vec!["SEARCH s USING INDEX submissions_owner (owner=? AND id<?)"]),
        (read::STATS_OF, vec!["SEARCH s USING INDEX submissions_owner (owner=?)"]),
        (sweep::LOST, vec!["SCAN s USING INDEX submissions_leased"]),
        (sweep::LOOK, vec!["SEARCH submissions USING PRIMARY KEY (id>? AND id<?)"]),
        (sweep::REMOVE, vec![BY_ID]),
    ] {
        assert_eq!(reads(&connection, sql), expected, "{sql}");
    }
}

const BY_ID: &str = "SEARCH submissions USING PRIMARY KEY (id=?)";
const OWN_FROM_ID: &str = "SEARCH submissions USING INDEX submissions_owner (owner=? AND id<?)";
const FROM_ID: &str = "SEARCH submissions USING PRIMARY KEY (id<?)";
