//! The world of one history: virtual time, what will happen, and steps of whatever can take one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use simulation::{Random, Statistics};

use super::broker::Broker;
use super::checks::Violation;
use super::coordinator::Coordinator;
use super::member::{Cargo, Member, Who};
use super::script::{Mode, Operation};
use super::servers::{Done, Fate, Request};
use super::settings::Settings;
use super::statistics::Happened;
use crate::group::core::{Assignment, Event, Mistake};

/// What happens at a time.
#[derive(Debug)]
pub(super) enum Due {
    Join(Who),
    SessionOver {
        id: u64,
        who: Who,
        freezes: u64,
    },
    Thaw {
        who: Who,
        freezes: u64,
    },
    LearnsLoss {
        who: Who,
        id: u64,
    },
    StopOver(Who),
    Watch(Who),
    /// The member asks the store whether it is paused.
    AsksIfPaused(Who),
    Sees(Who, Vec<(i32, Assignment)>),
    Done {
        who: Who,
        request: Request,
        fate: Fate,
    },
    DoneUnreported {
        request: Done,
        is_late: bool,
    },
    Answer(Who, Event<Cargo>),
}

/// How the servers behave.
#[derive(Debug)]
pub(super) struct Modes {
    pub(super) store: Mode,
    pub(super) letters: Mode,
    pub(super) commits: Mode,
    pub(super) pauses_fail: bool,
    pub(super) watches_fail: bool,
    /// Gathered records sometimes wait before they are handed on.
    pub(super) lingers: bool,
    /// Operators have paused fetching: the store says so to those who ask it.
    pub(super) is_paused: bool,
}

impl Modes {
    pub(super) const WELL: Self = Self {
        store: Mode::Well,
        letters: Mode::Well,
        commits: Mode::Well,
        pauses_fail: false,
        watches_fail: false,
        lingers: false,
        is_paused: false,
    };
}

pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) random: Random,
    pub(super) mistake: Option<Mistake>,
    pub(super) start: Instant,
    pub(super) now: Instant,
    timeline: BTreeMap<(Instant, u64), Due>,
    sequence: u64,
    pub(super) broker: Broker,
    pub(super) coordinator: Coordinator,
    /// By slot.
    pub(super) members: Vec<Option<Box<Member>>>,
    pub(super) lives: u64,
    pub(super) modes: Modes,
    /// Since when the store has said the same to everyone who asked whether fetching is paused.
    pub(super) pause_shown_since: Instant,
    /// Requests to servers that hang.
    pub(super) hanging: Vec<(Who, Request)>,
    pub(super) statistics: Statistics<Happened>,
    pub(super) violation: Option<(Violation, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Happen,
    Rebalance,
    Fetch(usize),
    Work(usize),
}

impl World {
    pub(super) fn new(seed: u64, mistake: Option<Mistake>) -> Self {
        let settings = Settings::of(seed);
        let now = Instant::now();
        let mut broker = Broker::default();
        broker.logs.resize_with(settings.partitions, Default::default);
        Self {
            members: (0..settings.slots).map(|_| None).collect(),
            modes: Modes { lingers: settings.hands_on_late, ..Modes::WELL },
            settings,
            random: Random::new(seed),
            mistake,
            start: now,
            now,
            timeline: BTreeMap::new(),
            sequence: 0,
            broker,
            coordinator: Coordinator::default(),
            lives: 0,
            pause_shown_since: now,
            hanging: Vec::new(),
            statistics: Statistics::of_a_history(),
            violation: None,
        }
    }

    /// The whole history.
    pub(super) fn run(mut self, script: &[Operation]) -> Result<Statistics<Happened>, (Violation, String)> {
        for operation in script {
            match *operation {
                Operation::Milliseconds(milliseconds) => {
                    let until = self.now + Duration::from_millis(milliseconds);
                    while self.now < until && self.violation.is_none() {
                        self.step(until);
                    }
                }
                Operation::Steps(steps) => {
                    let until = self.now + Duration::from_secs(60);
                    (0..steps).for_each(|_| self.step(until));
                }
                operation => self.operate(operation),
            }
            if self.violation.is_some() {
                break;
            }
        }
        self.end();
        match self.violation {
            Some(violation) => Err(violation),
            None => Ok(self.statistics),
        }
    }

    /// One step of anything that can take one, or time moves to when something can.
    pub(super) fn step(&mut self, until: Instant) {
        let (moves, next) = self.moves();
        if moves.is_empty() {
            let then = next.map_or(until, |next| next.min(until));
            self.check_sleep(then);
            self.now = then;
            return;
        }
        self.statistics.steps += 1;
        match self.random.of(&moves) {
            Move::Happen => {
                if let Some((_, due)) = self.timeline.pop_first() {
                    self.happen(due);
                }
            }
            Move::Rebalance => self.rebalance(),
            Move::Fetch(slot) => self.with_member(slot, Self::fetch),
            Move::Work(slot) => {
                self.with_member(slot, Self::work);
                self.leave_if_done(slot);
            }
        }
        if self.random.one_in(4) {
            self.now += self.random.millis(0, 3);
        }
    }

    /// Schedules this for `after` from now.
    pub(super) fn later(&mut self, after: Duration, due: Due) {
        self.sequence += 1;
        self.timeline.insert((self.now + after, self.sequence), due);
    }

    /// The process, if it is still alive.
    pub(super) fn member(&mut self, who: Who) -> Option<&mut Member> {
        self.members[who.slot].as_deref_mut().filter(|member| member.who == who)
    }

    pub(super) fn violate(&mut self, violation: Violation, detail: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let at = self.now - self.start;
            self.violation = Some((violation, format!("{} at {at:?}, step {}", detail(), self.statistics.steps)));
        }
    }

    fn with_member(&mut self, slot: usize, act: impl FnOnce(&mut Self, &mut Member)) {
        if let Some(mut member) = self.members[slot].take() {
            act(self, &mut member);
            self.members[slot] = Some(member);
        }
    }

    /// Everything that can be done now, and the next time if there is nothing.
    fn moves(&self) -> (Vec<Move>, Option<Instant>) {
        let (mut moves, mut next): (_, Option<Instant>) = (Vec::with_capacity(10), None);
        let mut consider = |at: Option<Instant>, what| match at {
            Some(at) if at <= self.now => moves.push(what),
            at => next = [next, at].into_iter().flatten().min(),
        };
        consider(self.timeline.first_key_value().map(|((at, _), _)| *at), Move::Happen);
        consider(self.can_rebalance().then_some(self.now), Move::Rebalance);
        for (slot, member) in self.members.iter().enumerate() {
            if let Some(member) = member.as_deref().filter(|member| !member.is_frozen) {
                consider(self.fetcher_ready(member), Move::Fetch(slot));
                consider(member.pipeline_ready(self.now), Move::Work(slot));
            }
        }
        (moves, next)
    }
}
