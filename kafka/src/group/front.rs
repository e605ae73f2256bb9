//! What the fetcher and librdkafka's callbacks share: which partitions are held, and what is fetched but not yet handed
//! on. Everything leaves through one stream, in the order in which it happened. Records are handed on together, because
//! waking the pipeline for each of them costs more than all the rest of a record's way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc as std_mpsc};
use std::time::Instant;

use metrics::Counter;
use tokio::sync::mpsc;

use super::budget::Budget;
use super::core::{Assignment, Delivery, Received};
use super::fetching::{Changes, Fetching, Turn, Wish};

/// Most records that are handed on together.
const MAX_RECORDS: usize = 100;

/// What the pipeline gets. A revoke comes with a sender for its waiting caller.
pub(super) struct Handover<R> {
    pub(super) delivery: Delivery<R>,
    pub(super) given_up: Option<std_mpsc::Sender<()>>,
}

/// The fetcher's side of the stream.
pub(super) struct Front<R> {
    state: Mutex<State<R>>,
    /// The fetcher must look, because what it fetches may not be what is wanted.
    is_unsettled: AtomicBool,
    budget: Budget,
    consumed: Counter,
    /// It needs no bound of its own: each record has already taken its bytes from the budget.
    stream: mpsc::UnboundedSender<Handover<R>>,
}

struct State<R> {
    fetching: Fetching,
    wish: Wish,
    /// Nothing more is wanted, whatever the other half wishes.
    is_over: bool,
    gathered: Vec<Received<R>>,
}

impl<R> Front<R> {
    /// An empty front, and the pipeline's end of its stream.
    pub(super) fn new(budget: Budget, consumed: Counter) -> (Self, mpsc::UnboundedReceiver<Handover<R>>) {
        let (stream, received) = mpsc::unbounded_channel();
        let state =
            State { fetching: Fetching::default(), wish: Wish::default(), is_over: false, gathered: Vec::new() };
        let front = Self { state: Mutex::new(state), is_unsettled: AtomicBool::new(false), budget, consumed, stream };
        (front, received)
    }

    /// Sets what to fetch from now on.
    pub(super) fn wish(&self, wish: Wish) {
        let mut state = self.state();
        state.wish = Wish { is_nothing: wish.is_nothing || state.is_over, ..wish };
        self.is_unsettled.store(true, Ordering::Release);
    }

    /// Sets that nothing is fetched from now on.
    pub(super) fn end(&self) {
        let mut state = self.state();
        (state.is_over, state.wish.is_nothing) = (true, true);
        self.is_unsettled.store(true, Ordering::Release);
    }

    /// Whether the next turn is a poll, as the last one was, with nothing to change before it.
    pub(super) fn may_just_poll(&self) -> bool {
        self.budget.has_room() && !self.is_unsettled.load(Ordering::Acquire)
    }

    /// What to do next, and what must be paused or resumed before.
    pub(super) fn turn(&self, now: Instant) -> (Turn, Changes) {
        self.is_unsettled.store(false, Ordering::Release);
        let mut state = self.state();
        let State { fetching, wish, .. } = &mut *state;
        let turn = fetching.turn(&self.budget, wish, now);
        (turn, fetching.changes(wish))
    }

    /// What must be paused or resumed now.
    pub(super) fn changes(&self) -> Changes {
        let state = self.state();
        state.fetching.changes(&state.wish)
    }

    /// librdkafka was asked to pause or resume these.
    pub(super) fn applied(&self, partitions: &[i32], is_paused: bool, is_done: bool) {
        if is_done {
            self.state().fetching.applied(partitions, is_paused);
        } else {
            self.is_unsettled.store(true, Ordering::Release);
        }
    }

    /// Takes a fetched record, which belongs to the assignment in force. Returns false if the pipeline is gone.
    pub(super) fn add(&self, partition: i32, offset: i64, make: impl FnOnce(Assignment) -> Received<R>) -> bool {
        let mut state = self.state();
        let Some(assignment) = state.fetching.assignment(partition) else {
            drop(state);
            tracing::error!(partition, offset, "a record of a partition that is not held was fetched, and is dropped");
            return true;
        };
        let record = make(assignment);
        self.budget.take(record.bytes);
        state.gathered.push(record);
        let is_full = state.gathered.len() >= MAX_RECORDS;
        drop(state);
        !is_full || self.hand_on()
    }

    /// Hands on what there is. Returns false if the pipeline is gone.
    pub(super) fn hand_on(&self) -> bool {
        let gathered = std::mem::take(&mut self.state().gathered);
        if gathered.is_empty() {
            return !self.stream.is_closed();
        }
        self.consumed.increment(gathered.len() as u64);
        self.deliver(Delivery::Records(gathered), None)
    }

    /// Adds these partitions.
    pub(super) fn assign(&self, partitions: &[i32]) {
        self.hand_on();
        let assignment = self.state().fetching.assign(partitions);
        self.deliver(Delivery::Assigned { assignment, partitions: partitions.to_vec() }, None);
    }

    /// These partitions must be given up. Returns the channel that says when they may be, or that the pipeline is gone.
    pub(super) fn revoke(&self, partitions: &[i32], are_lost: bool) -> std_mpsc::Receiver<()> {
        // The pipeline must first know of every record.
        self.hand_on();
        let (given_up, over) = std_mpsc::channel();
        self.deliver(Delivery::Revoked { partitions: partitions.to_vec(), are_lost }, Some(given_up));
        over
    }

    /// Removes these partitions.
    pub(super) fn give_up(&self, partitions: &[i32]) {
        self.state().fetching.give_up(partitions);
    }

    /// The partitions held, each with its assignment.
    pub(super) fn held(&self) -> Vec<(i32, Assignment)> {
        self.state().fetching.held()
    }

    /// Whether everything is paused because the budget is full.
    pub(super) fn is_full(&self) -> bool {
        self.state().fetching.is_full()
    }

    fn deliver(&self, delivery: Delivery<R>, given_up: Option<std_mpsc::Sender<()>>) -> bool {
        self.stream.send(Handover { delivery, given_up }).is_ok()
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(front: &Front<()>, partition: i32, offset: i64) -> bool {
        front.add(partition, offset, |assignment| Received::new(partition, offset, assignment, 1, ()))
    }

    /// Otherwise the pipeline would finish the partition without that record, and get it after the hand-over.
    #[test]
    fn what_is_fetched_reaches_the_pipeline_before_the_revoke_and_after_the_assignment() {
        let (front, mut stream) = Front::new(Budget::new(1_000), Counter::noop());
        front.assign(&[3]);
        assert!(add(&front, 3, 7));
        let over = front.revoke(&[3], false);
        let next = |stream: &mut mpsc::UnboundedReceiver<Handover<()>>| stream.try_recv().unwrap().delivery;
        assert!(matches!(next(&mut stream), Delivery::Assigned { .. }));
        assert!(matches!(next(&mut stream), Delivery::Records(records) if records[0].ticket.offset == 7));
        assert!(matches!(next(&mut stream), Delivery::Revoked { partitions, are_lost: false } if partitions == [3]));
        drop(stream);
        assert!(over.recv().is_err(), "the pipeline is gone");
        assert!(!front.hand_on());
    }

    #[test]
    fn a_wish_is_looked_at_before_the_next_poll() {
        let (front, _stream) = Front::<()>::new(Budget::new(1_000), Counter::noop());
        front.assign(&[0]);
        assert!(front.may_just_poll());
        front.wish(Wish { is_nothing: true, ..Wish::default() });
        assert!(!front.may_just_poll());
        let (turn, changes) = front.turn(Instant::now());
        assert_eq!((turn, changes.pause), (Turn::PollPaused, vec![0]));
        front.applied(&[0], true, false);
        assert!(!front.may_just_poll(), "it failed, and is tried again");
    }

    #[test]
    fn after_the_end_no_wish_fetches_anything() {
        let (front, _stream) = Front::<()>::new(Budget::new(1_000), Counter::noop());
        front.assign(&[0]);
        assert_eq!(front.turn(Instant::now()).0, Turn::Poll);
        front.end();
        assert!(!front.may_just_poll());
        assert_eq!(front.turn(Instant::now()).0, Turn::PollPaused);
        front.wish(Wish::default());
        let (turn, changes) = front.turn(Instant::now());
        assert_eq!((turn, changes.pause), (Turn::PollPaused, vec![0]));
    }
}
