//! What there is to report.

use std::time::Duration;

use super::second::Second;
use crate::load::generator::tally::Tally;
use crate::pipeline::observer::Moment;

/// Something that is reported.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// A sentence, perhaps with more lines.
    Line(String),
    /// What is being done now, until the next one.
    Status(String),
    /// A second of load is over.
    Second(Box<Second>),
    /// The load is over, and this was counted since its last second.
    LoadEnded(Box<Tally>),
    /// The pipeline after the load, this long after the load's start.
    Draining(Duration, Moment),
    /// A fault of this name starts, and lasts this long.
    FaultBegins(&'static str, Duration),
    /// A fault of this name is over.
    FaultOver(&'static str),
    /// This many were dropped before they were taken, and this was counted in them.
    Dropped(u64, Box<Tally>),
}

impl News {
    /// As a line on standard error; `None` if only the live view shows it.
    pub(crate) fn into_line(self) -> Option<String> {
        match self {
            News::Line(line) | News::Status(line) => Some(line),
            News::Second(second) => Some(second.line()),
            News::FaultBegins(name, hold) => Some(format!("fault: {name}, for {:.1} s", hold.as_secs_f64())),
            News::LoadEnded(_) | News::Draining(..) | News::FaultOver(_) | News::Dropped(..) => None,
        }
    }
}
