//! The line in which records wait for the next client while one is renewed: what the old one has not sent, and what
//! came meanwhile. A client whose password has changed may never send anything again, and its records would wait until
//! their time is over.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::message::OwnedMessage;

use super::handed::Handed;

/// A record that was not sent, with the request that waits for it.
pub(super) struct Unsent {
    pub(super) message: OwnedMessage,
    pub(super) handed: Box<Handed>,
    /// Whether no client has had it yet.
    pub(super) is_new: bool,
}

/// The records that wait for the next client.
#[derive(Default)]
pub(super) struct Remainder {
    /// `None` while no client is renewed: what ends unsent then has failed.
    kept: Mutex<Option<Vec<Unsent>>>,
}

impl Remainder {
    /// From now on, what is not sent is kept. What nobody waits for anymore is not.
    pub(super) fn begin(&self) {
        self.kept().get_or_insert_default().retain(|unsent| !unsent.handed.request.is_gone());
    }

    /// Keeps a record if a client is being renewed. Says whether.
    pub(super) fn add(&self, unsent: impl FnOnce() -> Unsent) -> bool {
        self.kept().as_mut().map(|kept| kept.push(unsent())).is_some()
    }

    /// All that somebody waits for by now, in the order in which they came. More are kept.
    pub(super) fn take_waiting(&self) -> Vec<Unsent> {
        in_order(self.kept().as_mut().map(std::mem::take))
    }

    /// All that somebody waits for, in the order in which they came. Nothing more is kept.
    pub(super) fn take(&self) -> Vec<Unsent> {
        in_order(self.kept().take())
    }

    fn kept(&self) -> MutexGuard<'_, Option<Vec<Unsent>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_order(unsent: Option<Vec<Unsent>>) -> Vec<Unsent> {
    let mut unsent = unsent.unwrap_or_default();
    unsent.retain(|unsent| !unsent.handed.request.is_gone());
    unsent.sort_by_key(|unsent| unsent.handed.at);
    unsent
}
