//! The world of one history: virtual time, what will happen, and steps of whatever can take one.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use simulation::{Random, Statistics};

use super::checks::Violation;
use super::model::Model;
use super::process::{Ask, Process, Reply, Who};
use super::script::{Mode, Operation, Sort};
use super::settings::Settings;
use super::statistics::Happened;
use crate::mistake::Mistake;
use crate::settling::claimable;
use crate::store::Beat;
use crate::worker::core::{Action, Event};

/// What happens at a time.
#[derive(Debug)]
pub(super) enum Due {
    Thaw {
        who: Who,
        freezes: u64,
    },
    /// The store does what was asked, and answers so long after that, if it answers.
    Done {
        who: Who,
        ask: Rc<Ask>,
        reported: Option<Duration>,
    },
    Answer(Who, Reply),
}

pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) random: Random,
    pub(super) mistake: Option<Mistake>,
    start: Instant,
    pub(super) now: Instant,
    timeline: BTreeMap<(Instant, u64), Due>,
    sequence: u64,
    pub(super) store: Model,
    /// When each submission was last announced by a sweeper.
    pub(super) announced_at: HashMap<Uuid, Instant>,
    pub(super) announcements: u64,
    /// By slot.
    pub(super) processes: Vec<Option<Box<Process>>>,
    pub(super) lives: u64,
    ids: u128,
    /// By the number of the sort of requests.
    pub(super) modes: [Mode; 4],
    /// Nobody gets an answer.
    pub(super) is_out: bool,
    pub(super) outage_began: Instant,
    /// When the last outage was over, or the start.
    pub(super) outage_over: Instant,
    pub(super) beats_well_since: Instant,
    pub(super) sweeps_well_since: Instant,
    pub(super) statistics: Statistics<Happened>,
    pub(super) violation: Option<(Violation, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Happen,
    Process(usize),
}

impl World {
    pub(super) fn new(seed: u64, mistake: Option<Mistake>) -> Self {
        let settings = Settings::of(seed);
        let start = Instant::now();
        // As if the first minute had gone well.
        let now = start + Duration::from_secs(60);
        Self {
            processes: (0..settings.slots).map(|_| None).collect(),
            store: Model::new(&settings, mistake),
            announced_at: HashMap::new(),
            announcements: 0,
            settings,
            random: Random::new(seed),
            mistake,
            start: now,
            now,
            timeline: BTreeMap::new(),
            sequence: 0,
            lives: 0,
            ids: 0,
            modes: [Mode::Well; 4],
            is_out: false,
            outage_began: start,
            outage_over: start,
            beats_well_since: start,
            sweeps_well_since: start,
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
            self.now = next.map_or(until, |next| next.min(until));
            self.check_noticed();
            return;
        }
        self.statistics.steps += 1;
        match self.random.of(&moves) {
            Move::Happen => {
                if let Some((_, due)) = self.timeline.pop_first() {
                    self.happen(due);
                }
            }
            Move::Process(slot) => {
                if let Some(mut process) = self.processes[slot].take() {
                    self.act(&mut process);
                    let has_stopped = process.is_stopping && process.worker.is_done();
                    if has_stopped {
                        self.check_announcements(&process);
                    }
                    self.processes[slot] = Some(process).filter(|_| !has_stopped);
                    if has_stopped {
                        self.statistics.happened(Happened::Stopped);
                    }
                }
            }
        }
        for happened in std::mem::take(&mut self.store.happened) {
            self.statistics.happened(happened);
        }
        if let Some((violation, detail)) = self.store.violation.take() {
            self.violate(violation, || detail);
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
    pub(super) fn process(&mut self, who: Who) -> Option<&mut Process> {
        self.processes[who.slot].as_deref_mut().filter(|process| process.who == who)
    }

    /// Since when a process that runs, and did so without a freeze, knows this id and still uses it.
    pub(super) fn known_since(&self, worker: Uuid) -> Option<Instant> {
        let running = self.processes.iter().flatten().filter(|process| !process.is_frozen);
        let mut known = running.filter(|process| process.worker.is_known_as(worker)).flat_map(|process| {
            process.ids.iter().filter(|(id, _)| *id == worker).map(|(_, since)| (*since).max(process.steady_since))
        });
        known.next()
    }

    pub(super) fn violate(&mut self, violation: Violation, detail: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let at = self.now - self.start;
            self.violation = Some((violation, format!("{} at {at:?}, step {}", detail(), self.statistics.steps)));
        }
    }

    /// Everything that can be done now, and the next time if there is nothing.
    fn moves(&self) -> (Vec<Move>, Option<Instant>) {
        let (mut moves, mut next): (_, Option<Instant>) = (Vec::with_capacity(5), None);
        let mut consider = |at: Option<Instant>, what| match at {
            Some(at) if at <= self.now => moves.push(what),
            at => next = [next, at].into_iter().flatten().min(),
        };
        consider(self.timeline.first_key_value().map(|((at, _), _)| *at), Move::Happen);
        for (slot, process) in self.processes.iter().enumerate() {
            if let Some(process) = process.as_deref().filter(|process| !process.is_frozen) {
                consider(process.ready(self.now), Move::Process(slot));
            }
        }
        (moves, next)
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Thaw { who, freezes } => {
                let now = self.now;
                if let Some(process) = self.process(who).filter(|process| process.freezes == freezes) {
                    process.is_frozen = false;
                    process.steady_since = now;
                }
            }
            Due::Done { who, ask, reported } => self.done(who, &ask, reported),
            Due::Answer(who, reply) => {
                if let Some(process) = self.process(who) {
                    process.inbox.push(reply);
                }
            }
        }
    }

    /// The process takes in an answer, or sends a request.
    fn act(&mut self, process: &mut Process) {
        if !process.inbox.is_empty() {
            let reply = process.inbox.remove(self.random.below(process.inbox.len()));
            return self.hear(process, reply);
        }
        if let Some(action) = process.worker.next_action(self.now) {
            match &action {
                Action::Settle(settlements) => self.check_settlements(process, settlements),
                Action::Claim { worker, .. } => self.check_claim(*worker),
                _ => {}
            }
            let ask = if matches!(action, Action::Join) { Ask::Join(self.next_id()) } else { Ask::Worker(action) };
            return self.send(process.who, ask);
        }
        if let Some(action) = process.sweeper.next_action(self.now) {
            return self.send(process.who, Ask::Sweeper(action));
        }
        self.check_quiet(process);
    }

    fn hear(&mut self, process: &mut Process, reply: Reply) {
        match reply {
            Reply::Worker(event) => {
                process.note(&event, self.now);
                if matches!(event, Event::Beaten { outcome: Ok(Beat::Gone), .. }) {
                    self.statistics.happened(Happened::HeardGone);
                }
                let finished = process.worker.handle(event, self.now);
                self.check_finished(&finished);
                self.check_held(process);
                self.hear_over(process);
                self.tell(claimable(&finished));
            }
            Reply::Sweeper(event) => {
                let finished = process.sweeper.handle(event, self.now);
                self.tell(claimable(&finished));
            }
        }
    }

    fn next_id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids << 64)
    }

    /// Since when requests of this sort have gone well; `None` for sorts of which nobody asks.
    pub(super) fn well_since(&mut self, sort: Sort) -> Option<&mut Instant> {
        match sort {
            Sort::Beats => Some(&mut self.beats_well_since),
            Sort::Sweeps => Some(&mut self.sweeps_well_since),
            Sort::Claims | Sort::Settlements => None,
        }
    }
}
