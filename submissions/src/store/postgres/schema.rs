//! The schema, and the first connection to a database.

use std::time::Duration;

use anyhow::{Context, anyhow};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::time::timeout;

use crate::store::time::now;

/// The longest wait for a server to connect to.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// The longest wait for another process that migrates, and the longest migration.
const MIGRATE_DEADLINE: Duration = Duration::from_secs(300);

/// Held while a process migrates. The number means nothing; another program's must differ.
const LOCK: i64 = 0x7375_626d_6974_0001;

/// The steps that lead to the schema, from the first to the newest. One that was released is never changed, and each
/// leaves a schema that the previous version can work with.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../migrations/postgres/0001_submissions.sql"),
    include_str!("../../../migrations/postgres/0002_owner.sql"),
];

/// Brings the database to the newest schema. Processes that start at the same time do it in turn.
pub(super) async fn migrate(options: &PgConnectOptions) -> anyhow::Result<()> {
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let options = options.clone().disable_statement_logging();
    let connected = timeout(CONNECT_DEADLINE, PgConnection::connect_with(&options)).await;
    let mut connection = connected
        .map_err(|_| anyhow!("it does not answer within {CONNECT_DEADLINE:?}"))
        .and_then(|connected| connected.map_err(anyhow::Error::from))
        .with_context(|| format!("cannot connect to PostgreSQL at {place}: start it, or change DATABASE_URL"))?;
    timeout(MIGRATE_DEADLINE, apply(&mut connection))
        .await
        .map_err(|_| anyhow!("it took longer than {MIGRATE_DEADLINE:?}"))
        .and_then(|applied| applied.map_err(anyhow::Error::from))
        .with_context(|| format!("cannot make the tables of submissions in PostgreSQL at {place}"))?;
    connection.close().await.ok();
    Ok(())
}

async fn apply(connection: &mut PgConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let is_there: bool =
        sqlx::query_scalar("SELECT to_regclass('submissions_schema') IS NOT NULL").fetch_one(&mut *transaction).await?;
    if !is_there {
        // Not by IF NOT EXISTS: a user without the right to make tables can use those that are there.
        let versions = "CREATE TABLE submissions_schema (version bigint NOT NULL PRIMARY KEY, at bigint NOT NULL)";
        transaction.execute(versions).await?;
    }
    let newest: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM submissions_schema")
        .fetch_one(&mut *transaction)
        .await?;
    // A newer version may have gone further; its schema suits this one, too.
    for (version, migration) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > newest) {
        transaction.execute(migration).await?;
        let noted =
            sqlx::query("INSERT INTO submissions_schema (version, at) VALUES ($1, $2)").bind(version).bind(now());
        noted.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
