//! The file of an SQLite store: where it is, what may be wrong with it, and its schema.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::store::time::now;

/// What each file of a database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Only the owner reads submissions, as with a secret. SQLite makes its other files like this one.
const MODE: u32 = 0o600;

/// The longest wait for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before opening a file again that another process is making just then.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// More than there are statements: each stays prepared.
const STATEMENTS: usize = 64;

/// The settings of each connection. There are no statistics, so it could be considered better to index a table than to
/// look up what is asked for in it.
const EACH: &str = "PRAGMA temp_store = memory; PRAGMA automatic_index = false;";

/// The settings of the connection that writes: what is committed survives a loss of power. A new file has pages of
/// twice the usual size, because most submissions that are changed together are side by side. A negative size is in
/// KiB.
const WRITER: &str = "PRAGMA page_size = 8192; PRAGMA journal_mode = wal; PRAGMA synchronous = full;
    PRAGMA cache_size = -16384;";

/// The steps that lead to the schema, from the first to the newest. One that was released is never changed, and each
/// leaves a schema that the previous version can work with.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../migrations/sqlite/0001_submissions.sql"),
    include_str!("../../../migrations/sqlite/0002_owner.sql"),
];

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

/// The connection that writes, to a file with the newest schema. It waits for other processes.
pub(super) fn writer(path: &Path) -> anyhow::Result<Connection> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match migrated(path) {
            // While another process turns a new file into a database, SQLite does not wait.
            Err(error) if is_busy(&error) && Instant::now() < deadline => thread::sleep(BUSY_PAUSE),
            connection => return connection.with_context(|| format!("cannot open the database {}", path.display())),
        }
    }
}

/// A connection that reads what others write.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn migrated(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(WRITER)?;
    // Two processes that start at the same time migrate in turn.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS submissions_schema (version INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL)",
    )?;
    let newest: i64 =
        transaction.query_row("SELECT coalesce(max(version), 0) FROM submissions_schema", [], |row| row.get(0))?;
    // A newer version may have gone further; its schema suits this one, too.
    for (version, migration) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > newest) {
        transaction.execute_batch(migration)?;
        transaction.execute("INSERT INTO submissions_schema (version, at) VALUES (?1, ?2)", [version, now()])?;
    }
    transaction.commit()?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // A connection is used by one thread at a time.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(EACH)?;
    Ok(connection)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
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
