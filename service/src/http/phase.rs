//! What a connection is doing: waiting for a request, reading a head, or answering. Its stream, its timer and the
//! service that answers share this, and all of them run in the connection's own task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Nothing has come since the last answer.
const IDLE: u8 = 0;
/// A part of a head has come. What comes together with the previous request's end is not noticed.
const HEAD: u8 = 1;
/// A request is being answered.
const ANSWERING: u8 = 2;
/// The last request has its answer, and its body is not read to its end. So the connection ends.
const UNREAD: u8 = 3;

/// The phase of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// That of a connection that ends although its client may still send.
    pub(super) fn unread() -> Self {
        Self(Arc::new(AtomicU8::new(UNREAD)))
    }

    /// Bytes have come.
    pub(super) fn received(&self) {
        if self.get() == IDLE {
            self.set(HEAD);
        }
    }

    /// A request is being answered until the guard is dropped.
    pub(super) fn answer(&self) -> Answering {
        self.set(ANSWERING);
        Answering { phase: self.clone(), then: IDLE }
    }

    /// Whether a part of a head has come, and not all of it.
    pub(super) fn is_reading_head(&self) -> bool {
        self.get() == HEAD
    }

    /// Whether a request is being answered.
    pub(super) fn is_answering(&self) -> bool {
        self.get() == ANSWERING
    }

    /// Whether the client is probably sending something that nobody will read, if the connection ends now.
    pub(super) fn is_cutting(&self) -> bool {
        matches!(self.get(), HEAD | UNREAD)
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// Marks a request as being answered.
pub(super) struct Answering {
    phase: Phase,
    then: u8,
}

impl Answering {
    /// The answer is made, and the request's body has not been read to its end.
    pub(super) fn leaves_unread(&mut self) {
        self.then = UNREAD;
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.phase.set(self.then);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_through_all_phases() {
        let phase = Phase::default();
        let shown = || (phase.is_reading_head(), phase.is_answering(), phase.is_cutting());
        assert_eq!(shown(), (false, false, false));
        phase.received();
        assert_eq!(shown(), (true, false, true));
        let answering = phase.answer();
        phase.received();
        assert_eq!(shown(), (false, true, false), "the body's bytes are not a head");
        drop(answering);
        assert_eq!(shown(), (false, false, false));
        let mut answering = phase.answer();
        answering.leaves_unread();
        drop(answering);
        phase.received();
        assert_eq!(shown(), (false, false, true));
    }
}
