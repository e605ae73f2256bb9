//! A settlement takes effect once, and only while its lease is in force.

use std::time::Duration;

use submissions::lease::Lease;
use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Changed, Counted, Outcome, Settlement, Store};
use uuid::Uuid;

use crate::stores::{Fresh, HOUR, claim_one, create, failed, join, passed, settle, tick};

with_both_stores!(
    each_verdict_is_final,
    each_setback_is_counted_in_its_own_column,
    what_is_given_up_leaves_a_dead_letter_that_outlives_a_retry,
    a_lease_that_ended_changes_nothing_any_more,
    a_batch_settles_what_it_can,
    a_return_wakes_who_waits,
);

async fn each_verdict_is_final(store: Fresh) {
    let worker = join(&**store).await;
    let reason = || "content has no digit".to_owned();
    for (outcome, status, reason, is_cached) in [
        (Outcome::Passed { is_cached: false }, Status::Passed, None, false),
        (Outcome::Passed { is_cached: true }, Status::Passed, None, true),
        (Outcome::Failed { reason: reason(), is_cached: false }, Status::Failed, Some(reason()), false),
        (Outcome::Failed { reason: reason(), is_cached: true }, Status::Failed, Some(reason()), true),
    ] {
        let [id] = create(&**store, 1).await[..] else { panic!("there is one") };
        let job = claim_one(&**store, worker).await;
        tick().await;
        assert!(settle(&**store, &job, outcome).await);
        let found = store.get(&Scope::All, id).await.unwrap().unwrap();
        assert_eq!((found.status, found.reason, found.is_cached, found.begun), (status, reason, is_cached, 1));
        assert_eq!(found.processed_at, Some(found.changed_at));
        assert!(found.started_at < found.processed_at);
        assert_eq!(store.claim(worker, 10).await.unwrap(), []);
    }
    let stats = store.stats(&Scope::All, HOUR).await.unwrap();
    assert_eq!((stats.in_status, stats.dead_letters), ([0, 0, 2, 2, 0], 0));
}

async fn each_setback_is_counted_in_its_own_column(store: Fresh) {
    let [id] = create(&**store, 1).await[..] else { panic!("there is one") };
    let worker = join(&**store).await;
    let setbacks = [Counted::Failure, Counted::Loss, Counted::GivenBack, Counted::Failure];
    for (number, counted) in setbacks.into_iter().enumerate() {
        let job = claim_one(&**store, worker).await;
        let reason = format!("setback {number}");
        assert!(
            settle(&**store, &job, Outcome::Again { counted, reason: reason.clone(), after: Duration::ZERO }).await
        );
        let found = store.get(&Scope::All, id).await.unwrap().unwrap();
        assert_eq!((found.status, found.reason, found.processed_at), (Status::Pending, Some(reason), None));
        assert_eq!(found.run_at, found.changed_at);
        assert!(found.started_at.is_some());
    }
    let job = claim_one(&**store, worker).await;
    assert_eq!((job.begun, job.series.failures, job.series.losses), (5, 2, 1));
    assert!(settle(&**store, &job, passed()).await);
    let found = store.get(&Scope::All, id).await.unwrap().unwrap();
    assert_eq!((found.failures, found.losses, found.given_back, found.reason), (2, 1, 1, None));
}

async fn give_up(store: &dyn Store, worker: Uuid, counted: Counted) {
    let job = claim_one(store, worker).await;
    assert!(settle(store, &job, Outcome::GivenUp { counted, reason: "disk full".to_owned() }).await);
}

async fn what_is_given_up_leaves_a_dead_letter_that_outlives_a_retry(store: Fresh) {
    let [id] = create(&**store, 1).await[..] else { panic!("there is one") };
    let worker = join(&**store).await;
    give_up(&**store, worker, Counted::Failure).await;
    let found = store.get(&Scope::All, id).await.unwrap().unwrap();
    assert_eq!((found.status, found.failures, found.reason.as_deref()), (Status::Failed, 1, Some("disk full")));
    assert_eq!(found.processed_at, Some(found.changed_at));

    let Changed::Made(retried) = store.retry(&Scope::All, id).await.unwrap() else { panic!("it was FAILED") };
    assert_eq!((retried.status, retried.series, retried.begun, retried.failures), (Status::Pending, 2, 0, 0));
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().dead_letters, 1);
    give_up(&**store, worker, Counted::Loss).await;
    let stats = store.stats(&Scope::All, HOUR).await.unwrap();
    assert_eq!((stats.dead_letters, stats.in_status), (2, [0, 0, 0, 1, 0]));
}

async fn a_lease_that_ended_changes_nothing_any_more(store: Fresh) {
    let worker = join(&**store).await;
    for end in ["settled", "given back", "cancelled", "cancelled and retried", "claimed again"] {
        let [id] = create(&**store, 1).await[..] else { panic!("there is one") };
        let job = claim_one(&**store, worker).await;
        let again = Outcome::Again { counted: Counted::Loss, reason: "gone".to_owned(), after: Duration::ZERO };
        match end {
            "settled" => assert!(settle(&**store, &job, failed("no digit")).await),
            "given back" => assert!(settle(&**store, &job, again).await),
            "cancelled" => assert!(matches!(store.cancel(&Scope::All, id).await.unwrap(), Changed::Made(_))),
            "cancelled and retried" => {
                assert!(matches!(store.cancel(&Scope::All, id).await.unwrap(), Changed::Made(_)));
                assert!(matches!(store.retry(&Scope::All, id).await.unwrap(), Changed::Made(_)));
            }
            _ => {
                assert!(settle(&**store, &job, again).await);
                assert_ne!(claim_one(&**store, worker).await.lease, job.lease);
            }
        }
        let before =
            (store.get(&Scope::All, id).await.unwrap(), store.stats(&Scope::All, HOUR).await.unwrap().in_status);
        for outcome in [passed(), failed("late"), Outcome::GivenUp { counted: Counted::Loss, reason: String::new() }] {
            assert!(!settle(&**store, &job, outcome).await, "{end}");
        }
        assert_eq!(
            (store.get(&Scope::All, id).await.unwrap(), store.stats(&Scope::All, HOUR).await.unwrap().in_status),
            before,
            "{end}"
        );
        store.cancel(&Scope::All, id).await.unwrap();
    }
    let invented = Lease { id: Uuid::now_v7(), fence: 1 };
    let settled = store.settle(&[Settlement { lease: invented, outcome: passed() }]).await.unwrap();
    assert_eq!((settled, store.stats(&Scope::All, HOUR).await.unwrap().dead_letters), (vec![false], 0));
}

async fn a_batch_settles_what_it_can(store: Fresh) {
    create(&**store, 300).await;
    let worker = join(&**store).await;
    let mut batch = Vec::new();
    let first = store.claim(worker, 150).await.unwrap();
    let second = store.claim(worker, 150).await.unwrap();
    for (number, job) in first.iter().chain(&second).enumerate() {
        let reason = format!("number {number}");
        let outcome = match number % 5 {
            0 => Outcome::Passed { is_cached: true },
            1 => Outcome::Failed { reason, is_cached: false },
            2 => Outcome::Again { counted: Counted::Failure, reason, after: HOUR },
            3 => Outcome::GivenUp { counted: Counted::Failure, reason },
            _ => {
                store.cancel(&Scope::All, job.lease.id).await.unwrap();
                passed()
            }
        };
        batch.push(Settlement { lease: job.lease, outcome });
    }
    // The first lease twice; what comes first in the batch counts, which is the second outcome after the turn.
    batch.push(Settlement { lease: first[0].lease, outcome: failed("again") });
    batch.rotate_left(7);
    let settled = store.settle(&batch).await.unwrap();
    let stats = store.stats(&Scope::All, HOUR).await.unwrap();
    assert_eq!((stats.in_status, stats.dead_letters), ([60, 0, 59, 121, 60], 60));
    for (settlement, was_in_force) in batch.iter().zip(settled) {
        let found = store.get(&Scope::All, settlement.lease.id).await.unwrap().unwrap();
        let is_again = settlement.outcome == failed("again");
        assert_eq!(
            was_in_force,
            found.status != Status::Cancelled && is_again == (found.reason.as_deref() == Some("again"))
        );
        if let (true, Outcome::Failed { reason, .. } | Outcome::Again { reason, .. }) =
            (was_in_force, &settlement.outcome)
        {
            assert_eq!(found.reason.as_ref(), Some(reason));
        }
    }
}

async fn a_return_wakes_who_waits(store: Fresh) {
    create(&**store, 1).await;
    let worker = join(&**store).await;
    let job = claim_one(&**store, worker).await;
    let arrivals = store.arrivals();
    // What was notified before.
    while tokio::time::timeout(Duration::from_millis(500), arrivals.notified()).await.is_ok() {}
    let again = Outcome::Again { counted: Counted::Loss, reason: "gone".to_owned(), after: Duration::ZERO };
    assert!(settle(&**store, &job, again).await);
    tokio::time::timeout(Duration::from_secs(10), arrivals.notified()).await.unwrap();
}
