//! The way of a request: how much of it the store does, when, and what is answered.

use std::rc::Rc;
use std::time::Duration;

use uuid::Uuid;

use simulation::Random;

use super::process::{Ask, Reply, Who};
use super::script::{Mode, Sort};
use super::world::{Due, World};
use crate::store::{Stats, StoreError};
use crate::sweeper::core::{SweepAction, SweepEvent};
use crate::worker::core::{Action, Event};

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// When it is done, if it is.
    does: Option<Duration>,
    /// When it is answered, and whether the answer says what was done; otherwise it is an error.
    answer: Duration,
    is_reported: bool,
}

impl Fate {
    fn of(mode: Mode, random: &mut Random) -> Self {
        // Some requests get through, but none while the store is away.
        let mode = if mode != Mode::Away && random.one_in(4) { Mode::Well } else { mode };
        let (does, more) = (random.millis(0, 8), random.millis(0, 4));
        let well = Self { does: Some(does), answer: does + more, is_reported: true };
        match mode {
            Mode::Well => well,
            Mode::Slow => {
                let does = random.millis(100, 5_000);
                Self { does: Some(does), answer: does + random.millis(0, 1_000), is_reported: true }
            }
            Mode::Away => Self { does: None, answer: random.millis(0, 1_500), is_reported: false },
            Mode::AnswerLost => Self { answer: does + random.millis(50, 1_500), is_reported: false, ..well },
            Mode::Late => {
                let answer = random.millis(0, 500);
                Self { does: Some(answer + random.millis(100, 8_000)), answer, is_reported: false }
            }
        }
    }
}

impl Ask {
    fn sort(&self) -> Sort {
        match self {
            Ask::Join(_)
            | Ask::Worker(Action::Join | Action::Claim { .. } | Action::ClaimThese { .. } | Action::Leave(_)) => {
                Sort::Claims
            }
            Ask::Worker(Action::Settle(_) | Action::LookUp(_)) => Sort::Settlements,
            Ask::Worker(Action::Beat { .. }) => Sort::Beats,
            Ask::Sweeper(_) => Sort::Sweeps,
        }
    }

    /// The answer of a store that is away, or seems to be.
    fn failed(&self) -> Reply {
        match self {
            Ask::Join(worker) => Reply::Worker(Event::Joined { worker: *worker, outcome: away() }),
            Ask::Worker(action) => Reply::Worker(match action {
                Action::Join => Event::Joined { worker: Uuid::nil(), outcome: away() },
                Action::Claim { worker, .. } | Action::ClaimThese { worker, .. } => {
                    Event::Claimed { worker: *worker, outcome: away() }
                }
                Action::Settle(_) => Event::Settled(away()),
                Action::LookUp(_) => Event::LookedUp(away()),
                Action::Beat { worker, .. } => Event::Beaten { worker: *worker, outcome: away() },
                Action::Leave(worker) => Event::Left { worker: *worker, outcome: away() },
            }),
            Ask::Sweeper(action) => Reply::Sweeper(match action {
                SweepAction::Look { .. } => SweepEvent::Found(away()),
                SweepAction::Settle(_) => SweepEvent::Settled(away()),
                SweepAction::LookUp(_) => SweepEvent::LookedUp(away()),
                SweepAction::Announce { .. } => SweepEvent::Announced(away()),
                SweepAction::Prune { .. } => SweepEvent::Pruned(away()),
                SweepAction::Count => SweepEvent::Counted(away()),
            }),
        }
    }
}

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError("away".to_owned()))
}

impl World {
    /// The process sends a request.
    pub(super) fn send(&mut self, who: Who, ask: Ask) {
        let sort = ask.sort();
        let mut fate = Fate::of(self.modes[sort as usize], &mut self.random);
        if self.is_out {
            fate = Fate { does: None, answer: self.random.millis(0, 500), is_reported: false };
        }
        let patience = self.settings.worker.terms.heartbeat;
        if sort == Sort::Beats && fate.answer > patience {
            fate = Fate { answer: patience, is_reported: false, ..fate };
        }
        let failed = (!fate.is_reported).then(|| ask.failed());
        if let Some(does) = fate.does {
            let reported = fate.is_reported.then(|| fate.answer.saturating_sub(does));
            self.later(does, Due::Done { who, ask: Rc::new(ask), reported });
        }
        if let Some(failed) = failed {
            self.later(fate.answer, Due::Answer(who, failed));
        }
    }

    /// The store does what was asked, even if the process is gone. The answer comes after this time, if it comes.
    pub(super) fn done(&mut self, who: Who, ask: &Ask, reported: Option<Duration>) {
        let reply = match ask {
            Ask::Join(worker) => {
                self.store.join(*worker, self.now);
                Reply::Worker(Event::Joined { worker: *worker, outcome: Ok(()) })
            }
            Ask::Worker(action) => Reply::Worker(self.work(action, reported.is_some())),
            Ask::Sweeper(action) => Reply::Sweeper(self.sweep(action, reported.is_some())),
        };
        if let Some(after) = reported {
            self.later(after, Due::Answer(who, reply));
        }
    }

    fn work(&mut self, action: &Action, is_reported: bool) -> Event {
        match action {
            Action::Join => Event::Joined { worker: Uuid::nil(), outcome: away() },
            Action::Claim { worker, limit } => {
                let jobs = self.store.claim(*worker, *limit, self.now);
                if !is_reported {
                    self.note_claimed_unknown(jobs.len());
                }
                Event::Claimed { worker: *worker, outcome: Ok(jobs) }
            }
            Action::ClaimThese { worker, ids } => {
                let jobs = self.store.claim_these(*worker, ids, self.now);
                if !is_reported {
                    self.note_claimed_unknown(jobs.len());
                }
                Event::Claimed { worker: *worker, outcome: Ok(jobs) }
            }
            Action::Settle(settlements) => Event::Settled(Ok(self.store.settle(settlements, self.now))),
            Action::LookUp(ids) => Event::LookedUp(Ok(ids.iter().map(|id| self.store.get(*id)).collect())),
            Action::Beat { worker, .. } => {
                Event::Beaten { worker: *worker, outcome: Ok(self.store.beat(*worker, self.now)) }
            }
            Action::Leave(worker) => {
                self.store.leave(*worker);
                Event::Left { worker: *worker, outcome: Ok(()) }
            }
        }
    }

    fn sweep(&mut self, action: &SweepAction, is_reported: bool) -> SweepEvent {
        match action {
            SweepAction::Look { silence, work_timeout, limit } => {
                let lost = self.store.lost_leases(*silence, *work_timeout, *limit, self.now);
                self.check_lost(&lost);
                SweepEvent::Found(Ok(lost))
            }
            SweepAction::Settle(settlements) => SweepEvent::Settled(Ok(self.store.settle(settlements, self.now))),
            SweepAction::LookUp(ids) => SweepEvent::LookedUp(Ok(ids.iter().map(|id| self.store.get(*id)).collect())),
            SweepAction::Announce { overdue, limit } => {
                let overdue = self.overdue(*overdue, *limit);
                let count = overdue.len();
                // The process that asked sends them, if it learns of them.
                if is_reported {
                    self.tell(overdue);
                }
                SweepEvent::Announced(Ok(count))
            }
            SweepAction::Prune { .. } => SweepEvent::Pruned(Ok(0)),
            SweepAction::Count => SweepEvent::Counted(Ok((Stats::default(), self.store.workers.len()))),
        }
    }
}
