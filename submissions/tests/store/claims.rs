//! A claim gives leases on what waits longest, each to one worker.

use std::time::Duration;

use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Counted, Outcome};
use uuid::Uuid;

use crate::stores::{Fresh, HOUR, claim_one, create, failed, join, passed, settle, tick};

with_both_stores!(
    the_longest_waiting_come_first_and_no_more_than_asked_for,
    a_claim_shows_in_the_submission,
    a_worker_that_is_not_known_gets_nothing,
    what_waits_for_its_next_attempt_is_not_claimed_before,
    only_those_asked_for_are_claimed,
);

async fn the_longest_waiting_come_first_and_no_more_than_asked_for(store: Fresh) {
    let mut ids = create(&**store, 3).await;
    tick().await;
    ids.extend(create(&**store, 4).await);
    tick().await;
    let worker = join(&**store).await;
    let mut claimed = Vec::new();
    for (limit, expected) in [(2, 2), (3, 3), (100, 2), (100, 0)] {
        let jobs = store.claim(worker, limit).await.unwrap();
        assert_eq!(jobs.len(), expected);
        assert!(jobs.iter().all(|job| job.waited >= Duration::from_millis(2)));
        claimed.extend(jobs.iter().map(|job| job.lease.id));
    }
    assert_eq!(claimed, ids);

    // One that was given back waits behind the others.
    let older = create(&**store, 1).await;
    let job = claim_one(&**store, worker).await;
    let newer = create(&**store, 1).await;
    tick().await;
    let again = Outcome::Again { counted: Counted::GivenBack, reason: "stop".to_owned(), after: Duration::ZERO };
    assert!(settle(&**store, &job, again).await);
    let order: Vec<Uuid> = store.claim(worker, 10).await.unwrap().iter().map(|job| job.lease.id).collect();
    assert_eq!(order, [newer[0], older[0]]);
}

async fn a_claim_shows_in_the_submission(store: Fresh) {
    let [id] = create(&**store, 1).await[..] else { panic!("there is one") };
    let before = store.get(&Scope::All, id).await.unwrap().unwrap();
    let worker = join(&**store).await;
    tick().await;
    let job = claim_one(&**store, worker).await;
    assert_eq!((job.lease.id, job.content.as_str(), job.begun), (id, "content number 0", 1));
    assert_eq!((job.series.failures, job.series.losses), (0, 0));
    let after = store.get(&Scope::All, id).await.unwrap().unwrap();
    assert_eq!((after.status, after.begun), (Status::Processing, 1));
    assert_eq!(after.started_at, Some(after.changed_at));
    assert!(after.changed_at > before.changed_at);
    assert_eq!((after.created_at, after.run_at, after.processed_at), (before.created_at, before.run_at, None));
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [0, 1, 0, 0, 0]);
}

async fn a_worker_that_is_not_known_gets_nothing(store: Fresh) {
    let ids = create(&**store, 2).await;
    let stranger = Uuid::now_v7();
    assert_eq!(store.claim(stranger, 10).await.unwrap(), []);
    assert_eq!(store.claim_these(stranger, &ids).await.unwrap(), []);
    let worker = join(&**store).await;
    store.leave(worker).await.unwrap();
    assert_eq!(store.claim(worker, 10).await.unwrap(), []);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [2, 0, 0, 0, 0]);
}

async fn what_waits_for_its_next_attempt_is_not_claimed_before(store: Fresh) {
    let [id] = create(&**store, 1).await[..] else { panic!("there is one") };
    let worker = join(&**store).await;
    let job = claim_one(&**store, worker).await;
    let again = |after| Outcome::Again { counted: Counted::Failure, reason: "disk full".to_owned(), after };
    assert!(settle(&**store, &job, again(HOUR)).await);
    assert_eq!(store.claim(worker, 10).await.unwrap(), []);
    assert_eq!(store.claim_these(worker, &[id]).await.unwrap(), []);
    let waiting = store.get(&Scope::All, id).await.unwrap().unwrap();
    assert_eq!(
        (waiting.status, waiting.failures, waiting.run_at - waiting.changed_at),
        (Status::Pending, 1, 3_600_000)
    );
    let stats = store.stats(&Scope::All, HOUR).await.unwrap();
    assert_eq!((stats.in_status[0], stats.oldest_pending), (1, None));

    create(&**store, 1).await;
    let job = claim_one(&**store, worker).await;
    assert!(settle(&**store, &job, again(Duration::from_millis(50))).await);
    let mut claimed = store.claim(worker, 10).await.unwrap();
    while claimed.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        claimed = store.claim(worker, 10).await.unwrap();
    }
    assert_eq!((claimed[0].lease.id, claimed[0].begun, claimed[0].series.failures), (job.lease.id, 2, 1));
    let begun = store.get(&Scope::All, job.lease.id).await.unwrap().unwrap();
    assert!(begun.started_at.unwrap() >= begun.run_at, "it began too early");
}

async fn only_those_asked_for_are_claimed(store: Fresh) {
    let ids = create(&**store, 6).await;
    let worker = join(&**store).await;
    let taken = store.claim(worker, 2).await.unwrap();
    assert!(settle(&**store, &taken[0], passed()).await);
    assert!(settle(&**store, &taken[1], failed("no digit")).await);
    // Final, unknown, twice, in any order.
    let asked = [ids[4], ids[0], Uuid::now_v7(), ids[2], ids[1], ids[4]];
    let claimed = store.claim_these(worker, &asked).await.unwrap();
    assert_eq!(claimed.iter().map(|job| job.lease.id).collect::<Vec<_>>(), [ids[2], ids[4]]);
    assert_eq!(claimed[1].content, "content number 4");
    assert_eq!(store.claim_these(worker, &asked).await.unwrap(), []);
    let rest: Vec<Uuid> = store.claim(worker, 10).await.unwrap().iter().map(|job| job.lease.id).collect();
    assert_eq!(rest, [ids[3], ids[5]]);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [0, 4, 1, 1, 0]);
}
