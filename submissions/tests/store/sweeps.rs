//! Announcements and pruning.

use std::time::{Duration, Instant};

use submissions::NewSubmission;
use submissions::scope::Scope;
use submissions::store::{Changed, Counted, Listing, Outcome};
use uuid::{NoContext, Timestamp, Uuid};

use crate::stores::{Fresh, HOUR, claim_one, create, failed, join, passed, settle, tick};

with_both_stores!(
    what_waits_for_long_is_announced_and_not_again_at_once,
    announcements_come_again_when_the_wait_has_doubled,
    what_is_final_for_long_is_pruned_and_nothing_else,
    what_is_not_final_does_not_hold_a_prune_up,
);

/// Repeats an attempt that a stall of the machine has made meaningless, which returns `false`. Each time what waits is
/// overdue later.
async fn without_a_stall(store: Fresh, attempt: impl AsyncFn(&Fresh, Uuid, Duration) -> bool) {
    let (worker, mut overdue) = (join(&**store).await, Duration::from_millis(200));
    while !attempt(&store, worker, overdue).await {
        overdue *= 2;
        for job in store.claim(worker, 100).await.unwrap() {
            assert!(settle(&**store, &job, passed()).await);
        }
    }
}

async fn what_waits_for_long_is_announced_and_not_again_at_once(store: Fresh) {
    without_a_stall(store, what_waits_is_announced).await;
}

async fn what_waits_is_announced(store: &Fresh, worker: Uuid, overdue: Duration) -> bool {
    let begin = Instant::now();
    let ids = create(&***store, 5).await;
    let job = claim_one_of(store, worker).await;
    assert_eq!(store.announce(HOUR, 10).await.unwrap().len(), 0);
    tokio::time::sleep(overdue + Duration::from_millis(20)).await;
    let before = Instant::now();
    let mut announced = store.announce(overdue, 3).await.unwrap();
    let others = [store.announce(overdue, 3).await.unwrap(), store.announce(overdue, 3).await.unwrap()];
    announced.sort();
    assert_eq!(announced, ids[1..4]);
    if before.elapsed() >= overdue {
        return false;
    }
    assert_eq!(others, [vec![ids[4]], vec![]]);
    // What is announced can be claimed as before.
    assert_eq!(store.claim_these(worker, &ids[1..3]).await.unwrap().len(), 2);
    tokio::time::sleep(begin.elapsed()).await;
    // One that came back just now, and one that may not be claimed yet, wait for their own time.
    let again = |after| Outcome::Again { counted: Counted::Loss, reason: "gone".to_owned(), after };
    assert!(settle(&***store, &job, again(HOUR)).await);
    let mut announced = store.announce(overdue, 10).await.unwrap();
    announced.sort();
    assert_eq!(announced, ids[3..]);
    true
}

async fn announcements_come_again_when_the_wait_has_doubled(store: Fresh) {
    without_a_stall(store, what_is_announced_comes_again).await;
}

async fn what_is_announced_comes_again(store: &Fresh, _: Uuid, overdue: Duration) -> bool {
    let (begin, wait) = (Instant::now(), 5 * overdue);
    let ids = create(&***store, 1).await;
    // Rounding may take a millisecond off.
    tokio::time::sleep(wait + Duration::from_millis(2)).await;
    let before = Instant::now();
    assert_eq!(store.announce(overdue, 10).await.unwrap(), ids);
    let waited = begin.elapsed();
    tokio::time::sleep(overdue + Duration::from_millis(20)).await;
    let too_soon = store.announce(overdue, 10).await.unwrap();
    if before.elapsed() >= wait {
        return false;
    }
    assert!(too_soon.is_empty());
    tokio::time::sleep(waited).await;
    assert_eq!(store.announce(overdue, 10).await.unwrap(), ids);
    true
}

async fn claim_one_of(store: &Fresh, worker: Uuid) -> submissions::store::Job {
    store.claim(worker, 1).await.unwrap().remove(0)
}

async fn what_is_final_for_long_is_pruned_and_nothing_else(store: Fresh) {
    let ids = create(&**store, 7).await;
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 5).await.unwrap();
    assert!(settle(&**store, &jobs[0], passed()).await);
    assert!(settle(&**store, &jobs[1], failed("no digit")).await);
    assert!(
        settle(&**store, &jobs[2], Outcome::GivenUp { counted: Counted::Failure, reason: "full".to_owned() }).await
    );
    assert!(settle(&**store, &jobs[3], passed()).await);
    assert!(matches!(store.cancel(&Scope::All, ids[5]).await.unwrap(), Changed::Made(_)));
    tick().await;
    assert_eq!(store.prune(HOUR, 10).await.unwrap(), 0);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().dead_letters, 1);
    // The second of them is tried again: it is not final any more.
    assert!(matches!(store.retry(&Scope::All, ids[1]).await.unwrap(), Changed::Made(_)));
    assert_eq!(store.prune(Duration::ZERO, 2).await.unwrap(), 2);
    assert_eq!(
        (store.get(&Scope::All, ids[0]).await.unwrap(), store.get(&Scope::All, ids[2]).await.unwrap()),
        (None, None)
    );
    assert_eq!(store.prune(Duration::ZERO, 10).await.unwrap(), 2);
    assert_eq!(store.prune(Duration::ZERO, 10).await.unwrap(), 0);
    let left = store.list(&Scope::All, Listing { status: None, after: None, limit: 10 }).await.unwrap();
    assert_eq!(left.iter().map(|found| found.id).collect::<Vec<_>>(), [ids[6], ids[4], ids[1]]);
    let stats = store.stats(&Scope::All, HOUR).await.unwrap();
    assert_eq!((stats.in_status, stats.dead_letters), ([2, 1, 0, 0, 0], 0));
}

/// Submissions whose ids are two hours old.
async fn create_old(store: &Fresh, count: u64) {
    let now = Timestamp::now(NoContext).to_unix().0 - 7_200;
    let batch: Vec<NewSubmission> = (0..count)
        .map(|n| NewSubmission {
            id: Uuid::new_v7(Timestamp::from_unix(NoContext, now, n as u32 * 1_000_000)),
            content: format!("old {n}"),
            idempotency_key: None,
            owner: None,
        })
        .collect();
    store.create(&batch).await.unwrap();
}

async fn what_is_not_final_does_not_hold_a_prune_up(store: Fresh) {
    create_old(&store, 200).await;
    create(&**store, 1).await;
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 201).await.unwrap();
    // The oldest are not final, for long.
    for job in &jobs[150..] {
        assert!(settle(&**store, job, passed()).await);
    }
    tick().await;
    let mut pruned = 0;
    for _ in 0..60 {
        pruned += store.prune(Duration::ZERO, 3).await.unwrap();
    }
    assert_eq!((pruned, store.stats(&Scope::All, HOUR).await.unwrap().in_status), (51, [0, 150, 0, 0, 0]));
    // They become final at last, and those behind them are looked at again.
    for job in &jobs[..150] {
        assert!(settle(&**store, job, passed()).await);
    }
    tick().await;
    for _ in 0..60 {
        pruned += store.prune(Duration::ZERO, 3).await.unwrap();
    }
    assert_eq!((pruned, store.stats(&Scope::All, HOUR).await.unwrap().in_status), (201, [0; 5]));
    create(&**store, 1).await;
    claim_one(&**store, worker).await;
}
