//! Lists go from the newest to the oldest, page by page, and stats are the sums of what they show.

use std::time::Duration;

use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Changed, Counted, DeadLetter, DeadLetterKey, Listing, Outcome, Store};
use uuid::Uuid;

use crate::stores::{Fresh, HOUR, claim_one, create, failed, join, passed, settle, tick};

with_both_stores!(
    pages_have_each_submission_once_whatever_comes_meanwhile,
    a_status_lists_only_its_own,
    a_large_backlog_is_listed_from_the_newest,
    stats_show_what_waits_and_what_is_stuck,
    dead_letters_are_listed_with_their_series_and_what_came_after,
);

/// The ids of all pages of this size.
async fn pages(store: &dyn Store, status: Option<Status>, limit: u32) -> Vec<Uuid> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(&Scope::All, Listing { status, after, limit }).await.unwrap();
        assert!(page.len() <= limit as usize);
        assert!(page.iter().all(|found| status.is_none_or(|status| found.status == status)));
        let Some(last) = page.last() else { return ids };
        after = Some(last.id);
        ids.extend(page.iter().map(|found| found.id));
    }
}

async fn pages_have_each_submission_once_whatever_comes_meanwhile(store: Fresh) {
    let mut ids = create(&**store, 25).await;
    ids.reverse();
    for limit in [1, 7, 25, 1000] {
        assert_eq!(pages(&**store, None, limit).await, ids);
        assert_eq!(pages(&**store, Some(Status::Pending), limit).await, ids);
    }
    let first = store.list(&Scope::All, Listing { status: None, after: None, limit: 10 }).await.unwrap();
    create(&**store, 5).await;
    let second = store.list(&Scope::All, Listing { status: None, after: Some(first[9].id), limit: 10 }).await.unwrap();
    assert_eq!(second.iter().map(|found| found.id).collect::<Vec<_>>(), ids[10..20]);
    assert_eq!(store.list(&Scope::All, Listing { status: None, after: Some(ids[24]), limit: 10 }).await.unwrap(), []);
}

async fn a_status_lists_only_its_own(store: Fresh) {
    let ids = create(&**store, 50).await;
    let worker = join(&**store).await;
    for (number, job) in store.claim(worker, 40).await.unwrap().iter().enumerate() {
        match number % 4 {
            0 => assert!(settle(&**store, job, passed()).await),
            1 => assert!(settle(&**store, job, failed("no digit")).await),
            2 => drop(store.cancel(&Scope::All, job.lease.id).await.unwrap()),
            _ => {}
        }
    }
    let newest_first = |remainder: usize| (0..10).rev().map(|n| ids[4 * n + remainder]).collect::<Vec<_>>();
    for limit in [3, 10, 100] {
        assert_eq!(pages(&**store, Some(Status::Passed), limit).await, newest_first(0));
        assert_eq!(pages(&**store, Some(Status::Failed), limit).await, newest_first(1));
        assert_eq!(pages(&**store, Some(Status::Cancelled), limit).await, newest_first(2));
        assert_eq!(pages(&**store, Some(Status::Processing), limit).await, newest_first(3));
        assert_eq!(
            pages(&**store, Some(Status::Pending), limit).await,
            ids[40..].iter().rev().copied().collect::<Vec<_>>()
        );
    }
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [10; 5]);
}

async fn a_large_backlog_is_listed_from_the_newest(store: Fresh) {
    let mut pending = Vec::new();
    for _ in 0..6 {
        pending.extend(create(&**store, 2_000).await);
    }
    let worker = join(&**store).await;
    for job in store.claim_these(worker, &[pending[11_998], pending[11_995]]).await.unwrap() {
        assert!(settle(&**store, &job, passed()).await);
    }
    pending.remove(11_998);
    pending.remove(11_995);
    pending.reverse();
    let listing = Listing { status: Some(Status::Pending), after: None, limit: 500 };
    let page = store.list(&Scope::All, listing).await.unwrap();
    assert_eq!(page.iter().map(|found| found.id).collect::<Vec<_>>(), pending[..500]);
    let page = store.list(&Scope::All, Listing { after: Some(page[499].id), ..listing }).await.unwrap();
    assert_eq!(page.iter().map(|found| found.id).collect::<Vec<_>>(), pending[500..1000]);
}

async fn stats_show_what_waits_and_what_is_stuck(store: Fresh) {
    let stats = store.stats(&Scope::All, HOUR).await.unwrap();
    assert_eq!((stats.oldest_pending, stats.stuck, stats.dead_letters), (None, 0, 0));
    create(&**store, 3).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    let worker = join(&**store).await;
    let jobs = store.claim(worker, 2).await.unwrap();
    create(&**store, 1).await;
    let oldest = store.stats(&Scope::All, HOUR).await.unwrap().oldest_pending.unwrap();
    assert!((Duration::from_millis(50)..Duration::from_secs(30)).contains(&oldest), "{oldest:?}");
    tick().await;
    assert_eq!(store.stats(&Scope::All, Duration::ZERO).await.unwrap().stuck, 2);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().stuck, 0);
    assert!(settle(&**store, &jobs[0], passed()).await);
    assert_eq!(store.stats(&Scope::All, Duration::ZERO).await.unwrap().stuck, 1);
    store.cancel(&Scope::All, jobs[1].lease.id).await.unwrap();
    assert_eq!(store.stats(&Scope::All, Duration::ZERO).await.unwrap().stuck, 0);
}

/// All dead letters, in pages of this size.
async fn letters(store: &dyn Store, limit: u32) -> Vec<DeadLetter> {
    let (mut letters, mut after): (Vec<DeadLetter>, Option<DeadLetterKey>) = (Vec::new(), None);
    loop {
        let page = store.dead_letters(&Scope::All, after, limit).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else { return letters };
        after = Some(last.key);
        letters.extend(page);
    }
}

async fn dead_letters_are_listed_with_their_series_and_what_came_after(store: Fresh) {
    let given_up =
        |reason: &str| Outcome::GivenUp { counted: Counted::Failure, reason: format!("{reason}, it is \u{fc}ber") };
    let ids = create(&**store, 5).await;
    let worker = join(&**store).await;
    assert_eq!(letters(&**store, 10).await, []);
    let jobs = store.claim(worker, 5).await.unwrap();
    assert!(settle(&**store, &jobs[0], given_up("one")).await);
    assert!(settle(&**store, &jobs[1], failed("by the rule")).await);
    assert!(settle(&**store, &jobs[2], given_up("two")).await);
    assert!(settle(&**store, &jobs[3], given_up("three")).await);
    assert!(settle(&**store, &jobs[4], passed()).await);
    // One fails again in a second series, one passes.
    for (id, outcome) in [(ids[2], given_up("again")), (ids[3], passed())] {
        assert!(matches!(store.retry(&Scope::All, id).await.unwrap(), Changed::Made(_)));
        assert!(settle(&**store, &claim_one(&**store, worker).await, outcome).await);
    }
    let found = letters(&**store, 10).await;
    let shown: Vec<_> = found.iter().map(|letter| (letter.key.id, letter.key.series, letter.status)).collect();
    let expected = [
        (ids[3], 1, Status::Passed),
        (ids[2], 2, Status::Failed),
        (ids[2], 1, Status::Failed),
        (ids[0], 1, Status::Failed),
    ];
    assert_eq!(shown, expected);
    let reasons: Vec<&str> = found.iter().map(|letter| letter.reason.split(',').next().unwrap()).collect();
    assert_eq!(reasons, ["three", "again", "two", "one"]);
    assert!(found.iter().all(|letter| letter.attempts == 1 && letter.reason.ends_with(", it is \u{fc}ber")));
    let last = store.get(&Scope::All, ids[2]).await.unwrap().unwrap();
    assert_eq!(Some(found[1].at), last.processed_at);
    for limit in 1..4 {
        assert_eq!(letters(&**store, limit).await, found, "in pages of {limit}");
    }
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().dead_letters, 4);
    tick().await;
    assert_eq!(store.prune(Duration::ZERO, 10).await.unwrap(), 5);
    assert_eq!(letters(&**store, 10).await, []);
}
