//! What an owner has submitted is there for him and for administrators alone, whichever method is called.

use std::time::Duration;

use submissions::NewSubmission;
use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Changed, Counted, Created, DeadLetterKey, Listing, Outcome, Store};
use uuid::Uuid;

use crate::stores::{Fresh, HOUR, failed, join, new, of, passed, settle, tick};

with_both_stores!(
    a_submission_of_somebody_else_is_missing,
    lists_and_figures_are_of_ones_own,
    dead_letters_are_of_ones_own,
    a_retry_of_all_leaves_others_alone,
    a_key_of_somebody_else_is_a_conflict,
);

fn shop() -> Scope {
    Scope::Of("shop".into())
}

fn till() -> Scope {
    Scope::Of("till".into())
}

/// One of the shop, one of the till and one of nobody, as often as said; their ids.
async fn create(store: &dyn Store, times: usize) -> Vec<[Uuid; 3]> {
    let three = |n: usize| [of("shop", &format!("of the shop {n}")), of("till", "of the till 1"), new("of nobody 1")];
    let batch: Vec<NewSubmission> = (0..times).flat_map(three).collect();
    let created = store.create(&batch).await.unwrap();
    for (new, created) in batch.iter().zip(created) {
        let Created::New(created) = created else { panic!("{created:?}") };
        assert_eq!(created.owner, new.owner);
    }
    batch.chunks(3).map(|three| [three[0].id, three[1].id, three[2].id]).collect()
}

async fn ids(store: &dyn Store, scope: &Scope, status: Option<Status>, limit: u32) -> Vec<Uuid> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(scope, Listing { status, after, limit }).await.unwrap();
        let Some(last) = page.last() else { return ids };
        after = Some(last.id);
        ids.extend(page.iter().map(|found| found.id));
    }
}

async fn a_submission_of_somebody_else_is_missing(store: Fresh) {
    let [own, others, nobodys] = create(&**store, 1).await[0];
    for id in [others, nobodys] {
        assert_eq!(store.get(&shop(), id).await.unwrap(), None);
        assert_eq!(store.cancel(&shop(), id).await.unwrap(), Changed::Missing);
        assert!(matches!(store.cancel(&Scope::All, id).await.unwrap(), Changed::Made(_)));
        assert_eq!(store.retry(&shop(), id).await.unwrap(), Changed::Missing);
        // Nor does a status that would not allow it show that it is there.
        assert_eq!(store.cancel(&shop(), id).await.unwrap(), Changed::Missing);
        assert_eq!(store.get(&Scope::All, id).await.unwrap().unwrap().status, Status::Cancelled);
    }
    let found = store.get(&shop(), own).await.unwrap().unwrap();
    assert_eq!((found.owner.as_deref(), found.status), (Some("shop"), Status::Pending));
    let Changed::Made(cancelled) = store.cancel(&shop(), own).await.unwrap() else { panic!("it is his own") };
    assert_eq!(cancelled.owner.as_deref(), Some("shop"));
    let Changed::Made(retried) = store.retry(&shop(), own).await.unwrap() else { panic!("it is his own") };
    assert_eq!((retried.owner.as_deref(), retried.series), (Some("shop"), 2));
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 10).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.owner.as_deref()).collect::<Vec<_>>(), [Some("shop")]);
    let Changed::Made(in_work) = store.cancel(&shop(), own).await.unwrap() else { panic!("it is his own") };
    assert_eq!((in_work.begun, in_work.status), (1, Status::Cancelled));
}

async fn lists_and_figures_are_of_ones_own(store: Fresh) {
    let all = create(&**store, 12).await;
    tick().await;
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 30).await.unwrap();
    for job in &jobs {
        let place = all.iter().position(|three| three.contains(&job.lease.id)).unwrap();
        match place % 4 {
            0 => assert!(settle(&**store, job, passed()).await),
            1 => assert!(settle(&**store, job, failed("no digit")).await),
            2 => drop(store.cancel(&Scope::All, job.lease.id).await.unwrap()),
            _ => {}
        }
    }
    tick().await;
    let places = |remainder: usize| (0..10).rev().filter(move |place| place % 4 == remainder).collect::<Vec<usize>>();
    for (scope, column) in [(shop(), 0), (till(), 1)] {
        let own = |places: Vec<usize>| places.into_iter().map(|place| all[place][column]).collect::<Vec<_>>();
        for limit in [1, 2, 100] {
            assert_eq!(ids(&**store, &scope, None, limit).await, own((0..12).rev().collect()));
            assert_eq!(ids(&**store, &scope, Some(Status::Pending), limit).await, own(vec![11, 10]));
            assert_eq!(ids(&**store, &scope, Some(Status::Processing), limit).await, own(places(3)));
            assert_eq!(ids(&**store, &scope, Some(Status::Passed), limit).await, own(places(0)));
            assert_eq!(ids(&**store, &scope, Some(Status::Failed), limit).await, own(places(1)));
            assert_eq!(ids(&**store, &scope, Some(Status::Cancelled), limit).await, own(places(2)));
        }
        let stats = store.stats(&scope, Duration::ZERO).await.unwrap();
        assert_eq!((stats.in_status, stats.stuck, stats.dead_letters), ([2, 2, 3, 3, 2], 2, 0));
        assert!(stats.oldest_pending.is_some_and(|oldest| oldest < HOUR), "{stats:?}");
        assert_eq!(store.stats(&scope, HOUR).await.unwrap().stuck, 0);
    }
    let nobody = Scope::Of("nobody".into());
    assert!(ids(&**store, &nobody, None, 10).await.is_empty());
    assert_eq!(store.stats(&nobody, Duration::ZERO).await.unwrap(), submissions::store::Stats::default());
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [6, 6, 9, 9, 6]);
}

async fn dead_letters_are_of_ones_own(store: Fresh) {
    let all = create(&**store, 3).await;
    let worker = join(&**store).await;
    let given_up = Outcome::GivenUp { counted: Counted::Failure, reason: "disk full".to_owned() };
    for _ in 0..2 {
        for job in store.claim(worker, 20).await.unwrap() {
            assert!(settle(&**store, &job, given_up.clone()).await);
        }
        for three in &all[1..] {
            assert!(matches!(store.retry(&Scope::All, three[0]).await.unwrap(), Changed::Made(_)));
        }
    }
    // One passes in its third series: its letters stay.
    for job in store.claim(worker, 20).await.unwrap() {
        let outcome = if job.lease.id == all[2][0] { passed() } else { given_up.clone() };
        assert!(settle(&**store, &job, outcome).await);
    }
    let key = |place: usize, column: usize, series| DeadLetterKey { id: all[place][column], series };
    let of_shop = vec![key(2, 0, 2), key(2, 0, 1), key(1, 0, 3), key(1, 0, 2), key(1, 0, 1), key(0, 0, 1)];
    let of_till = vec![key(2, 1, 1), key(1, 1, 1), key(0, 1, 1)];
    for (scope, expected) in [(shop(), of_shop), (till(), of_till)] {
        for limit in [1, 2, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = store.dead_letters(&scope, after, limit).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(last.key);
                found.extend(page.iter().map(|letter| letter.key));
            }
            assert_eq!(found, expected, "{scope:?} in pages of {limit}");
        }
        assert_eq!(store.stats(&scope, HOUR).await.unwrap().dead_letters, expected.len() as i64);
        let first = store.dead_letters(&scope, None, 1).await.unwrap().remove(0);
        assert_eq!((first.attempts, first.reason.as_str()), (1, "disk full"));
    }
    assert_eq!(store.dead_letters(&Scope::All, None, 100).await.unwrap().len(), 12);
}

async fn a_retry_of_all_leaves_others_alone(store: Fresh) {
    let all = create(&**store, 4).await;
    for id in all.iter().flatten() {
        assert!(matches!(store.cancel(&Scope::All, *id).await.unwrap(), Changed::Made(_)));
    }
    assert_eq!(store.retry_all(&shop(), Status::Failed, 100).await.unwrap(), 0);
    assert_eq!(store.retry_all(&shop(), Status::Cancelled, 3).await.unwrap(), 3);
    assert_eq!(store.retry_all(&shop(), Status::Cancelled, 3).await.unwrap(), 1);
    assert_eq!(store.retry_all(&shop(), Status::Cancelled, 3).await.unwrap(), 0);
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 100).await.unwrap();
    let claimed: Vec<Uuid> = jobs.iter().map(|job| job.lease.id).collect();
    assert_eq!(claimed, all.iter().map(|three| three[0]).collect::<Vec<_>>());
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [0, 4, 0, 0, 8]);
}

async fn a_key_of_somebody_else_is_a_conflict(store: Fresh) {
    let with_key = |owner| NewSubmission { idempotency_key: Some("key".to_owned()), ..of(owner, "the same 1") };
    let created = store.create(&[with_key("shop"), with_key("till"), with_key("shop")]).await.unwrap();
    assert!(matches!(created[0], Created::New(_)) && matches!(created[2], Created::Again(_)), "{created:?}");
    assert_eq!(created[1], Created::Conflict);
}
