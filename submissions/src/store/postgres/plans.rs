//! No statement reads more than it needs, however much is final: its plan, made once for whatever the tables hold, goes
//! through the right indexes. A clock would show that only by chance.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};
use uuid::Uuid;

use super::database::with_settings;
use super::{change, claim, create, read, schema, settle, sweep, workers};

/// Final submissions beside a few others, as an installation has them after a while.
const BACKLOG: &str = "
    INSERT INTO submissions (id, content, created_at, changed_at, run_at, processed_at, status, owner)
    SELECT md5(n::text)::uuid, 'content ' || n, n, n, n, n, 2 + n % 3, CASE WHEN n % 2 = 0 THEN 'owner ' || n % 20 END
    FROM generate_series(1, 200000) AS n;
    INSERT INTO submissions (id, content, created_at, changed_at, run_at)
    SELECT md5((-n)::text)::uuid, 'content ' || n, n, n, n FROM generate_series(1, 500) AS n;
    INSERT INTO dead_letters (id, series, attempts, reason, at)
    SELECT id, 1, 3, 'gone', 1 FROM submissions WHERE status = 3;
    INSERT INTO waiting (run_at, id) SELECT run_at, id FROM submissions WHERE status = 0;";

/// Each statement with its number of parameters.
const STATEMENTS: [(&str, &str, usize); 31] = [
    ("create", create::INSERT, 4),
    ("create what is new", create::INSERT_WHAT_IS_NEW, 4),
    ("find created", create::FIND, 2),
    ("claim", claim::CLAIM, 3),
    ("claim these", claim::CLAIM_THESE, 2),
    ("settle", settle::SETTLE, 10),
    ("find", change::FIND, 1),
    ("cancel pending", change::CANCEL_PENDING, 2),
    ("cancel processing", change::CANCEL_PROCESSING, 2),
    ("retry", change::RETRY, 2),
    ("retry all", change::RETRY_ALL, 2),
    ("get", read::GET, 1),
    ("list", read::ALL, 2),
    ("list pending", read::FEW_PENDING, 2),
    ("list many pending", read::MANY_PENDING, 2),
    ("list processing", read::PROCESSING, 2),
    ("list passed", read::PASSED, 2),
    ("list failed", read::FAILED, 2),
    ("list cancelled", read::CANCELLED, 2),
    ("dead letters", read::DEAD_LETTERS, 3),
    ("stats", read::STATS, 1),
    ("lost leases", sweep::LOST, 3),
    ("announce", sweep::ANNOUNCE, 2),
    ("prune", sweep::PRUNE, 5),
    ("beat", workers::BEAT, 2),
    ("retry all of an owner", change::RETRY_ALL_OF, 3),
    ("list of an owner", read::ALL_OF, 3),
    ("list of an owner with a status", read::WITH_STATUS_OF, 4),
    ("list failed of an owner", read::UNSUCCESSFUL_OF, 4),
    ("dead letters of an owner", read::DEAD_LETTERS_OF, 4),
    ("stats of an owner", read::STATS_OF, 2),
];

/// Where [`STATEMENTS`] has the claim and the list of dead letters.
const CLAIM: usize = 3;
const DEAD_LETTERS: usize = 19;

/// Those whose plans are not kept.
const PLANNED_EACH_TIME: [&str; 2] = ["claim these\n", "settle\n"];

async fn plan(connection: &mut PgConnection, sql: &str, parameters: usize) -> String {
    sqlx::raw_sql(&format!("PREPARE planned AS {sql}")).execute(&mut *connection).await.unwrap();
    let nulls = vec!["NULL"; parameters].join(", ");
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE planned({nulls})");
    let rows = sqlx::raw_sql(&explain).fetch_all(&mut *connection).await.unwrap();
    sqlx::raw_sql("DEALLOCATE planned").execute(&mut *connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

async fn plans(connection: &mut PgConnection) -> Vec<String> {
    let mut plans = Vec::new();
    for (name, sql, parameters) in STATEMENTS {
        plans.push(format!("{name}\n{}", plan(connection, sql, parameters).await));
    }
    plans
}

/// The lines of a plan that read `submissions`, with what limits them.
fn reads(plan: &str) -> impl Iterator<Item = (&str, &str)> {
    plan.lines().zip(plan.lines().skip(1).chain([""])).filter(|(line, _)| line.contains(" on submissions"))
}

#[tokio::test]
async fn each_statement_finds_its_submissions_by_an_index_whatever_the_tables_hold() {
    let server = stack::shared_postgres().await;
    let name = format!("submissions_{}", Uuid::now_v7().simple());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    sqlx::raw_sql(&format!("CREATE DATABASE {name}")).execute(&mut admin).await.unwrap();
    let options = server.parse::<PgConnectOptions>().unwrap().database(&name);
    schema::migrate(&options).await.unwrap();
    let mut connection = PgConnection::connect_with(&with_settings(options.clone())).await.unwrap();
    // It takes as long as it takes.
    let mut filling = PgConnection::connect_with(&options).await.unwrap();

    let new = plans(&mut connection).await;
    // A vacuum notes that the tables are empty.
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut filling).await.unwrap();
    let mut empty = plans(&mut connection).await;
    empty.retain(|plan| !PLANNED_EACH_TIME.iter().any(|name| plan.starts_with(name)));
    sqlx::raw_sql(BACKLOG).execute(&mut filling).await.unwrap();
    let without_statistics = plans(&mut connection).await;
    sqlx::raw_sql("ANALYZE").execute(&mut filling).await.unwrap();
    let with_statistics = plans(&mut connection).await;
    for plan in [&new, &empty, &without_statistics, &with_statistics].into_iter().flatten() {
        assert!(!plan.contains("Seq Scan on submissions"), "{plan}");
        for (line, limit) in reads(plan) {
            // What changes rows names the table, too.
            let is_change = ["Insert on", "Update on", "Delete on"].iter().any(|change| line.contains(change));
            assert!(is_change || limit.contains("Index Cond: ") || limit.contains("Recheck Cond: "), "{plan}");
        }
    }
    // The queue is read in its order, and not sorted.
    for plan in [&new, &empty, &without_statistics, &with_statistics].map(|plans| &plans[CLAIM]) {
        assert!(plan.starts_with("claim\n"));
        assert!(
            plan.contains("Index Scan using waiting_pkey") || plan.contains("Index Only Scan using waiting_pkey"),
            "{plan}"
        );
        assert!(!plan.contains("Sort"), "{plan}");
    }
    for plans in [&new, &without_statistics, &with_statistics] {
        let plan = &plans[DEAD_LETTERS];
        assert!(plan.starts_with("dead letters\n") && plan.contains("Backward using dead_letters_pkey"), "{plan}");
    }
    // What belongs to others is not looked at: every read is by the owner, or looks up an id that such a read gave.
    let own = [&new, &empty, &without_statistics, &with_statistics].into_iter().flatten();
    for plan in own.filter(|plan| plan.lines().next().is_some_and(|name| name.contains(" of an owner"))) {
        assert!(plan.contains("submissions_owner"), "{plan}");
        for (_, limit) in reads(plan).filter(|(_, limit)| limit.contains("Index Cond: ")) {
            assert!(limit.contains("(owner = ") || limit.contains("(id = ANY"), "{plan}");
        }
    }
    connection.close().await.unwrap();
    sqlx::raw_sql(&format!("DROP DATABASE {name} WITH (FORCE)")).execute(&mut admin).await.unwrap();
}
