//! Workers and sweepers on a real file of SQLite, and on a PostgreSQL that is killed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use service::secrets::Secret;
use service::{Instruments, Readiness, Registry, Settings};
use submissions::rules::{Verdict, judge};
use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{self, Created, Listing, Store};
use submissions::sweeper::Sweeper;
use submissions::worker::Worker;
use submissions::{METRICS, NewSubmission, Submission, SubmissionsConfig};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store in a directory of its own, and how the processes on it report.
struct Bench {
    store: Arc<dyn Store>,
    instruments: Instruments,
    directory: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", file(directory.path()));
        Self::on(&url, directory).await
    }

    async fn on(url: &str, directory: TempDir) -> Self {
        let store = store::open(&Secret::text(url), 8).await.unwrap();
        let readiness = Readiness::new(&[]);
        let instruments = Instruments { registry: Registry::new(METRICS), readiness, tracer: None };
        Self { store, instruments, directory }
    }

    /// A worker that stops when the token is cancelled, or dies when its handle is dropped.
    fn worker(&self, settings: &[(&str, &str)]) -> (AbortOnDropHandle<anyhow::Result<()>>, CancellationToken) {
        let stop = CancellationToken::new();
        let worker = Worker::new(&config(settings), Arc::clone(&self.store), &self.instruments);
        (AbortOnDropHandle::new(tokio::spawn(worker.run(stop.clone()))), stop)
    }

    fn sweeper(&self, settings: &[(&str, &str)]) -> AbortOnDropHandle<anyhow::Result<()>> {
        let sweeper = Sweeper::new(&config(settings), Arc::clone(&self.store), &self.instruments);
        let running: JoinHandle<_> = tokio::spawn(sweeper.run(CancellationToken::new()));
        AbortOnDropHandle::new(running)
    }

    async fn create(&self, contents: impl IntoIterator<Item = String>) -> Vec<Uuid> {
        let new = |content| NewSubmission { id: Uuid::now_v7(), content, idempotency_key: None, owner: None };
        let new: Vec<NewSubmission> = contents.into_iter().map(new).collect();
        let created = self.store.create(&new).await.unwrap();
        assert!(created.iter().all(|created| matches!(created, Created::New(_))));
        new.iter().map(|new| new.id).collect()
    }

    async fn get(&self, id: Uuid) -> Submission {
        self.store.get(&Scope::All, id).await.unwrap().unwrap()
    }

    /// Waits until there is nothing in this status.
    async fn until_none(&self, status: Status) {
        let listing = Listing { status: Some(status), after: None, limit: 1 };
        until(async || self.store.list(&Scope::All, listing).await.is_ok_and(|page| page.is_empty())).await;
    }

    /// Waits until all are final, and returns them.
    async fn finals(&self, ids: &[Uuid]) -> Vec<Submission> {
        until(async || {
            let stats = self.store.stats(&Scope::All, PATIENCE).await;
            stats.is_ok_and(|stats| stats.in_status[..2] == [0, 0])
        })
        .await;
        let mut finals = Vec::new();
        for id in ids {
            finals.push(self.get(*id).await);
        }
        finals
    }

    fn total(&self, name: &str) -> u64 {
        let totals = self.instruments.registry.last_totals();
        totals.get(name).copied().unwrap_or_default()
    }

    fn of_label(&self, metric: &str, label: &str) -> String {
        let text = self.instruments.registry.render();
        let line = text.lines().find(|line| line.starts_with(metric) && line.contains(label));
        line.and_then(|line| line.rsplit(' ').next()).unwrap_or_default().to_owned()
    }
}

fn file(directory: &Path) -> String {
    directory.join("submissions.db").display().to_string()
}

fn config(settings: &[(&str, &str)]) -> SubmissionsConfig {
    let lookup = |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    let mut settings = Settings::new(&lookup);
    let config = SubmissionsConfig::read(&mut settings);
    let (_, errors) = settings.finish();
    assert!(errors.is_empty(), "{errors:?}");
    config
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it takes too long");
}

/// Stops the worker and sees that it ends well.
async fn stopped((worker, stop): (AbortOnDropHandle<anyhow::Result<()>>, CancellationToken)) {
    stop.cancel();
    tokio::time::timeout(PATIENCE, worker).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_submission_gets_the_verdict_of_the_rule() {
    let bench = Bench::new().await;
    let contents = (0..2_000).map(|number| match number % 3 {
        0 => format!("{number}"),
        1 => "letters and no digit".to_owned(),
        _ => format!("long enough, and number {number}"),
    });
    let before = bench.create(contents.clone().take(1_000)).await;
    let worker = bench.worker(&[("WORK_TIME", "0ms"), ("POLL_INTERVAL", "1h")]);
    bench.finals(&before).await;
    // An idle worker would look again in an hour: it learns of these by the store.
    let after = bench.create(contents.skip(1_000)).await;
    let finals = bench.finals(&[before, after].concat()).await;
    for submission in &finals {
        let (status, reason) = match judge(&submission.content) {
            Verdict::Passed => (Status::Passed, None),
            Verdict::Failed(reason) => (Status::Failed, Some(reason)),
        };
        assert_eq!((submission.status, &submission.reason), (status, &reason), "{submission:?}");
        assert_eq!((submission.begun, submission.series), (1, 1), "{submission:?}");
    }
    let cached = finals.iter().filter(|submission| submission.is_cached).count();
    assert!(cached > 0, "the same content comes often");
    assert_eq!(bench.total("submissions_cached_total"), cached as u64);
    assert_eq!(bench.of_label("submissions_total", "PROCESSING"), "2000");
    assert_eq!(bench.of_label("submissions_start_seconds_count", ""), "2000");
    assert_eq!(bench.total("submissions_late_finishes_total"), 0);
    assert_eq!(bench.instruments.readiness.check(), Ok(()));
    stopped(worker).await;
    assert_eq!(bench.store.workers().await.unwrap(), []);
    assert_eq!(bench.of_label("submissions_running", ""), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_fail_are_repeated_and_then_given_up() {
    let bench = Bench::new().await;
    let ids = bench.create((0..20).map(|number| format!("long enough, and number {number}"))).await;
    let settings = [("WORK_TIME", "0ms"), ("WORK_FAILURES", "100"), ("MAX_ATTEMPTS", "3"), ("RETRY_BACKOFF", "0s")];
    let worker = bench.worker(&settings);
    for submission in bench.finals(&ids).await {
        assert_eq!((submission.status, submission.begun, submission.failures), (Status::Failed, 3, 3));
        assert_eq!(submission.reason.as_deref(), Some("made to fail by WORK_FAILURES"));
    }
    assert_eq!(bench.store.stats(&Scope::All, PATIENCE).await.unwrap().dead_letters, 20);
    assert_eq!(bench.of_label("submissions_retries_total", "failure"), "40");
    assert_eq!(bench.total("submissions_given_up_total"), 20);
    stopped(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_gives_back_what_is_not_done() {
    let bench = Bench::new().await;
    let ids = bench.create((0..700).map(|number| format!("long enough, and number {number}"))).await;
    let worker = bench.worker(&[("WORK_TIME", "1h"), ("WORK_TIMEOUT", "2h"), ("WORKER_CONCURRENCY", "600")]);
    until(async || bench.store.stats(&Scope::All, PATIENCE).await.unwrap().in_status == [100, 600, 0, 0, 0]).await;
    stopped(worker).await;
    let mut given_back = 0;
    for id in ids {
        let submission = bench.get(id).await;
        assert_eq!(submission.status, Status::Pending);
        assert_eq!((submission.begun, submission.failures, submission.losses), (submission.given_back, 0, 0));
        given_back += submission.given_back;
    }
    assert_eq!(given_back, 600);
    assert_eq!(bench.of_label("submissions_retries_total", "given_back"), "600");
    assert_eq!(bench.store.workers().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_worker_that_died_is_begun_again() {
    let bench = Bench::new().await;
    let ids = bench.create((0..50).map(|number| format!("long enough, and number {number}"))).await;
    let slow = [("WORK_TIME", "1h"), ("WORK_TIMEOUT", "2h"), ("HEARTBEAT", "200ms")];
    let (dying, _stop) = bench.worker(&slow);
    bench.until_none(Status::Pending).await;
    drop(dying);
    let worker = bench.worker(&[("WORK_TIME", "0ms"), ("HEARTBEAT", "200ms")]);
    let _sweeper = bench.sweeper(&slow);
    for submission in bench.finals(&ids).await {
        assert_eq!((submission.status, submission.begun, submission.losses), (Status::Passed, 2, 1));
    }
    assert_eq!(bench.of_label("submissions_retries_total", "worker_gone"), "50");
    until(async || bench.store.workers().await.unwrap().len() == 1).await;
    // The figures follow within a second.
    until(async || bench.of_label("submissions_workers", "") == "1").await;
    until(async || bench.of_label("submissions_in_status", "PASSED") == "50").await;
    stopped(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_lasts_too_long_is_counted_and_its_finish_comes_late() {
    let bench = Bench::new().await;
    let ids = bench.create(["long enough, and number 1".to_owned()]).await;
    let settings = [("HEARTBEAT", "200ms"), ("MAX_ATTEMPTS", "1"), ("WORK_TIME", "3s")];
    let worker = bench.worker(&settings);
    // Only the sweeper finds that this is too long.
    let settings = [("HEARTBEAT", "200ms"), ("MAX_ATTEMPTS", "1"), ("WORK_TIME", "0s"), ("WORK_TIMEOUT", "500ms")];
    let _sweeper = bench.sweeper(&settings);
    for submission in bench.finals(&ids).await {
        assert_eq!((submission.status, submission.failures), (Status::Failed, 1));
        assert_eq!(submission.reason.as_deref(), Some("was not done within 500ms"));
    }
    until(async || bench.total("submissions_late_finishes_total") == 1).await;
    assert_eq!(bench.get(ids[0]).await.status, Status::Failed, "what came late has changed nothing");
    assert_eq!(bench.store.stats(&Scope::All, PATIENCE).await.unwrap().dead_letters, 1);
    stopped(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_stays_cancelled() {
    let bench = Bench::new().await;
    let ids = bench.create(["long enough, and number 1".to_owned()]).await;
    let worker = bench.worker(&[("WORK_TIME", "300ms")]);
    bench.until_none(Status::Pending).await;
    bench.store.cancel(&Scope::All, ids[0]).await.unwrap();
    until(async || bench.total("submissions_late_finishes_total") == 1).await;
    assert_eq!(bench.get(ids[0]).await.status, Status::Cancelled);
    stopped(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_removed_continues_under_another_id() {
    let bench = Bench::new().await;
    let settings = [("WORK_TIME", "1s"), ("HEARTBEAT", "200ms")];
    let worker = bench.worker(&settings);
    let _sweeper = bench.sweeper(&settings);
    until(async || bench.store.workers().await.unwrap().len() == 1).await;
    let removed = bench.store.workers().await.unwrap()[0].id;
    let ids = bench.create((0..20).map(|number| format!("long enough, and number {number}"))).await;
    bench.until_none(Status::Pending).await;
    bench.store.leave(removed).await.unwrap();
    for submission in bench.finals(&ids).await {
        assert_eq!((submission.status, submission.begun, submission.losses), (Status::Passed, 2, 1));
    }
    assert_eq!(bench.total("submissions_late_finishes_total"), 0, "what it had in work was dropped");
    let workers = bench.store.workers().await.unwrap();
    assert!(workers.len() == 1 && workers[0].id != removed, "{workers:?}");
    stopped(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_does_not_answer_the_worker_is_not_ready_and_then_continues() {
    let bench = Bench::new().await;
    let settings = [("WORK_TIME", "200ms"), ("HEARTBEAT", "200ms")];
    let worker = bench.worker(&settings);
    let _sweeper = bench.sweeper(&settings);
    until(async || bench.instruments.readiness.check().is_ok()).await;
    let ids = bench.create((0..50).map(|number| format!("long enough, and number {number}"))).await;
    bench.until_none(Status::Pending).await;
    // Another process holds the lock: nobody can write.
    let mut other = Connection::open(file(bench.directory.path())).unwrap();
    let blocking = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    until(async || bench.instruments.readiness.check().is_err_and(|why| why.contains("worker: database: "))).await;
    until(async || bench.total("submissions_store_errors_total") >= 5).await;
    blocking.rollback().unwrap();
    for submission in bench.finals(&ids).await {
        assert_eq!(submission.status, Status::Passed);
        assert_eq!(submission.begun, 1 + submission.losses);
    }
    until(async || bench.instruments.readiness.check().is_ok()).await;
    stopped(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_under_load_costs_no_submission_and_no_attempt() {
    let mut postgres = stack::Postgres::start(stack::to_stderr, stack::environment).await.unwrap();
    let bench = Bench::on(&postgres.url("postgres"), tempfile::tempdir().unwrap()).await;
    let settings = [("WORK_TIME", "50ms"), ("HEARTBEAT", "300ms"), ("WORKER_CONCURRENCY", "40")];
    let workers = [bench.worker(&settings), bench.worker(&settings)];
    let _sweepers = [bench.sweeper(&settings), bench.sweeper(&settings)];
    let mut ids = Vec::new();
    for _ in 0..3 {
        let before = bench.store.stats(&Scope::All, PATIENCE).await.unwrap().in_status[Status::Passed as usize];
        ids.extend(bench.create((0..400).map(|number| format!("long enough, and number {number}"))).await);
        until(async || {
            bench.store.stats(&Scope::All, PATIENCE).await.unwrap().in_status[Status::Passed as usize] > before
        })
        .await;
        postgres.kill().await.unwrap();
        postgres.restart().await.unwrap();
        // All connections are new ones, some of which are made only when they are needed.
        until(async || bench.store.stats(&Scope::All, PATIENCE).await.is_ok()).await;
    }
    for submission in bench.finals(&ids).await {
        assert_eq!((submission.status, submission.failures), (Status::Passed, 0), "{submission:?}");
        assert_eq!(submission.begun, 1 + submission.losses, "{submission:?}");
    }
    until(async || bench.instruments.readiness.check().is_ok()).await;
    for worker in workers {
        stopped(worker).await;
    }
}
