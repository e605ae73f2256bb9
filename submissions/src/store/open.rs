//! Which store a URL names.

use std::sync::Arc;

use service::secrets::Secret;

use super::Store;
use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;

/// Opens the store that this URL names, `sqlite:FILE` or `postgres://…`, and brings its schema up to date. `pool` is
/// the most connections to PostgreSQL, beside one that listens; the URL is read again for each of them.
///
/// # Errors
/// When it cannot be opened, with what to do about it.
pub async fn open(url: &Secret, pool: u32) -> anyhow::Result<Arc<dyn Store>> {
    let text = url.read()?;
    Ok(if text.starts_with("sqlite:") {
        Arc::new(SqliteStore::open(&text).await?)
    } else {
        Arc::new(PostgresStore::open(url, pool).await?)
    })
}
