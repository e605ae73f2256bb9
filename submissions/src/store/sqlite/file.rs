//! The file of an SQLite store: where it is, what may be wrong with it, and its schema.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::time::Instant;

use crate::store::time::now;

/// What each file of a database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Only the owner reads submissions, as with a secret. SQLite makes its other files like this one.
const MODE: u32 = 0o600;

/// The longest wait for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before opening a file again that another process is making just then.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// The primary result code of a locked database.
const BUSY: i32 = 5;

/// The steps that lead to the schema, from the first to the newest. One that was released is never changed, and each
/// leaves a schema that the previous version can work with.
const MIGRATIONS: [&str; 1] = [include_str!("../../../migrations/sqlite/0001_submissions.sql")];

/// The file that a `DATABASE_URL` names.
pub(super) fn path(url: &str) -> anyhow::Result<PathBuf> {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    match path {
        "" => bail!("{url} names no file: set DATABASE_URL to sqlite:FILE"),
        ":memory:" => bail!("{url} would keep nothing: set DATABASE_URL to sqlite:FILE"),
        path if path.contains('?') => bail!("{url} has parameters, which are not supported: use sqlite:FILE"),
        path => Ok(PathBuf::from(path)),
    }
}

/// Makes the file if it is missing, and checks that it can be a database that this process writes to.
pub(super) fn prepare(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        bail!(
            "{shown} cannot be made, because {} is not a directory: create it, or change DATABASE_URL",
            folder.display()
        );
    }
    if path.is_dir() {
        bail!("{shown} is a directory: DATABASE_URL must name a file");
    }
    let opened = File::options().read(true).write(true).create(true).truncate(false).mode(MODE).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("{shown} cannot be written by this user: change its permissions or DATABASE_URL")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot open {shown}")),
    };
    // SQLite keeps a log beside the file.
    if let Err(error) = make_a_file(folder) {
        bail!("{} cannot be written by this user ({error}): change its permissions or DATABASE_URL", folder.display());
    }
    let mut start = Vec::with_capacity(MAGIC.len());
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start).with_context(|| format!("cannot read {shown}"))?;
    if !start.is_empty() && start != MAGIC {
        bail!("{shown} is not a database of SQLite: change DATABASE_URL, or move that file away");
    }
    Ok(())
}

/// Makes a file there and removes it.
fn make_a_file(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".submissions-{}", uuid::Uuid::now_v7()));
    File::options().write(true).create_new(true).mode(MODE).open(&probe)?;
    std::fs::remove_file(probe)
}

/// How to connect to the file.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        // What is committed survives a loss of power.
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "memory")
        // There are no statistics, so it could be considered better to index a table than to look up each row of a
        // batch in it.
        .pragma("automatic_index", "false")
}

/// A connection to the file, with the newest schema.
pub(super) async fn connect(options: &SqliteConnectOptions) -> anyhow::Result<SqliteConnection> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connect_once(options).await {
            // While another process turns a new file into a database, SQLite does not wait.
            Err(error) if is_busy(&error) && Instant::now() < deadline => tokio::time::sleep(BUSY_PAUSE).await,
            Err(error) => {
                let shown = options.get_filename().display().to_string();
                return Err(error).with_context(|| format!("cannot open the database {shown}"));
            }
            Ok(connection) => return Ok(connection),
        }
    }
}

async fn connect_once(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut connection = SqliteConnection::connect_with(options).await?;
    // Two processes that start at the same time migrate in turn.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let versions =
        "CREATE TABLE IF NOT EXISTS submissions_schema (version INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL)";
    transaction.execute(versions).await?;
    let newest: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM submissions_schema")
        .fetch_one(&mut *transaction)
        .await?;
    // A newer version may have gone further; its schema suits this one, too.
    for (version, migration) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > newest) {
        transaction.execute(migration).await?;
        let noted =
            sqlx::query("INSERT INTO submissions_schema (version, at) VALUES (?1, ?2)").bind(version).bind(now());
        noted.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(connection)
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == BUSY)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_url_names_a_file() {
        for (url, file) in [
            ("sqlite:submissions.db", "submissions.db"),
            ("sqlite:/var/lib/submissions.db", "/var/lib/submissions.db"),
            ("sqlite://data/submissions.db", "data/submissions.db"),
            ("sqlite:///var/lib/submissions.db", "/var/lib/submissions.db"),
        ] {
            assert_eq!(path(url).unwrap(), Path::new(file));
        }
        for (url, why) in [
            ("sqlite:", "names no file"),
            ("sqlite::memory:", "would keep nothing"),
            ("sqlite:a.db?mode=ro", "has parameters"),
        ] {
            let error = path(url).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_a_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| prepare(path).unwrap_err().to_string();
        assert!(error(&folder.path().join("missing/submissions.db")).contains("missing is not a directory"));
        assert!(error(folder.path()).ends_with("DATABASE_URL must name a file"));
        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "milk, bread, and more").unwrap();
        assert!(error(&text).contains("notes.txt is not a database of SQLite"));
        std::fs::write(&text, "milk").unwrap();
        assert!(error(&text).contains("notes.txt is not a database of SQLite"));
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submissions.db");
        prepare(&path).unwrap();
        prepare(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
