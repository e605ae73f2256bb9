//! What people ask for: cancel, retry, retry of all.

use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::Changed;
use uuid::Uuid;

use crate::stores::{Fresh, HOUR, claim_one, create, failed, join, passed, settle, tick};

with_both_stores!(
    what_is_not_final_can_be_cancelled,
    what_failed_or_was_cancelled_can_be_retried,
    all_of_a_status_are_retried_the_oldest_first,
);

async fn what_is_not_final_can_be_cancelled(store: Fresh) {
    let ids = create(&**store, 4).await;
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 3).await.unwrap();
    assert!(settle(&**store, &jobs[1], passed()).await);
    assert!(settle(&**store, &jobs[2], failed("no digit")).await);
    tick().await;
    // The first is PROCESSING, the last PENDING.
    for id in [ids[0], ids[3]] {
        let Changed::Made(cancelled) = store.cancel(&Scope::All, id).await.unwrap() else { panic!("it was not final") };
        assert_eq!(store.get(&Scope::All, id).await.unwrap(), Some(cancelled.clone()));
        assert_eq!((cancelled.status, cancelled.processed_at), (Status::Cancelled, Some(cancelled.changed_at)));
        assert!(cancelled.changed_at > cancelled.created_at);
    }
    for (id, status) in [(ids[0], Status::Cancelled), (ids[1], Status::Passed), (ids[2], Status::Failed)] {
        let Changed::NotAllowed(found) = store.cancel(&Scope::All, id).await.unwrap() else {
            panic!("{status:?} is final")
        };
        assert_eq!((found.id, found.status), (id, status));
    }
    assert_eq!(store.cancel(&Scope::All, Uuid::now_v7()).await.unwrap(), Changed::Missing);
    assert_eq!(store.claim(worker, 10).await.unwrap(), []);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [0, 0, 1, 1, 2]);
}

async fn what_failed_or_was_cancelled_can_be_retried(store: Fresh) {
    let ids = create(&**store, 4).await;
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 3).await.unwrap();
    assert!(settle(&**store, &jobs[0], failed("no digit")).await);
    assert!(settle(&**store, &jobs[1], passed()).await);
    for (id, status) in [(ids[1], Status::Passed), (ids[2], Status::Processing), (ids[3], Status::Pending)] {
        let Changed::NotAllowed(found) = store.retry(&Scope::All, id).await.unwrap() else {
            panic!("{status:?} is never retried")
        };
        assert_eq!((found.id, found.status), (id, status));
    }
    assert_eq!(store.retry(&Scope::All, Uuid::now_v7()).await.unwrap(), Changed::Missing);
    assert!(matches!(store.cancel(&Scope::All, ids[3]).await.unwrap(), Changed::Made(_)));
    tick().await;
    for id in [ids[0], ids[3]] {
        let Changed::Made(retried) = store.retry(&Scope::All, id).await.unwrap() else { panic!("it can be retried") };
        assert_eq!(store.get(&Scope::All, id).await.unwrap(), Some(retried.clone()));
        assert_eq!((retried.status, retried.series, retried.begun, retried.reason), (Status::Pending, 2, 0, None));
        assert_eq!((retried.processed_at, retried.run_at), (None, retried.changed_at));
        assert!(retried.run_at > retried.created_at);
    }
    let claimed: Vec<Uuid> = store.claim(worker, 10).await.unwrap().iter().map(|job| job.lease.id).collect();
    assert_eq!(claimed, [ids[0], ids[3]]);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [0, 3, 1, 0, 0]);
}

async fn all_of_a_status_are_retried_the_oldest_first(store: Fresh) {
    let ids = create(&**store, 10).await;
    let worker = join(&**store).await;
    for _ in 0..6 {
        let job = store.claim(worker, 1).await.unwrap().remove(0);
        assert!(settle(&**store, &job, failed("no digit")).await);
    }
    for id in &ids[6..9] {
        store.cancel(&Scope::All, *id).await.unwrap();
    }
    assert_eq!(store.retry_all(&Scope::All, Status::Failed, 4).await.unwrap(), 4);
    for (number, id) in ids.iter().enumerate() {
        let found = store.get(&Scope::All, *id).await.unwrap().unwrap();
        let expected = match number {
            0..4 => (Status::Pending, 2),
            4..6 => (Status::Failed, 1),
            6..9 => (Status::Cancelled, 1),
            _ => (Status::Pending, 1),
        };
        assert_eq!((found.status, found.series), expected, "{number}");
    }
    assert_eq!(store.retry_all(&Scope::All, Status::Failed, 100).await.unwrap(), 2);
    assert_eq!(store.retry_all(&Scope::All, Status::Failed, 100).await.unwrap(), 0);
    assert_eq!(store.retry_all(&Scope::All, Status::Cancelled, 100).await.unwrap(), 3);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [10, 0, 0, 0, 0]);
    assert_eq!(store.claim(worker, 100).await.unwrap().len(), 10);
    let job = store.claim(worker, 1).await.unwrap();
    assert_eq!(job, []);
    // One that is claimed again after its retry is in its second series.
    let retried = store.get(&Scope::All, ids[0]).await.unwrap().unwrap();
    assert_eq!((retried.status, retried.series, retried.begun), (Status::Processing, 2, 1));
    assert!(matches!(store.cancel(&Scope::All, ids[0]).await.unwrap(), Changed::Made(_)));
    assert!(matches!(store.retry(&Scope::All, ids[0]).await.unwrap(), Changed::Made(_)));
    assert_eq!(claim_one(&**store, worker).await.begun, 1);
}
