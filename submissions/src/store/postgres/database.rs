//! Where the database is, and what each connection of a store is set to.

use std::str::FromStr;

use anyhow::Context;
use service::secrets::Secret;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// What ends a statement that takes too long, waits too long for a lock, or whose client went silent.
const LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "8s"), ("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "15s")];

/// What is done in a database of any age. The plans of prepared statements are made once and kept, and tables grow
/// meanwhile: a plan that reads or sorts a whole table, which is best for a small one, would be slow forever.
const PLANS: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // What is switched off counts as so expensive that compiling would seem worth it.
    ("jit", "off"),
];

/// A database by its URL, which is read again for each connection: its password may have changed.
#[derive(Clone)]
pub(super) struct Database {
    url: Secret,
}

impl Database {
    pub(super) fn new(url: Secret) -> Self {
        Self { url }
    }

    /// How to connect to it. Never shown: they have the password.
    ///
    /// # Errors
    /// When the URL cannot be read or is none.
    pub(super) fn options(&self) -> anyhow::Result<PgConnectOptions> {
        let url = self.url.read().context("DATABASE_URL_FILE cannot be used")?;
        let options = PgConnectOptions::from_str(&url).context("DATABASE_URL is not a URL of PostgreSQL")?;
        Ok(options.application_name("submissions"))
    }

    /// The same for a connection of a store.
    ///
    /// # Errors
    /// When the URL cannot be read or is none.
    pub(super) fn options_in_use(&self) -> sqlx::Result<PgConnectOptions> {
        self.options().map(with_settings).map_err(|error| sqlx::Error::Configuration(error.into()))
    }
}

/// These options with what each connection of a store is set to.
pub(super) fn with_settings(options: PgConnectOptions) -> PgConnectOptions {
    // What is committed survives a crash of the server, whatever the default of the database is.
    options.options([("synchronous_commit", "on")]).options(LIMITS).options(PLANS).disable_statement_logging()
}
