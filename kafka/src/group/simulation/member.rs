//! A member: the real core and the real fetching, and around them what the shell keeps.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::client::{Client, Jump};
use super::settings::Settings;
use crate::group::budget::Budget;
use crate::group::core::{Assignment, Core, Delivery, Event, Mistake, Received};
use crate::group::fetching::{Fetching, Wish};

/// What a record carries.
#[derive(Debug)]
pub(super) struct Cargo {
    /// Its index at the broker.
    pub(super) record: usize,
    /// When the core got it.
    pub(super) handed: Option<Instant>,
}

/// A process: its slot may have had others earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) slot: usize,
    pub(super) life: u64,
}

/// What librdkafka calls back within a poll.
#[derive(Debug)]
pub(super) enum Callback {
    Assign(Vec<i32>),
    Revoke(Vec<i32>),
    Lost,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) who: Who,
    pub(super) core: Core<Cargo>,
    pub(super) fetching: Fetching,
    pub(super) budget: Budget,
    pub(super) client: Client,
    /// The member id, while it believes to be a member.
    pub(super) id: Option<u64>,
    pub(super) generation: u64,
    pub(super) is_frozen: bool,
    pub(super) freezes: u64,
    /// It must stop: the fetcher's thread ends.
    pub(super) is_stopping: bool,

    // The fetcher's thread.
    pub(super) callbacks: VecDeque<Callback>,
    /// The revoke in whose callback it waits.
    pub(super) revoke: Option<Revoke>,
    pub(super) outbox: Vec<Received<Cargo>>,
    /// When gathered records are handed on at the earliest.
    pub(super) lingers_until: Instant,
    /// The earliest time: it waits for room, or has just failed.
    pub(super) turn_at: Instant,
    /// A record that waits for room: a mistake.
    pub(super) held_back: Option<usize>,
    /// Bytes polled although everything should be paused, because the pause failed.
    pub(super) unpaused: usize,
    pub(super) jumps: Vec<(Assignment, Jump)>,

    // Between the two threads.
    pub(super) wish: Wish,
    /// What the store said last of a pause; nothing before the first answer.
    pub(super) knows_pause: Option<bool>,
    pub(super) stream: VecDeque<Delivery<Cargo>>,
    pub(super) may_give_up: bool,

    // The pipeline's thread.
    pub(super) answers: Vec<Event<Cargo>>,
    /// An event was handled, and its actions are not all executed.
    pub(super) is_acting: bool,
    pub(super) wake: Option<Instant>,
    pub(super) commit: Vec<Sent>,
    /// The core has been asked to stop.
    pub(super) is_finishing: bool,

    // What the checks know.
    pub(super) progress: BTreeMap<i32, Progress>,
    pub(super) core_revoke: Option<CoreRevoke>,
    /// What is left of each batch that was started.
    pub(super) unwritten: BTreeMap<u64, Vec<(i32, Assignment)>>,
    /// When no batch could start because no slot was free.
    pub(super) could_not_flush: Instant,
    /// When it was started or thawed.
    pub(super) running_since: Instant,
}

#[derive(Debug)]
pub(super) struct Revoke {
    pub(super) partitions: Vec<i32>,
    pub(super) until: Instant,
    pub(super) are_lost: bool,
}

/// The revoke that the core knows of.
#[derive(Debug)]
pub(super) struct CoreRevoke {
    pub(super) partitions: Vec<i32>,
    pub(super) deadline: Instant,
    pub(super) are_lost: bool,
}

/// A part of a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) partition: i32,
    pub(super) next: i64,
    pub(super) assignment: Option<Assignment>,
    pub(super) incarnation: u32,
}

/// What one partition's core must know, seen from outside.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) assignment: Assignment,
    pub(super) incarnation: u32,
    /// The position was set back, and no offset came twice, so nobody could notice.
    pub(super) is_mixed: bool,
    /// Offsets that the core got, of the incarnation.
    pub(super) received: Vec<i64>,
    /// The last acknowledged commit.
    pub(super) acknowledged: Option<i64>,
    /// The first answer to what the group had committed.
    pub(super) first_seen: Option<Option<i64>>,
    /// The core had to commit before it had that answer.
    pub(super) is_blind: bool,
    pub(super) since: Instant,
    pub(super) reported: Vec<(i64, i64)>,
}

impl Member {
    pub(super) fn new(who: Who, settings: &Settings, mistake: Option<Mistake>, now: Instant) -> Self {
        let budget = Budget::new(settings.budget);
        let mut core = Core::new(settings.limits, budget.clone()).with_mistake(mistake);
        if settings.is_ordered && mistake != Some(Mistake::OrderIgnored) {
            core = core.in_order();
        }
        // Before the first answer of the store nothing is fetched.
        let is_paused = settings.is_administered && mistake != Some(Mistake::StartsUnasked);
        core.handle(Event::Paused(is_paused), now);
        Self {
            who,
            core,
            fetching: Fetching::default(),
            budget,
            client: Client::default(),
            id: None,
            generation: 0,
            is_frozen: false,
            freezes: 0,
            is_stopping: false,
            callbacks: VecDeque::new(),
            revoke: None,
            outbox: Vec::new(),
            lingers_until: now,
            turn_at: now,
            held_back: None,
            unpaused: 0,
            jumps: Vec::new(),
            wish: Wish { is_nothing: is_paused, ..Wish::default() },
            knows_pause: (!settings.is_administered).then_some(false),
            stream: VecDeque::new(),
            may_give_up: false,
            answers: Vec::new(),
            is_acting: is_paused,
            wake: None,
            commit: Vec::new(),
            is_finishing: false,
            progress: BTreeMap::new(),
            core_revoke: None,
            unwritten: BTreeMap::new(),
            could_not_flush: now,
            running_since: now,
        }
    }

    /// Hands on what was gathered.
    pub(super) fn hand_over(&mut self, now: Instant) {
        if !self.outbox.is_empty() && self.lingers_until <= now {
            self.stream.push_back(Delivery::Records(std::mem::take(&mut self.outbox)));
        }
    }

    /// When the pipeline's thread has something to do.
    pub(super) fn pipeline_ready(&self, now: Instant) -> Option<Instant> {
        let is_busy = self.is_acting || !self.stream.is_empty() || !self.answers.is_empty();
        if is_busy { Some(now) } else { self.wake }
    }

    /// As far as the core knows, this partition's records on their way belong to this assignment.
    pub(super) fn progress(&mut self, partition: i32, assignment: Assignment) -> Option<&mut Progress> {
        self.progress.get_mut(&partition).filter(|progress| progress.assignment == assignment)
    }
}

impl Progress {
    pub(super) fn new(assignment: Assignment, incarnation: u32, now: Instant) -> Self {
        Self {
            assignment,
            incarnation,
            is_mixed: false,
            received: Vec::new(),
            acknowledged: None,
            first_seen: None,
            is_blind: false,
            since: now,
            reported: Vec::new(),
        }
    }
}

/// How long the fetcher waits after the core's own deadline.
pub(super) const REVOKE_SLACK: Duration = Duration::from_millis(500);
