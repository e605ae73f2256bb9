//! The store, the dead-letter topic and the broker's side of a commit: how much of a request is done, when, and what is
//! answered.

use std::time::Duration;

use simulation::Random;

use super::broker::Kind;
use super::member::{Cargo, Member, Sent, Who};
use super::script::Mode;
use super::statistics::Happened;
use super::world::{Due, World};
use crate::group::core::{Event, Flush, Letter, LetterError, NotStored, Received, Shape};

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    /// When it is done, if it is.
    does: Option<Duration>,
    /// Only a part of it.
    is_part: bool,
    /// The answer says what was done, this long after it; otherwise it is a failure, this long after the request.
    is_reported: bool,
    answer: Duration,
}

impl Fate {
    /// None while the server hangs.
    fn of(mode: Mode, random: &mut Random) -> Option<Self> {
        let mode = if random.one_in(4) && mode != Mode::Hangs { Mode::Well } else { mode };
        let well =
            Self { does: Some(random.millis(0, 30)), is_part: false, is_reported: true, answer: random.millis(0, 20) };
        Some(match mode {
            Mode::Well => well,
            Mode::Slow => Self { does: Some(random.millis(100, 5_000)), answer: random.millis(0, 2_000), ..well },
            Mode::Away => Self { does: None, is_reported: false, answer: random.millis(0, 2_000), ..well },
            Mode::AnswerLost => Self { is_reported: false, answer: random.millis(50, 2_000), ..well },
            Mode::Partly => Self { is_part: true, ..well },
            Mode::Late => Self {
                does: Some(random.millis(500, 12_000)),
                is_reported: false,
                answer: random.millis(0, 500),
                ..well
            },
            Mode::Hangs => return None,
        })
    }
}

/// A request that was sent: it is done even if its sender is gone.
#[derive(Debug)]
pub(super) enum Request {
    Write { batch: u64, records: Vec<Received<Cargo>> },
    Letter(Letter<Cargo>),
    Commit { id: Option<u64>, generation: u64, offsets: Vec<Sent> },
}

/// A request that is done without an answer.
#[derive(Debug)]
pub(super) enum Done {
    Write(Vec<usize>),
    Letter(usize, Shape),
    Commit { id: Option<u64>, generation: u64, offsets: Vec<Sent> },
}

impl Request {
    fn without_answer(&self) -> Done {
        match self {
            Request::Write { records, .. } => Done::Write(records.iter().map(|record| record.cargo.record).collect()),
            Request::Letter(letter) => Done::Letter(letter.record.cargo.record, letter.shape),
            Request::Commit { id, generation, offsets } => {
                Done::Commit { id: *id, generation: *generation, offsets: offsets.clone() }
            }
        }
    }
}

impl World {
    pub(super) fn send_batch(&mut self, who: Who, batch: Flush<Cargo>) {
        self.send(who, Request::Write { batch: batch.number, records: batch.records });
    }

    pub(super) fn send_letter(&mut self, who: Who, letter: Letter<Cargo>) {
        self.send(who, Request::Letter(letter));
    }

    pub(super) fn send_commit(&mut self, member: &Member) {
        let (id, generation, offsets) = (member.id, member.generation, member.commit.clone());
        self.send(member.who, Request::Commit { id, generation, offsets });
    }

    pub(super) fn send(&mut self, who: Who, request: Request) {
        let mode = match &request {
            Request::Write { .. } => self.modes.store,
            Request::Letter(_) => self.modes.letters,
            Request::Commit { .. } => self.modes.commits,
        };
        let Some(fate) = Fate::of(mode, &mut self.random) else { return self.hanging.push((who, request)) };
        match fate.does {
            Some(does) if fate.is_reported => self.later(does, Due::Done { who, request, fate }),
            does => {
                if let Some(does) = does {
                    let done = request.without_answer();
                    self.later(does, Due::DoneUnreported { request: done, is_late: does > fate.answer });
                }
                let event = self.failed(request);
                self.later(fate.answer, Due::Answer(who, event));
            }
        }
    }

    /// The request is done, and answered.
    pub(super) fn done(&mut self, who: Who, request: Request, fate: Fate) {
        let event = match request {
            Request::Write { batch, records } => {
                let mut not_stored = Vec::new();
                for (position, record) in records.iter().enumerate() {
                    if fate.is_part && self.random.one_in(3) {
                        not_stored.push((position, NotStored::Later));
                    } else if !self.insert(record.cargo.record) {
                        not_stored.push((position, NotStored::Never));
                    }
                }
                let why_later = not_stored.iter().any(|(_, what)| *what == NotStored::Later);
                Event::Flushed { batch, records, not_stored, why_later: why_later.then(|| "partly".to_owned()) }
            }
            Request::Letter(letter) => {
                let outcome = self.append_letter(letter.record.cargo.record, letter.shape);
                Event::LetterSent(letter, outcome)
            }
            Request::Commit { id, generation, mut offsets } => {
                if fate.is_part {
                    let failed = self.random.below(offsets.len());
                    offsets.remove(failed);
                    self.statistics.happened(Happened::CommittedInPart);
                }
                // librdkafka reports a failure only when all partitions failed.
                Event::Committed(if offsets.is_empty() {
                    Err("failed".to_owned())
                } else {
                    self.commit(id, generation, &offsets)
                })
            }
        };
        self.later(fate.answer, Due::Answer(who, event));
    }

    /// The request is done, although its sender learned or will learn that it failed.
    pub(super) fn done_unreported(&mut self, request: Done, is_late: bool) {
        match request {
            Done::Write(records) => {
                let stored = records.into_iter().filter(|record| self.insert(*record)).count();
                if stored > 0 && is_late {
                    self.statistics.happened(Happened::WrittenLate);
                }
            }
            Done::Letter(record, shape) => _ = self.append_letter(record, shape),
            Done::Commit { id, generation, offsets } => {
                if self.commit(id, generation, &offsets).is_ok() && is_late {
                    self.statistics.happened(Happened::CommitLate);
                }
            }
        }
    }

    fn failed(&mut self, request: Request) -> Event<Cargo> {
        match request {
            Request::Write { batch, records } => {
                let judge = |record: &Received<Cargo>| match self.broker.records[record.cargo.record].kind {
                    Kind::Undecodable => NotStored::Never,
                    Kind::Good | Kind::Conflict => NotStored::Later,
                };
                let not_stored = records.iter().map(judge).enumerate().collect();
                Event::Flushed { batch, records, not_stored, why_later: Some("away".to_owned()) }
            }
            Request::Letter(letter) => {
                self.statistics.happened(Happened::LetterFailed);
                Event::LetterSent(letter, Err(LetterError::Later("away".to_owned())))
            }
            Request::Commit { .. } => {
                self.statistics.happened(Happened::CommitFailed);
                Event::Committed(Err("away".to_owned()))
            }
        }
    }
}
