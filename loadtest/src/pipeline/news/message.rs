//! What there is to tell.

use std::time::Duration;

use super::second::Second;
use crate::load::generator::tally::Tally;
use crate::pipeline::observer::Moment;

/// Something that is told.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// A sentence, with more lines maybe.
    Line(String),
    /// What is being done now, until the next one.
    Status(String),
    /// A second of load is over.
    Second(Box<Second>),
    /// The load is over, and this was counted since its last second.
    LoadEnded(Box<Tally>),
    /// The pipeline after the load, so long after its start.
    Draining(Duration, Moment),
    /// A fault of this name begins, to last so long.
    FaultBegins(&'static str, Duration),
    /// A fault of this name is over.
    FaultOver(&'static str),
    /// So many were dropped before they were taken, and this was counted in them.
    Dropped(u64, Box<Tally>),
}

impl News {
    /// As a line on standard error; `None` if it is only to be seen.
    pub(crate) fn into_line(self) -> Option<String> {
        match self {
            News::Line(line) | News::Status(line) => Some(line),
            News::Second(second) => Some(second.line()),
            News::FaultBegins(name, hold) => Some(format!("fault: {name}, for {:.1} s", hold.as_secs_f64())),
            News::LoadEnded(_) | News::Draining(..) | News::FaultOver(_) | News::Dropped(..) => None,
        }
    }
}
