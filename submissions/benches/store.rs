//! What the shape of the tables costs: the store alone, without HTTP and without work. `cargo bench -p submissions
//! --bench store` measures both stores, `-- sqlite` or `-- postgres` one of them. Each figure is submissions a second
//! on this machine, server included; all is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use service::secrets::Secret;
use submissions::NewSubmission;
use submissions::scope::Scope;
use submissions::store::{Outcome, Settlement, Store, open};
use uuid::Uuid;

/// Submissions of a figure about creations. There are four, so more are there than all claims need.
const CREATED: usize = 75_008;
/// Submissions of a figure about claims.
const CLAIMED: usize = 60_000;
/// Bytes of a content.
const CONTENT: usize = 250;
/// How often one owner's submissions are counted.
const COUNTS: u32 = 10;
/// Submissions of a claim, and of a settlement.
const CLAIM: u32 = 500;

/// Creates in batches of this size, as a group commit does for this number of callers.
async fn create(store: &dyn Store, batch: usize, owner: Option<&str>) {
    let (content, owner) = ("c".repeat(CONTENT), owner.map(Arc::from));
    for _ in 0..CREATED / batch {
        let new: Vec<NewSubmission> = (0..batch)
            .map(|_| NewSubmission {
                id: Uuid::now_v7(),
                content: content.clone(),
                idempotency_key: None,
                owner: owner.clone(),
            })
            .collect();
        store.create(&new).await.expect("the store creates");
    }
}

/// Claims and settles until none of these is left; every n-th one fails.
async fn work(store: Arc<dyn Store>, failing: usize, left: Arc<AtomicI64>) {
    let worker = Uuid::now_v7();
    store.join(worker, "bench", CLAIM).await.expect("the store lets it join");
    let mut settling = None;
    while left.load(Ordering::Relaxed) > 0 {
        let jobs = store.claim(worker, CLAIM).await.expect("the store gives leases");
        left.fetch_sub(jobs.len() as i64, Ordering::Relaxed);
        let outcome = |n: usize| match n % failing {
            0 => Outcome::Failed { reason: "content has no digit".to_owned(), is_cached: false },
            _ => Outcome::Passed { is_cached: false },
        };
        let batch: Vec<Settlement> =
            (1..).zip(&jobs).map(|(n, job)| Settlement { lease: job.lease, outcome: outcome(n) }).collect();
        // One batch is settled while the next one is claimed, as a worker does.
        if let Some(settled) = settling.take() {
            finish(settled).await;
        }
        let store = Arc::clone(&store);
        settling = Some(tokio::spawn(async move { store.settle(&batch).await }));
    }
    if let Some(settled) = settling {
        finish(settled).await;
    }
}

type Settled = tokio::task::JoinHandle<Result<Vec<bool>, submissions::store::StoreError>>;

async fn finish(settled: Settled) {
    let settled = settled.await.expect("it does not panic").expect("the store settles");
    assert!(settled.into_iter().all(|was_in_force| was_in_force), "a lease was lost");
}

async fn measure(name: &str, url: &str) {
    let store = open(&Secret::text(url), 8).await.expect("the store opens");
    // The second time shows whether it gets slower as the tables grow.
    for (batch, time) in [(64, "first"), (64, "second"), (512, "first"), (512, "second")] {
        let start = Instant::now();
        create(&*store, batch, None).await;
        report(name, &format!("creates in batches of {batch}, the {time} time"), CREATED, start);
    }
    for (workers, failing) in [(1, usize::MAX), (2, usize::MAX), (1, 2), (2, 2)] {
        let left = Arc::new(AtomicI64::new(CLAIMED as i64));
        let start = Instant::now();
        let workers: Vec<_> =
            (0..workers).map(|_| tokio::spawn(work(Arc::clone(&store), failing, Arc::clone(&left)))).collect();
        let count = workers.len();
        for worker in workers {
            worker.await.expect("it does not panic");
        }
        let failing = if failing == 2 { ", half of them FAILED" } else { "" };
        report(name, &format!("claims with settlements, {count} at a time{failing}"), CLAIMED, start);
    }
    let start = Instant::now();
    create(&*store, 512, Some("bench")).await;
    report(name, "creates of an owner in batches of 512", CREATED, start);
    let start = Instant::now();
    for _ in 0..COUNTS {
        store.stats(&Scope::Of("bench".into()), Duration::from_secs(30)).await.expect("the store counts");
    }
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0 / f64::from(COUNTS);
    println!("{name}: counts of an owner with {CREATED} submissions: {milliseconds:.1} ms");
    store.close().await;
}

fn report(name: &str, what: &str, count: usize, start: Instant) {
    println!("{name}: {what}: {:.0}/s", count as f64 / start.elapsed().as_secs_f64());
}

#[tokio::main]
async fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    if is_asked("sqlite") {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        measure("sqlite", &format!("sqlite:{}", directory.path().join("submissions.db").display())).await;
    }
    if is_asked("postgres") {
        let postgres = stack::Postgres::start(stack::to_stderr, stack::environment).await.expect("PostgreSQL starts");
        measure("postgres", &postgres.url("postgres")).await;
    }
}
