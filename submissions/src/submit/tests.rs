//! Batches against stores that count, wait, fail, hang and panic.

use tokio::sync::mpsc;

use super::*;
use crate::status::Status;
use crate::submission::Submission;

const LIMITS: SubmitLimits = SubmitLimits { max_waiting: 5_000, timeout: Duration::from_secs(5), batches: 1 };

fn new(content: &str) -> NewSubmission {
    NewSubmission { id: uuid::Uuid::now_v7(), content: content.to_owned(), idempotency_key: None, owner: None }
}

fn many(count: usize) -> Vec<NewSubmission> {
    (0..count).map(|number| new(&number.to_string())).collect()
}

fn created(new: NewSubmission) -> Created {
    Created::New(Submission {
        id: new.id,
        content: new.content,
        status: Status::Pending,
        series: 1,
        begun: 0,
        failures: 0,
        losses: 0,
        given_back: 0,
        reason: None,
        is_cached: false,
        created_at: 0,
        started_at: None,
        processed_at: None,
        changed_at: 0,
        run_at: 0,
        owner: None,
    })
}

fn contents(fates: Vec<Fate>) -> Vec<String> {
    let content = |fate: Fate| match fate {
        Ok(Created::New(submission)) => submission.content,
        other => panic!("{other:?}"),
    };
    fates.into_iter().map(content).collect()
}

/// A batch that waits for its test to answer it.
struct Held {
    new: Vec<NewSubmission>,
    answer: oneshot::Sender<Outcome>,
}

impl Held {
    fn create(self) {
        drop(self.answer.send(Ok(self.new.into_iter().map(created).collect())));
    }
}

/// A submitter whose batches arrive here.
fn holding(limits: SubmitLimits) -> (Submitter, mpsc::UnboundedReceiver<Held>) {
    let (sender, batches) = mpsc::unbounded_channel();
    let submitter = Submitter::new(
        move |new| {
            let (answer, answered) = oneshot::channel();
            drop(sender.send(Held { new, answer }));
            async { answered.await.expect("the test answers each batch") }
        },
        limits,
    );
    (submitter, batches)
}

/// Submits in a task of its own, once it is queued.
async fn queued(submitter: &Submitter, new: Vec<NewSubmission>) -> tokio::task::JoinHandle<Result<Vec<Fate>, Full>> {
    let expected = submitter.waiting() + new.len();
    let submitting = {
        let submitter = submitter.clone();
        tokio::spawn(async move { submitter.submit(new).await })
    };
    while submitter.waiting() < expected {
        tokio::task::yield_now().await;
    }
    submitting
}

#[tokio::test]
async fn what_waits_meanwhile_is_one_batch_and_each_gets_its_own_answer() {
    let (submitter, mut batches) = holding(LIMITS);
    let first = queued(&submitter, vec![new("first")]).await;
    let held = batches.recv().await.unwrap();
    let mut others = Vec::new();
    for number in 0..10 {
        others.push(queued(&submitter, vec![new(&format!("{number}a")), new(&format!("{number}b"))]).await);
    }
    assert!(batches.try_recv().is_err(), "only one batch at a time");
    held.create();
    assert_eq!(contents(first.await.unwrap().unwrap()), ["first"]);
    let held = batches.recv().await.unwrap();
    assert_eq!(held.new.len(), 20);
    held.create();
    for (number, other) in others.into_iter().enumerate() {
        assert_eq!(contents(other.await.unwrap().unwrap()), [format!("{number}a"), format!("{number}b")]);
    }
    submitter.finish().await;
    assert_eq!(submitter.waiting(), 0);
}

#[tokio::test]
async fn a_large_bulk_is_several_batches_in_its_order() {
    let (submitter, mut batches) = holding(SubmitLimits { batches: 2, ..LIMITS });
    let bulk = queued(&submitter, many(2 * BATCH_SUBMISSIONS + 7)).await;
    let (first, second) = (batches.recv().await.unwrap(), batches.recv().await.unwrap());
    assert_eq!((first.new.len(), second.new.len()), (BATCH_SUBMISSIONS, BATCH_SUBMISSIONS));
    second.create();
    let third = batches.recv().await.unwrap();
    assert_eq!(third.new.len(), 7);
    third.create();
    first.create();
    let expected: Vec<String> = (0..2 * BATCH_SUBMISSIONS + 7).map(|number| number.to_string()).collect();
    assert_eq!(contents(bulk.await.unwrap().unwrap()), expected);
}

#[tokio::test]
async fn a_batch_is_bounded_in_bytes_and_takes_what_is_larger_alone() {
    let (submitter, mut batches) = holding(LIMITS);
    let mut waiting = vec![queued(&submitter, vec![new("first")]).await];
    let held = batches.recv().await.unwrap();
    for content in ["small", &"x".repeat(BATCH_BYTES + 1), "last"] {
        waiting.push(queued(&submitter, vec![new(content)]).await);
    }
    held.create();
    for _ in 0..3 {
        let held = batches.recv().await.unwrap();
        assert_eq!(held.new.len(), 1);
        held.create();
    }
    for submitting in waiting {
        assert_eq!(submitting.await.unwrap().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn beyond_the_limit_nothing_is_handed_on() {
    let (submitter, mut batches) = holding(SubmitLimits { max_waiting: 3, ..LIMITS });
    let two = queued(&submitter, many(2)).await;
    let held = batches.recv().await.unwrap();
    assert_eq!(submitter.submit(many(2)).await.unwrap_err(), Full);
    let one = queued(&submitter, many(1)).await;
    assert_eq!(submitter.submit(many(1)).await.unwrap_err(), Full);
    held.create();
    assert_eq!(two.await.unwrap().unwrap().len(), 2);
    batches.recv().await.unwrap().create();
    assert_eq!(one.await.unwrap().unwrap().len(), 1);
    let three = queued(&submitter, many(3)).await;
    batches.recv().await.unwrap().create();
    assert_eq!(three.await.unwrap().unwrap().len(), 3, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_answered_in_time_and_what_nobody_waits_for_is_left_out() {
    let (submitter, mut batches) = holding(LIMITS);
    let hanging = queued(&submitter, many(1)).await;
    let held = batches.recv().await.unwrap();
    let of_a_client_that_leaves = queued(&submitter, vec![new("nobody waits for it")]).await;
    of_a_client_that_leaves.abort();
    let fates = hanging.await.unwrap().unwrap();
    assert!(matches!(&fates[..], [Err(StoreError(why))] if why == "no answer within 5s"), "{fates:?}");
    drop(held.new);
    // The batch's own time may be over a little later.
    while submitter.waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let next = queued(&submitter, vec![new("next")]).await;
    let held = batches.recv().await.unwrap();
    assert_eq!(held.new.len(), 1);
    held.create();
    assert_eq!(contents(next.await.unwrap().unwrap()), ["next"]);
}

#[tokio::test]
async fn a_store_that_fails_or_panics_is_asked_again_by_the_next_batch() {
    let calls = Arc::new(Mutex::new(0));
    let submitter = Submitter::new(
        move |new| {
            let call = {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                *calls
            };
            async move {
                match call {
                    1 => Err(StoreError("away".to_owned())),
                    2 => panic!("as planned"),
                    _ => Ok(new.into_iter().map(created).collect()),
                }
            }
        },
        LIMITS,
    );
    for reason in ["away", "it panicked"] {
        let fates = submitter.submit(many(2)).await.unwrap();
        assert_eq!(fates.len(), 2);
        for fate in fates {
            assert!(matches!(&fate, Err(StoreError(why)) if why == reason), "{fate:?}");
        }
    }
    assert_eq!(contents(submitter.submit(many(1)).await.unwrap()), ["0"]);
}
