//! Notifications: one for each batch that makes submissions claimable, from whichever process.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::{info, warn};

use super::database::Database;

/// The channel that the statements of this store notify.
const CHANNEL: &str = "submissions_waiting";

/// After this long without a notification the server is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(10);

/// The longest wait for an answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// The wait before connecting again.
const PAUSE: Duration = Duration::from_millis(500);

/// Passes notifications on, forever. A connection that is lost is made again, and what may have been missed meanwhile
/// is made up for by a notification.
pub(super) async fn listen(database: Database, arrivals: Arc<Notify>) {
    let mut is_lost = false;
    loop {
        // Of one connection, and a new one for each attempt, so that a connection that hangs cannot hold up the next.
        let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let connected = timeout(DEADLINE, async {
            let pool = pool.acquire_timeout(DEADLINE).connect_lazy_with(database.options_in_use()?);
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        });
        let lost = match connected.await {
            Ok(Ok(listener)) => {
                if is_lost {
                    info!("PostgreSQL sends notifications again");
                    is_lost = false;
                }
                arrivals.notify_one();
                pass_on(listener, &arrivals).await
            }
            Ok(Err(error)) => error,
            Err(_) => silent(),
        };
        if !is_lost {
            warn!(error = %lost, "PostgreSQL sends no notifications, workers look for submissions by themselves");
            is_lost = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Returns why it does not continue.
async fn pass_on(mut listener: PgListener, arrivals: &Notify) -> sqlx::Error {
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(_))) => arrivals.notify_one(),
            Ok(Ok(None)) => return sqlx::Error::Protocol("the connection was closed".to_owned()),
            Ok(Err(error)) => return error,
            Err(_) => match timeout(DEADLINE, listener.execute("SELECT 1")).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error,
                Err(_) => return silent(),
            },
        }
    }
}

fn silent() -> sqlx::Error {
    sqlx::Error::Protocol(format!("it did not answer within {DEADLINE:?}"))
}
