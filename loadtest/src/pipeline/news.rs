//! What a person is told while the program works: lines on standard error, or the live [`view`](crate::report::view) while that has
//! the terminal. There is one terminal for the whole process, like standard error itself, and so there is one way to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::load::generator::tally::Tally;
use crate::pipeline::observer::Moment;
pub(crate) use second::Second;
use waiting::Waiting;

mod second;
mod waiting;

/// Whoever listens instead of standard error.
static VIEW: Mutex<Option<Weak<Listener>>> = Mutex::new(None);

/// Has what is told wait until it is [taken](Self::take).
#[derive(Debug, Default)]
pub(crate) struct Listener(Mutex<Waiting>);

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

/// Tells it to whoever listens. Waits for nobody.
pub(crate) fn tell(news: News) {
    // Locked until it is told, so that a listener who hears that it is over has heard everything.
    let view = lock(&VIEW);
    let line = match view.as_ref().and_then(Weak::upgrade) {
        Some(listener) => {
            lock(&listener.0).add(news);
            None
        }
        None => news.into_line(),
    };
    drop(view);
    if let Some(line) = line {
        eprintln!("{line}");
    }
}

/// Tells a sentence.
pub(crate) fn say(line: &str) {
    tell(News::Line(line.to_owned()));
}

/// From now on all is told to the listener, until [`to_lines`], or until it is dropped.
pub(crate) fn to_view() -> Arc<Listener> {
    let listener = Arc::default();
    *lock(&VIEW) = Some(Arc::downgrade(&listener));
    listener
}

/// From now on all is told in lines.
pub(crate) fn to_lines() {
    *lock(&VIEW) = None;
}

impl Listener {
    /// What was told since the last time, and whether more may come.
    pub(crate) fn take(&self) -> (Vec<News>, bool) {
        let has_more = lock(&VIEW).is_some();
        (lock(&self.0).take(), has_more)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl News {
    /// As a line on standard error; `None` if it is only to be seen.
    fn into_line(self) -> Option<String> {
        match self {
            News::Line(line) | News::Status(line) => Some(line),
            News::Second(second) => Some(second.line()),
            News::FaultBegins(name, hold) => Some(format!("fault: {name}, for {:.1} s", hold.as_secs_f64())),
            News::LoadEnded(_) | News::Draining(..) | News::FaultOver(_) | News::Dropped(..) => None,
        }
    }
}
