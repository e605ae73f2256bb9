//! What a person sees while the program works: lines on standard error, or whatever a [`Listener`] makes of them. The
//! process has one terminal, just as it has one standard error, so there is one listener for the whole process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub(crate) use message::News;
pub(crate) use second::Second;
use waiting::Waiting;

mod message;
mod second;
mod waiting;

/// What listens instead of standard error.
static LISTENER: Mutex<Option<Weak<Listener>>> = Mutex::new(None);

/// Keeps news until they are [taken](Self::take).
#[derive(Debug, Default)]
pub(crate) struct Listener(Mutex<Waiting>);

/// Passes the news to the listener, or to standard error. Waits for nothing.
pub(crate) fn tell(news: News) {
    // Locked until it has arrived, so that a listener that hears of the end has heard everything.
    let listener = lock(&LISTENER);
    let line = match listener.as_ref().and_then(Weak::upgrade) {
        Some(listener) => {
            lock(&listener.0).add(news);
            None
        }
        None => news.into_line(),
    };
    drop(listener);
    if let Some(line) = line {
        eprintln!("{line}");
    }
}

/// Passes on a sentence.
pub(crate) fn say(line: &str) {
    tell(News::Line(line.to_owned()));
}

/// From now on all news go to the listener, until [`to_lines`], or until it is dropped.
pub(crate) fn listen() -> Arc<Listener> {
    let listener = Arc::default();
    *lock(&LISTENER) = Some(Arc::downgrade(&listener));
    listener
}

/// From now on all news are lines.
pub(crate) fn to_lines() {
    *lock(&LISTENER) = None;
}

impl Listener {
    /// The news since the last time, and whether more may come.
    pub(crate) fn take(&self) -> (Vec<News>, bool) {
        let has_more = lock(&LISTENER).is_some();
        (lock(&self.0).take(), has_more)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
