//! Which offsets may be committed: only those before which every record received is finished. Pure.
//!
//! A record is finished once it is stored, or acknowledged as a dead letter. Records finish in any order, since several
//! flushes are in flight; committing past an unfinished one would lose it at the next crash. Offsets may have gaps
//! (compaction, transactions), so the run is unbroken in the order received, not in the numbers.

use std::collections::{BTreeMap, VecDeque};

/// A record that is being worked on. The generation tells records of an earlier assignment of the same partition apart:
/// their offsets may mean other records by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The record's partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
    generation: u64,
}

/// Tracks the records of every partition held.
#[derive(Debug, Default)]
pub struct Offsets {
    partitions: BTreeMap<i32, Tracker>,
    generations: u64,
}

#[derive(Debug)]
struct Tracker {
    generation: u64,
    /// Records received and not yet behind the committable offset, in the order received, offsets ascending.
    pending: VecDeque<Pending>,
    /// One past the last record of the unbroken finished run.
    next: Option<i64>,
    /// What was handed out by [`Offsets::take_committable`] last.
    taken: Option<i64>,
    last_received: i64,
}

#[derive(Debug)]
struct Pending {
    offset: i64,
    timestamp_ms: i64,
    is_finished: bool,
}

impl Offsets {
    /// Notes a record as received. An offset that does not ascend starts the partition anew: the position was reset.
    pub fn received(&mut self, partition: i32, offset: i64, timestamp_ms: i64) -> Ticket {
        let is_restart = self.partitions.get(&partition).is_none_or(|tracker| offset <= tracker.last_received);
        if is_restart {
            self.generations += 1;
            let generation = self.generations;
            let tracker =
                Tracker { generation, pending: VecDeque::new(), next: None, taken: None, last_received: offset };
            self.partitions.insert(partition, tracker);
        }
        let tracker = self.partitions.get_mut(&partition).expect("the partition was inserted if it was missing");
        tracker.last_received = offset;
        tracker.pending.push_back(Pending { offset, timestamp_ms, is_finished: false });
        Ticket { partition, offset, generation: tracker.generation }
    }

    /// Notes a record as finished. One of a partition that was given up meanwhile is ignored.
    pub fn finished(&mut self, ticket: Ticket) {
        let Some(tracker) = self.partitions.get_mut(&ticket.partition) else { return };
        if tracker.generation != ticket.generation {
            return;
        }
        let Ok(index) = tracker.pending.binary_search_by_key(&ticket.offset, |pending| pending.offset) else { return };
        tracker.pending[index].is_finished = true;
        while tracker.pending.front().is_some_and(|pending| pending.is_finished) {
            tracker.next = tracker.pending.pop_front().map(|pending| pending.offset + 1);
        }
    }

    /// The offsets to commit (partition, next offset to read) that have moved since they were taken last.
    pub fn take_committable(&mut self) -> Vec<(i32, i64)> {
        let mut committable = Vec::new();
        for (partition, tracker) in &mut self.partitions {
            if let Some(next) = tracker.next.filter(|_| tracker.next != tracker.taken) {
                tracker.taken = Some(next);
                committable.push((*partition, next));
            }
        }
        committable
    }

    /// Makes every offset committable again, after a commit that failed.
    pub fn forget_taken(&mut self) {
        for tracker in self.partitions.values_mut() {
            tracker.taken = None;
        }
    }

    /// Gives these partitions up and returns what may be committed for them.
    pub fn give_up(&mut self, partitions: &[i32]) -> Vec<(i32, i64)> {
        let given_up =
            partitions.iter().filter_map(|partition| Some((*partition, self.partitions.remove(partition)?.next?)));
        given_up.collect()
    }

    /// For each partition the timestamp (ms) of its oldest unfinished record, if it has one.
    pub fn oldest_unfinished(&self) -> impl Iterator<Item = (i32, Option<i64>)> {
        self.partitions.iter().map(|(partition, tracker)| (*partition, tracker.pending.front().map(|p| p.timestamp_ms)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_commit_never_passes_an_unfinished_record() {
        let mut offsets = Offsets::default();
        let tickets: Vec<Ticket> = [3, 4, 9].into_iter().map(|offset| offsets.received(0, offset, 0)).collect();
        offsets.finished(tickets[2]);
        offsets.finished(tickets[1]);
        assert_eq!(offsets.take_committable(), []);
        offsets.finished(tickets[0]);
        assert_eq!(offsets.take_committable(), [(0, 10)]);
        assert_eq!(offsets.take_committable(), [], "taken already");
        offsets.forget_taken();
        assert_eq!(offsets.take_committable(), [(0, 10)]);
    }

    #[test]
    fn a_late_finish_of_an_earlier_assignment_is_ignored() {
        let mut offsets = Offsets::default();
        let before = offsets.received(0, 5, 0);
        assert_eq!(offsets.give_up(&[0]), []);
        let after = offsets.received(0, 5, 0);
        offsets.finished(before);
        assert_eq!(offsets.take_committable(), []);
        offsets.finished(after);
        assert_eq!(offsets.take_committable(), [(0, 6)]);
    }

    #[test]
    fn a_position_that_was_reset_starts_anew() {
        let mut offsets = Offsets::default();
        let before = offsets.received(0, 100, 0);
        let after = offsets.received(0, 0, 0);
        offsets.finished(before);
        assert_eq!(offsets.take_committable(), []);
        offsets.finished(after);
        assert_eq!(offsets.take_committable(), [(0, 1)]);
    }

    #[derive(Debug, Clone)]
    enum Action {
        Receive {
            partition: i32,
            gap: i64,
        },
        /// Finishes one of the tickets handed out so far, wherever it stands.
        Finish(proptest::sample::Index),
        Commit,
        CommitFailed,
        GiveUp {
            partition: i32,
        },
        /// The group hands the partition out again, from its committed offset.
        Rewind {
            partition: i32,
        },
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            4 => (0..3, 1_i64..4).prop_map(|(partition, gap)| Action::Receive { partition, gap }),
            4 => any::<proptest::sample::Index>().prop_map(Action::Finish),
            1 => Just(Action::Commit),
            1 => Just(Action::CommitFailed),
            1 => (0..3).prop_map(|partition| Action::GiveUp { partition }),
            1 => (0..3).prop_map(|partition| Action::Rewind { partition }),
        ]
    }

    /// The naive model: per partition every record received since it was assigned, and whether it is finished.
    #[derive(Default, Clone)]
    struct Model {
        received: Vec<(i64, bool)>,
        committed: i64,
        position: i64,
        assignment: usize,
    }

    impl Model {
        fn committable(&self) -> Option<i64> {
            self.received.iter().take_while(|(_, finished)| *finished).last().map(|(offset, _)| offset + 1)
        }

        fn give_up(&mut self) {
            self.received.clear();
            self.position = self.committed;
            self.assignment += 1;
        }
    }

    proptest! {
        #[test]
        fn offsets_agree_with_a_naive_model(actions in proptest::collection::vec(action(), 0..200)) {
            let mut offsets = Offsets::default();
            let mut models = vec![Model::default(); 3];
            let mut tickets: Vec<(Ticket, usize)> = Vec::new();
            let mut finished: BTreeSet<(i32, i64)> = BTreeSet::new();
            for action in actions {
                match action {
                    Action::Receive { partition, gap } => {
                        let model = &mut models[partition as usize];
                        model.position += gap;
                        model.received.push((model.position, false));
                        tickets.push((offsets.received(partition, model.position, 0), model.assignment));
                    }
                    Action::Finish(index) if !tickets.is_empty() => {
                        let (ticket, assignment) = tickets[index.index(tickets.len())];
                        offsets.finished(ticket);
                        finished.insert((ticket.partition, ticket.offset));
                        let model = &mut models[ticket.partition as usize];
                        if model.assignment == assignment {
                            model.received.iter_mut().filter(|(offset, _)| *offset == ticket.offset).for_each(|r| r.1 = true);
                        }
                    }
                    Action::Finish(_) => {}
                    Action::Commit => {
                        for (partition, next) in offsets.take_committable() {
                            let model = &mut models[partition as usize];
                            prop_assert_eq!(Some(next), model.committable());
                            prop_assert!(model.received.iter().filter(|(o, _)| *o < next).all(|(o, _)| finished.contains(&(partition, *o))));
                            model.committed = next - 1;
                        }
                    }
                    Action::CommitFailed => {
                        offsets.forget_taken();
                        let all: Vec<(i32, i64)> = (0..3).filter_map(|p| Some((p, models[p as usize].committable()?))).collect();
                        prop_assert_eq!(offsets.take_committable(), all);
                    }
                    Action::GiveUp { partition } | Action::Rewind { partition } => {
                        let model = &mut models[partition as usize];
                        let expected: Vec<(i32, i64)> = model.committable().map(|next| (partition, next)).into_iter().collect();
                        prop_assert_eq!(offsets.give_up(&[partition]), expected);
                        if matches!(action, Action::GiveUp { .. }) {
                            model.committed = model.committable().map_or(model.committed, |next| next - 1);
                        }
                        model.give_up();
                    }
                }
            }
        }
    }
}
