use std::pin::pin;

use futures_util::FutureExt;
use tokio::sync::oneshot::{self, Receiver};

use super::*;
use crate::publish::admission::Admission;
use crate::publish::error::PublishError;
use crate::publish::record::{Key, Record};
use crate::publish::submission::{Stored, WaitingRequest};

/// A linger that is not over within a test.
const LONG: Duration = Duration::from_secs(3_600);

fn settings(linger: Duration, is_adaptive: bool) -> QueueSettings {
    QueueSettings { limits: BatchLimits { bytes: 1_000, items: 10 }, linger, is_adaptive }
}

/// A record of this many bytes, and what its request learns.
fn submission(size_bytes: usize) -> (Submission, Receiver<Stored>) {
    let (stored, place) = oneshot::channel();
    let request =
        WaitingRequest::Single { stored, _admission: Admission::of(1, size_bytes).admit(size_bytes, None).unwrap() };
    let record =
        Record { key: Key::new(), value: Vec::new(), is_json: false, timestamp_ms: 0, trace: None, client_key: None };
    (Submission { record, size_bytes, queued_at: Instant::now(), request }, place)
}

/// Sends records of 100 bytes, and returns what their requests learn.
fn send(queue: &QueueSender, records: usize) -> Vec<Receiver<Stored>> {
    let send = |_| {
        let (submission, place) = submission(100);
        assert!(queue.send(submission));
        place
    };
    (0..records).map(send).collect()
}

fn records(batch: Option<(Parcel, OnItsWay)>) -> usize {
    batch.unwrap().0.len()
}

#[tokio::test]
async fn what_comes_alone_is_sent_at_once_and_what_follows_with_an_acknowledgement() {
    let (queue, mut receiver) = queue(settings(LONG, true));
    let mut on_their_way = Vec::new();
    let mut places = Vec::new();
    for _ in 0..FEW {
        places.extend(send(&queue, 1));
        let (parcel, on_its_way) = receiver.next_batch().await.expect("few are on their way");
        assert_eq!(parcel.len(), 1);
        on_their_way.push(on_its_way);
    }
    places.extend(send(&queue, 3));
    let mut next = pin!(receiver.next_batch());
    assert!(next.as_mut().now_or_never().is_none(), "others may still join");
    on_their_way.pop();
    assert_eq!(records(next.await), 3);
}

/// A lane that waits for acknowledgements is woken by the last one, also if nothing else happens.
#[tokio::test]
async fn a_queue_that_closes_ends_with_the_last_acknowledgement() {
    let (queue, mut receiver) = queue(settings(LONG, true));
    let _places = send(&queue, 1);
    let (_, on_its_way) = receiver.next_batch().await.unwrap();
    drop(queue);
    let mut next = pin!(receiver.next_batch());
    assert!(next.as_mut().now_or_never().is_none(), "it may come back");
    drop(on_its_way);
    assert!(next.await.is_none());
}

#[tokio::test]
async fn a_batch_waits_no_longer_than_its_linger_and_not_when_it_has_enough() {
    let (brief, mut receiver) = queue(settings(Duration::from_millis(1), false));
    let _places = send(&brief, 1);
    assert_eq!(records(receiver.next_batch().await), 1);

    let (long, mut receiver) = queue(settings(LONG, false));
    let mut places = send(&long, 9);
    assert!(receiver.next_batch().now_or_never().is_none(), "900 of 1,000 bytes");
    places.extend(send(&long, 2));
    assert_eq!(records(receiver.next_batch().now_or_never().flatten()), 10);
    assert!(receiver.next_batch().now_or_never().is_none(), "what did not fit waits for others");
    places.extend(send(&long, 9));
    assert_eq!(records(receiver.next_batch().now_or_never().flatten()), 10);
}

#[tokio::test]
async fn what_comes_back_goes_first_and_nothing_ends_before_it() {
    let (queue, mut receiver) = queue(settings(Duration::ZERO, true));
    let returns = receiver.returns();
    let _places = send(&queue, 2);
    let (parcel, on_its_way) = receiver.next_batch().await.unwrap();
    let _later = send(&queue, 1);
    drop(queue);
    returns.put(parcel);
    let (again, again_on_its_way) = receiver.next_batch().await.unwrap();
    assert_eq!(again.len(), 2);
    drop(on_its_way);
    assert_eq!(records(receiver.next_batch().await), 1);
    assert!(receiver.next_batch().now_or_never().is_none(), "one that is on its way may come back");
    drop(again_on_its_way);
    assert!(receiver.next_batch().await.is_none());
}

#[tokio::test]
async fn a_batch_that_is_too_large_makes_later_ones_smaller() {
    let (queue, mut receiver) = queue(settings(Duration::ZERO, true));
    assert!(receiver.returns().lower_limit(800));
    assert!(!receiver.returns().lower_limit(800), "no news");
    let _places = send(&queue, 10);
    let sizes = [receiver.next_batch().await, receiver.next_batch().await].map(records);
    assert_eq!(sizes, [4, 4]);
}

#[tokio::test]
async fn records_that_nobody_waits_for_are_dropped_and_their_requests_learn_of_it() {
    let (queue, mut receiver) = queue(settings(Duration::ZERO, false));
    let mut places = send(&queue, 3);
    drop(places.remove(0));
    receiver.drop_records(false);
    let (parcel, _on_its_way) = receiver.next_batch().await.unwrap();
    assert_eq!(parcel.len(), 2);
    receiver.returns().put(parcel);
    places.extend(send(&queue, 1));
    receiver.drop_records(true);
    for place in places {
        assert!(place.await.is_err(), "its request must not wait any longer");
    }
    assert!(receiver.next_batch().now_or_never().is_none());
    assert_eq!(queue.level.bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn who_stops_waiting_for_a_batch_loses_nothing() {
    let (queue, mut receiver) = queue(settings(LONG, false));
    let mut places = send(&queue, 1);
    assert!(receiver.next_batch().now_or_never().is_none());
    places.extend(send(&queue, 9));
    let (parcel, _on_its_way) = receiver.next_batch().await.unwrap();
    for submission in parcel {
        submission.request.refuse(PublishError::TooLarge);
    }
    for place in places {
        assert_eq!(place.await, Ok(Err(PublishError::TooLarge)));
    }
}
