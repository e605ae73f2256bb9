//! No statement reads more than it needs, however much is final: SQLite plans without statistics, so a plan does not
//! depend on what the tables hold.

use sqlx::{Row, SqliteConnection};

use super::{change, claim, create, file, read, settle, sweep};

/// The steps of a plan that touch `submissions`.
async fn reads(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let plan = format!("EXPLAIN QUERY PLAN {sql}");
    let rows = sqlx::raw_sql(&plan).fetch_all(connection).await.unwrap();
    let steps = rows.iter().map(|row| row.get::<String, _>(3));
    steps.filter(|step| ["submissions", " s "].iter().any(|name| format!("{step} ").contains(name))).collect()
}

#[tokio::test]
async fn each_statement_finds_its_submissions_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("submissions.db");
    file::prepare(&path).unwrap();
    let mut connection = file::connect(&file::options(&path)).await.unwrap();
    for (sql, expected) in [
        (create::FIND, vec!["SEARCH submissions USING INDEX submissions_idempotency_key (idempotency_key=?)", BY_ID]),
        (claim::FIND, vec!["SEARCH submissions USING INDEX submissions_pending (run_at<?)"]),
        (claim::FIND_THESE.as_str(), vec![BY_ID]),
        (claim::TAKE.as_str(), vec![BY_ID]),
        (settle::SETTLE.as_str(), vec![BY_ID]),
        (change::FIND, vec![BY_ID]),
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
        (sweep::LOST, vec!["SCAN s USING INDEX submissions_leased"]),
        (sweep::LOOK, vec!["SEARCH submissions USING PRIMARY KEY (id>? AND id<?)"]),
        (sweep::REMOVE.as_str(), vec![BY_ID]),
    ] {
        assert_eq!(reads(&mut connection, sql).await, expected, "{sql}");
    }
}

const BY_ID: &str = "SEARCH submissions USING PRIMARY KEY (id=?)";
const FROM_ID: &str = "SEARCH submissions USING PRIMARY KEY (id<?)";
