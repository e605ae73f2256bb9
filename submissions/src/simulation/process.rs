//! A process: a worker and a sweeper, with the answers that have come for them.

use std::collections::BTreeSet;
use std::time::Instant;

use uuid::Uuid;

use super::settings::Settings;
use crate::mistake::{Mistake, Mistakes};
use crate::store::Beat;
use crate::sweeper::core::{SweepAction, SweepCore, SweepEvent};
use crate::worker::core::{Action, Core, Event};

/// Which process: each start is another life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) slot: usize,
    pub(super) life: u64,
}

/// What a process asks the store.
#[derive(Debug)]
pub(super) enum Ask {
    /// The id under which it wants to be known.
    Join(Uuid),
    Worker(Action),
    Sweeper(SweepAction),
}

/// What comes for a process.
#[derive(Debug)]
pub(super) enum Reply {
    Worker(Event),
    Sweeper(SweepEvent),
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) who: Who,
    pub(super) worker: Core,
    pub(super) sweeper: SweepCore,
    pub(super) inbox: Vec<Reply>,
    pub(super) is_frozen: bool,
    /// How often it was frozen.
    pub(super) freezes: u64,
    /// Since when it runs without a freeze.
    pub(super) steady_since: Instant,
    pub(super) is_stopping: bool,
    /// Its ids, and since when it knows that it has them.
    pub(super) ids: Vec<(Uuid, Instant)>,
    /// Those of which it knows that they are gone.
    pub(super) gone: Vec<Uuid>,
    /// The batches of announcements with which it is not done.
    pub(super) unanswered: BTreeSet<u64>,
}

impl Process {
    pub(super) fn new(who: Who, settings: &Settings, mistake: Option<Mistake>, now: Instant) -> Self {
        let mistakes = Mistakes { made: mistake };
        Self {
            who,
            worker: Core::new(settings.worker.clone(), who.life, now, mistakes),
            sweeper: SweepCore::new(settings.sweeper.clone(), who.life, now, mistakes),
            inbox: Vec::new(),
            is_frozen: false,
            freezes: 0,
            steady_since: now,
            is_stopping: false,
            ids: Vec::new(),
            gone: Vec::new(),
            unanswered: BTreeSet::new(),
        }
    }

    /// When it has something to do.
    pub(super) fn ready(&self, now: Instant) -> Option<Instant> {
        if !self.inbox.is_empty() {
            return Some(now);
        }
        [self.worker.deadline(now), self.sweeper.deadline()].into_iter().flatten().min()
    }

    /// Notes what the worker learns of its ids.
    pub(super) fn note(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Joined { worker, outcome: Ok(()) } => self.ids.push((*worker, now)),
            Event::Beaten { worker, outcome: Ok(Beat::Gone) } => self.gone.push(*worker),
            Event::Announced { number, .. } => _ = self.unanswered.insert(*number),
            _ => {}
        }
    }
}
