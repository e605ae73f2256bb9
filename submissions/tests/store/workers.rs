//! Workers join, beat, leave and are removed, and what they held is given to others.

use std::time::{Duration, Instant};

use submissions::store::{Beat, Counted, LostLease, Outcome};
use uuid::Uuid;

use crate::stores::{Fresh, HOUR, claim_one, create, join, passed, settle, tick};

with_both_stores!(
    workers_are_listed_until_they_leave,
    a_silent_worker_loses_its_leases_and_is_removed,
    a_worker_that_left_loses_what_it_held,
    an_attempt_that_lasts_too_long_is_lost_though_its_worker_lives,
    lost_leases_stay_in_force_until_they_are_settled,
);

async fn workers_are_listed_until_they_leave(store: Fresh) {
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    store.join(first, "host 2", 1000).await.unwrap();
    store.join(second, "host 1", 5).await.unwrap();
    store.join(second, "host 1", 5).await.unwrap();
    assert_eq!(store.beat(first, 17).await.unwrap(), Beat::Known);
    let workers = store.workers().await.unwrap();
    let shown: Vec<_> = workers.iter().map(|w| (w.id, w.name.as_str(), w.concurrency, w.running)).collect();
    assert_eq!(shown, [(second, "host 1", 5, 0), (first, "host 2", 1000, 17)]);
    assert!(workers.iter().all(|worker| worker.silent < HOUR && worker.started_at > 1_600_000_000_000));
    store.leave(first).await.unwrap();
    store.leave(first).await.unwrap();
    assert_eq!(store.workers().await.unwrap().len(), 1);
    assert_eq!(store.beat(first, 0).await.unwrap(), Beat::Gone);
    assert_eq!(store.beat(Uuid::now_v7(), 0).await.unwrap(), Beat::Gone);
}

const SILENCE: Duration = Duration::from_millis(200);

/// The leases that are lost just after a beat of this worker, while the other one has been silent since then. If the
/// machine stalls in between, both are silent, so then it is repeated, with a longer silence.
async fn lost_after_beat(store: &Fresh, lively: Uuid, since: Instant, limit: u32) -> Vec<LostLease> {
    loop {
        let (before, silence) = (Instant::now(), SILENCE.max(since.elapsed() / 2));
        assert_eq!(store.beat(lively, 1).await.unwrap(), Beat::Known);
        let lost = store.lost_leases(silence, HOUR, limit).await.unwrap();
        if before.elapsed() < silence {
            return lost;
        }
    }
}

async fn a_silent_worker_loses_its_leases_and_is_removed(store: Fresh) {
    create(&**store, 3).await;
    let (silent, lively) = (join(&**store).await, join(&**store).await);
    let jobs = store.claim(silent, 2).await.unwrap();
    claim_one(&**store, lively).await;
    assert_eq!(store.lost_leases(HOUR, HOUR, 10).await.unwrap(), []);
    let since = Instant::now();
    tokio::time::sleep(SILENCE + Duration::from_millis(50)).await;

    let one = lost_after_beat(&store, lively, since, 1).await;
    assert_eq!(one.len(), 1);
    let lost = lost_after_beat(&store, lively, since, 10).await;
    assert_eq!(lost.len(), 2);
    assert!(lost.iter().all(|lost| lost.is_worker_gone && jobs.iter().any(|job| job.lease == lost.lease)));
    // While it holds a lease it stays, so that the lease is found.
    assert_eq!(store.workers().await.unwrap().len(), 2);
    for job in &jobs {
        let again = Outcome::Again { counted: Counted::Loss, reason: "gone".to_owned(), after: Duration::ZERO };
        assert!(settle(&**store, job, again).await);
    }
    assert_eq!(lost_after_beat(&store, lively, since, 10).await, []);
    assert_eq!(store.workers().await.unwrap().iter().map(|worker| worker.id).collect::<Vec<_>>(), [lively]);
    assert_eq!(store.beat(silent, 0).await.unwrap(), Beat::Gone);
    assert_eq!(store.claim(silent, 10).await.unwrap(), []);
    assert!(!settle(&**store, &jobs[0], passed()).await);
    assert_eq!(store.claim(lively, 10).await.unwrap().len(), 2);
}

async fn a_worker_that_left_loses_what_it_held(store: Fresh) {
    create(&**store, 2).await;
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 2).await.unwrap();
    assert!(settle(&**store, &jobs[0], passed()).await);
    store.leave(worker).await.unwrap();
    let lost = store.lost_leases(HOUR, HOUR, 10).await.unwrap();
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].lease, lost[0].is_worker_gone), (jobs[1].lease, true));
}

async fn an_attempt_that_lasts_too_long_is_lost_though_its_worker_lives(store: Fresh) {
    create(&**store, 2).await;
    let worker = join(&**store).await;
    let late = claim_one_of_two(&store, worker).await;
    let again = Outcome::Again { counted: Counted::Failure, reason: "failed".to_owned(), after: Duration::ZERO };
    assert!(settle(&**store, &late, again).await);
    tick().await;
    let jobs = store.claim(worker, 2).await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    let lost = store.lost_leases(HOUR, Duration::from_millis(50), 10).await.unwrap();
    assert_eq!(lost.len(), 2);
    for lost in &lost {
        assert!(!lost.is_worker_gone);
        let job = jobs.iter().find(|job| job.lease == lost.lease).unwrap();
        assert_eq!(lost.series, job.series);
    }
    assert!(lost.iter().any(|lost| lost.series.failures == 1));
}

async fn claim_one_of_two(store: &Fresh, worker: Uuid) -> submissions::store::Job {
    store.claim(worker, 1).await.unwrap().remove(0)
}

async fn lost_leases_stay_in_force_until_they_are_settled(store: Fresh) {
    create(&**store, 1).await;
    let worker = join(&**store).await;
    let job = claim_one(&**store, worker).await;
    tick().await;
    assert_eq!(store.lost_leases(Duration::ZERO, HOUR, 10).await.unwrap().len(), 1);
    assert_eq!(store.beat(worker, 1).await.unwrap(), Beat::Known);
    assert_eq!(store.lost_leases(HOUR, HOUR, 10).await.unwrap(), []);
    assert!(settle(&**store, &job, passed()).await);
}
