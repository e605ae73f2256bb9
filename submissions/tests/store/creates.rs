//! Submissions are created once, whatever is repeated.

use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Created, Listing};
use submissions::{NewSubmission, Submission};
use uuid::Uuid;

use crate::stores::{Fresh, HOUR, claim_one, create, join, new, passed, settle, with_key};

with_both_stores!(
    what_is_created_is_there_as_it_was_sent,
    a_key_creates_once_and_never_another_content,
    two_of_one_batch_with_one_key_are_like_two_requests,
    a_batch_that_is_repeated_creates_nothing_twice,
    an_empty_batch_is_nothing,
    a_creation_wakes_who_waits,
);

async fn what_is_created_is_there_as_it_was_sent(store: Fresh) {
    let texts = ["", "plain", "äöü 🦀 \"quotes\" 'and' \\ backslash, {braces}, NULL", "line\nbreak\ttab\u{1}\u{7f}"];
    let long = "long ".repeat(20_000);
    let batch: Vec<NewSubmission> = texts.into_iter().chain([long.as_str()]).map(new).collect();
    let created = store.create(&batch).await.unwrap();
    for (new, created) in batch.iter().zip(created) {
        let found = store.get(&Scope::All, new.id).await.unwrap().unwrap();
        assert_eq!(created, Created::New(found.clone()));
        assert_eq!((&found.content, found.status), (&new.content, Status::Pending));
        assert_eq!((found.series, found.begun, found.failures, found.losses, found.given_back), (1, 0, 0, 0, 0));
        assert_eq!((found.reason, found.is_cached, found.started_at, found.processed_at), (None, false, None, None));
        assert!(found.created_at == found.changed_at && found.created_at == found.run_at);
        let (seconds, _) = new.id.get_timestamp().unwrap().to_unix();
        assert!(found.created_at.abs_diff(seconds as i64 * 1000) < 60_000, "{} is far from now", found.created_at);
    }
    assert_eq!(store.get(&Scope::All, Uuid::now_v7()).await.unwrap(), None);
}

fn again(created: &Created) -> &Submission {
    let Created::Again(submission) = created else { panic!("{created:?}") };
    submission
}

async fn a_key_creates_once_and_never_another_content(store: Fresh) {
    let first = with_key("the same 1", "key");
    store.create(std::slice::from_ref(&first)).await.unwrap();
    let worker = join(&**store).await;
    assert!(settle(&**store, &claim_one(&**store, worker).await, passed()).await);

    let repeated = with_key("the same 1", "key");
    let batch = [new("without a key"), repeated.clone(), with_key("another", "key"), with_key("another", "other key")];
    let created = store.create(&batch).await.unwrap();
    assert!(matches!(created[0], Created::New(_)) && matches!(created[3], Created::New(_)), "{created:?}");
    assert_eq!((again(&created[1]).id, again(&created[1]).status), (first.id, Status::Passed));
    assert_eq!(created[2], Created::Conflict);
    assert_eq!(store.get(&Scope::All, repeated.id).await.unwrap(), None);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [2, 0, 1, 0, 0]);
}

async fn two_of_one_batch_with_one_key_are_like_two_requests(store: Fresh) {
    let batch = [
        with_key("one", "key b"),
        with_key("another", "key b"),
        with_key("one", "key b"),
        with_key("one", "key a"),
        with_key("one", "key a"),
    ];
    let created = store.create(&batch).await.unwrap();
    assert!(matches!(created[0], Created::New(_)) && matches!(created[3], Created::New(_)), "{created:?}");
    assert_eq!(created[1], Created::Conflict);
    assert_eq!((again(&created[2]).id, again(&created[4]).id), (batch[0].id, batch[3].id));
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status[0], 2);
}

async fn a_batch_that_is_repeated_creates_nothing_twice(store: Fresh) {
    let batch = [new("one"), with_key("two", "key"), new("three")];
    store.create(&batch[..2]).await.unwrap();
    let created = store.create(&batch).await.unwrap();
    assert_eq!((again(&created[0]).id, again(&created[1]).id), (batch[0].id, batch[1].id));
    assert!(matches!(created[2], Created::New(_)));
    let other = NewSubmission { content: "another".to_owned(), ..batch[0].clone() };
    assert_eq!(store.create(&[other]).await.unwrap(), [Created::Conflict]);
    let all = store.list(&Scope::All, Listing { status: None, after: None, limit: 10 }).await.unwrap();
    assert_eq!(all.len(), 3);
}

async fn an_empty_batch_is_nothing(store: Fresh) {
    assert_eq!(store.create(&[]).await.unwrap(), []);
    assert_eq!(store.settle(&[]).await.unwrap(), [false; 0]);
    let worker = join(&**store).await;
    assert_eq!(store.claim_these(worker, &[]).await.unwrap(), []);
    assert_eq!(store.claim(worker, 0).await.unwrap(), []);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [0; 5]);
}

async fn a_creation_wakes_who_waits(store: Fresh) {
    let arrivals = store.arrivals();
    // PostgreSQL's listener notifies when it is connected.
    tokio::time::timeout(std::time::Duration::from_millis(500), arrivals.notified()).await.ok();
    create(&**store, 1).await;
    tokio::time::timeout(std::time::Duration::from_secs(10), arrivals.notified()).await.unwrap();
}
