//! A PostgreSQL that is killed or frozen: nothing that was confirmed is lost, nothing hangs, and the store recovers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use service::secrets::Secret;
use stack::{Postgres, environment, to_stderr};
use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Created, Store, open};
use uuid::Uuid;

use crate::stores::{HOUR, create, join, new, passed};

/// Longer than any deadline of the store.
const PATIENCE: Duration = Duration::from_secs(60);

async fn started() -> (Postgres, Arc<dyn Store>) {
    let postgres = Postgres::start(to_stderr, environment).await.unwrap();
    let store = open(&Secret::text(&postgres.url("postgres")), 8).await.unwrap();
    (postgres, store)
}

/// Repeats a creation until it is confirmed.
async fn create_at_last(store: &dyn Store) {
    let new = [new("after the outage 1")];
    let deadline = Instant::now() + PATIENCE;
    while store.create(&new).await.is_err() {
        assert!(Instant::now() < deadline, "it does not recover");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_survives_kills_under_load() {
    let (mut postgres, store) = started().await;
    let worker = join(&*store).await;
    let mut confirmed: Vec<(Uuid, Status)> = Vec::new();
    for _ in 0..3 {
        let settled_so_far = Arc::new(AtomicUsize::new(0));
        let load = {
            let (store, settled_so_far) = (Arc::clone(&store), Arc::clone(&settled_so_far));
            tokio::spawn(async move {
                let mut confirmed = Vec::new();
                // Until the server is gone.
                loop {
                    let batch: Vec<_> = (0..20).map(|n| new(&format!("content {n}"))).collect();
                    let Ok(created) = store.create(&batch).await else { return confirmed };
                    assert!(created.iter().all(|created| matches!(created, Created::New(_))));
                    confirmed.extend(batch.iter().map(|new| (new.id, Status::Pending)));
                    let Ok(jobs) = store.claim(worker, 10).await else { return confirmed };
                    for job in jobs {
                        let settlement = submissions::store::Settlement { lease: job.lease, outcome: passed() };
                        let Ok(settled) = store.settle(&[settlement]).await else { return confirmed };
                        assert_eq!(settled, [true]);
                        confirmed.push((job.lease.id, Status::Passed));
                        settled_so_far.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
        let deadline = Instant::now() + PATIENCE;
        while settled_so_far.load(Ordering::Relaxed) == 0 {
            assert!(Instant::now() < deadline && !load.is_finished(), "nothing is settled");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        postgres.kill().await.unwrap();
        confirmed.extend(load.await.unwrap());
        assert!(store.create(&[new("during the outage 1")]).await.is_err());
        postgres.restart().await.unwrap();
        create_at_last(&*store).await;
        let mut passed = 0;
        for (id, status) in &confirmed {
            let found = store.get(&Scope::All, *id).await.unwrap().unwrap();
            assert!(*status == Status::Pending || found.status == Status::Passed, "{found:?}");
            passed += usize::from(*status == Status::Passed);
        }
        assert!(passed > 0, "nothing was settled before the kill");
    }
    let in_status = store.stats(&Scope::All, HOUR).await.unwrap().in_status;
    let mut counted = [0; 5];
    let mut after = None;
    loop {
        let page =
            store.list(&Scope::All, submissions::store::Listing { status: None, after, limit: 1000 }).await.unwrap();
        page.iter().for_each(|found| counted[found.status as usize] += 1);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
    }
    assert_eq!(in_status, counted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_an_error_and_not_a_wait_without_end() {
    let (postgres, store) = started().await;
    create(&*store, 1).await;
    postgres.pause().unwrap();
    // More than there are connections.
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.create(&[new("frozen 1")]).await })
        })
        .collect();
    for call in calls {
        let error = tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap().unwrap_err();
        assert!(error.to_string().contains("did not answer within"), "{error}");
    }
    postgres.resume().unwrap();
    create_at_last(&*store).await;
    tokio::time::timeout(PATIENCE, store.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_come_again_after_a_restart() {
    let (mut postgres, store) = started().await;
    let arrivals = store.arrivals();
    tokio::time::timeout(PATIENCE, arrivals.notified()).await.unwrap();
    postgres.restart().await.unwrap();
    // What may have been missed.
    tokio::time::timeout(PATIENCE, arrivals.notified()).await.unwrap();
    create_at_last(&*store).await;
    tokio::time::timeout(PATIENCE, arrivals.notified()).await.unwrap();
}
