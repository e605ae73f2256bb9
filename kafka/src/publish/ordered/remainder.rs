//! What a client has not sent when its successor takes over, which then sends it. A client whose password has changed
//! may never send anything again, and its records would wait until their time is over.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::message::{BorrowedMessage, OwnedMessage};

use super::handed::Handed;

/// A record that was not sent, with the request that waits for it.
pub(super) struct Unsent {
    pub(super) message: OwnedMessage,
    pub(super) handed: Box<Handed>,
}

/// The records that a client gives back while it is renewed.
#[derive(Default)]
pub(super) struct Remainder {
    /// `None` while no client is renewed: what ends unsent then has failed.
    kept: Mutex<Option<Vec<Unsent>>>,
}

impl Remainder {
    /// From now on, what is not sent is kept.
    pub(super) fn begin(&self) {
        self.kept().get_or_insert_default();
    }

    /// Keeps a record if a client is being renewed, and somebody still waits for it. Says whether.
    pub(super) fn keep(&self, message: &BorrowedMessage<'_>, handed: Box<Handed>) -> bool {
        let mut kept = self.kept();
        let Some(kept) = kept.as_mut().filter(|_| !handed.request.is_gone()) else { return false };
        kept.push(Unsent { message: message.detach(), handed });
        true
    }

    /// All of them, in the order in which they came. Nothing more is kept.
    pub(super) fn take(&self) -> Vec<Unsent> {
        let mut kept = self.kept().take().unwrap_or_default();
        kept.sort_by_key(|unsent| unsent.handed.at);
        kept
    }

    fn kept(&self) -> MutexGuard<'_, Option<Vec<Unsent>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
