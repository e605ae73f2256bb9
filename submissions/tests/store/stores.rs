//! Fresh stores, and what most tests do with them.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use service::secrets::Secret;
use sqlx::{Connection, PgConnection};
use submissions::NewSubmission;
use submissions::store::{Created, Job, Outcome, Settlement, Store, open};
use tempfile::TempDir;
use uuid::Uuid;

/// Longer than any test.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Connections to PostgreSQL.
const POOL: u32 = 8;

/// Makes a test of each function, with each store. The runtime has a thread for each processor.
macro_rules! with_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Fresh::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Fresh::postgres().await).await;
            })+
        }
    };
}

/// A store with nothing in it.
pub(crate) struct Fresh {
    store: Arc<dyn Store>,
    pub(crate) url: String,
    _directory: Option<TempDir>,
}

impl Deref for Fresh {
    type Target = Arc<dyn Store>;

    fn deref(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

impl Fresh {
    pub(crate) async fn sqlite() -> Fresh {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("submissions.db").display());
        Fresh { store: open(&Secret::text(&url), POOL).await.unwrap(), url, _directory: Some(directory) }
    }

    pub(crate) async fn postgres() -> Fresh {
        let url = database(&stack::shared_postgres().await).await;
        Fresh { store: open(&Secret::text(&url), POOL).await.unwrap(), url, _directory: None }
    }

    /// Closes it and removes its data, for tests that make many.
    pub(crate) async fn remove(self) {
        self.store.close().await;
        if let Some((server, name)) = self.url.strip_prefix("postgres").and_then(|_| self.url.rsplit_once('/')) {
            let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            sqlx::raw_sql(&drop).execute(&mut connection).await.unwrap();
        }
    }

    /// Another store on the same data, as another process has it.
    pub(crate) async fn other(&self) -> Arc<dyn Store> {
        open(&Secret::text(&self.url), POOL).await.unwrap()
    }
}

/// Makes a database on this server, and returns its URL.
pub(crate) async fn database(server: &str) -> String {
    let name = format!("submissions_{}", Uuid::now_v7().simple());
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(&format!("CREATE DATABASE {name}")).execute(&mut connection).await.unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

pub(crate) fn new(content: &str) -> NewSubmission {
    NewSubmission { id: Uuid::now_v7(), content: content.to_owned(), idempotency_key: None, owner: None }
}

pub(crate) fn of(owner: &str, content: &str) -> NewSubmission {
    NewSubmission { owner: Some(owner.into()), ..new(content) }
}

pub(crate) fn with_key(content: &str, key: &str) -> NewSubmission {
    NewSubmission { idempotency_key: Some(key.to_owned()), ..new(content) }
}

/// Creates this number of submissions and returns their ids, in order.
pub(crate) async fn create(store: &dyn Store, count: usize) -> Vec<Uuid> {
    let new: Vec<NewSubmission> = (0..count).map(|n| new(&format!("content number {n}"))).collect();
    let created = store.create(&new).await.unwrap();
    assert!(created.iter().all(|created| matches!(created, Created::New(_))));
    new.into_iter().map(|new| new.id).collect()
}

/// A worker that has joined.
pub(crate) async fn join(store: &dyn Store) -> Uuid {
    let worker = Uuid::now_v7();
    store.join(worker, "host 1", 10).await.unwrap();
    worker
}

/// The one job that can be claimed.
pub(crate) async fn claim_one(store: &dyn Store, worker: Uuid) -> Job {
    let mut jobs = store.claim(worker, 2).await.unwrap();
    assert_eq!(jobs.len(), 1);
    jobs.remove(0)
}

/// Ends one lease so; returns whether it was in force.
pub(crate) async fn settle(store: &dyn Store, job: &Job, outcome: Outcome) -> bool {
    let settled = store.settle(&[Settlement { lease: job.lease, outcome }]).await.unwrap();
    assert_eq!(settled.len(), 1);
    settled[0]
}

pub(crate) fn passed() -> Outcome {
    Outcome::Passed { is_cached: false }
}

pub(crate) fn failed(reason: &str) -> Outcome {
    Outcome::Failed { reason: reason.to_owned(), is_cached: false }
}

/// Waits until the clock of the store shows another time.
pub(crate) async fn tick() {
    tokio::time::sleep(Duration::from_millis(3)).await;
}
