//! Which store a URL names.

use std::sync::Arc;

use super::Store;
use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;

/// Opens the store that this URL names, `sqlite:FILE` or `postgres://…`, and brings its schema up to date. `pool` is
/// the most connections to PostgreSQL, beside one that listens.
///
/// # Errors
/// When it cannot be opened, with what to do about it.
pub async fn open(url: &str, pool: u32) -> anyhow::Result<Arc<dyn Store>> {
    Ok(if url.starts_with("sqlite:") {
        Arc::new(SqliteStore::open(url).await?)
    } else {
        Arc::new(PostgresStore::open(url, pool).await?)
    })
}
