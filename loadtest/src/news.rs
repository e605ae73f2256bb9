//! What a person is told while the program works: lines on standard error, or the live [`view`](crate::view) while that has
//! the terminal. There is one terminal for the whole process, like standard error itself, and so there is one way to it.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::generator::tally::Tally;
use crate::observer::Moment;
pub(crate) use second::Second;

mod second;

static VIEW: Mutex<Option<Sender<News>>> = Mutex::new(None);

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
}

/// Tells it to whoever listens.
pub(crate) fn tell(news: News) {
    let view = VIEW.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let untold = match view {
        Some(view) => view.send(news).err().map(|unsent| unsent.0),
        None => Some(news),
    };
    if let Some(line) = untold.and_then(News::into_line) {
        eprintln!("{line}");
    }
}

/// Tells a sentence.
pub(crate) fn say(line: &str) {
    tell(News::Line(line.to_owned()));
}

/// From now on all is told to the receiver, until [`to_lines`].
pub(crate) fn to_view() -> Receiver<News> {
    let (sender, receiver) = mpsc::channel();
    *VIEW.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    receiver
}

/// From now on all is told in lines.
pub(crate) fn to_lines() {
    *VIEW.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

impl News {
    /// As a line on standard error; `None` if it is only to be seen.
    fn into_line(self) -> Option<String> {
        match self {
            News::Line(line) | News::Status(line) => Some(line),
            News::Second(second) => Some(second.line()),
            News::FaultBegins(name, hold) => Some(format!("fault: {name}, for {:.1} s", hold.as_secs_f64())),
            News::LoadEnded(_) | News::Draining(..) | News::FaultOver(_) => None,
        }
    }
}
