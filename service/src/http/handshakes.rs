//! Connections that become encrypted ones. Until then they have none of the places of the others. A bounded number of
//! them is under way; one more ends the oldest, so those that never finish keep nobody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use crate::http::handshake_failure::Failure;
use crate::http::limits::BUFFER_BYTES;
use crate::http::lingering::Lingering;
use crate::http::metrics::HandshakeCounters;
use crate::http::phase::Phase;
use crate::http::turned_away::answer;
use crate::http::write_deadline::WriteDeadline;

/// The first byte of a handshake.
const HANDSHAKE: u8 = 0x16;

/// What comes of a handshake.
type Encrypted = Box<TlsStream<WriteDeadline<TcpStream>>>;

/// Handshakes of a listener.
pub(super) struct Handshakes {
    under_way: Arc<Mutex<Oldest<AbortHandle>>>,
    timeout: Duration,
    counters: HandshakeCounters,
}

impl Handshakes {
    /// At most this many are under way, and each has this much time.
    pub(super) fn new(most: usize, timeout: Duration, counters: HandshakeCounters) -> Self {
        Self { under_way: Arc::new(Mutex::new(Oldest::new(most))), timeout, counters }
    }

    /// Starts one in a task of its own, which ends early once `stopping`'s sender is gone: this client has sent no
    /// request yet. `then` gets the connection.
    pub(super) fn start(
        &self,
        stream: TcpStream,
        acceptor: TlsAcceptor,
        tasks: &TaskTracker,
        mut stopping: watch::Receiver<()>,
        then: impl FnOnce(Encrypted) + Send + 'static,
    ) {
        let (timeout, counters, under_way) = (self.timeout, self.counters.clone(), Arc::clone(&self.under_way));
        // Held until the entry is there, so that the task cannot remove it before.
        let mut oldest = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let id = oldest.next_id();
        let task = tasks.spawn(async move {
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(timeout, shake(stream, &acceptor, timeout)) => {
                    Some(shaken.unwrap_or(Err(Failure::Timeout)))
                }
                _ = stopping.changed() => None,
            };
            under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
            match shaken {
                Some(Ok(stream)) => then(stream),
                Some(Err(failure)) => counters.failed(failure),
                None => {}
            }
        });
        if let Some(displaced) = oldest.add(id, task.abort_handle()) {
            displaced.abort();
            self.counters.failed(Failure::Displaced);
        }
    }
}

async fn shake(stream: TcpStream, acceptor: &TlsAcceptor, timeout: Duration) -> Result<Encrypted, Failure> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1..) if first[0] == HANDSHAKE => {}
        Ok(1..) => {
            // Most likely somebody who wrote http:// for https://.
            let answer = answer("400 Bad Request", "Bad Request", "this port takes only TLS: use https://", None);
            let mut stream = Lingering::new(WriteDeadline::new(stream, timeout), Phase::unread());
            if first[0].is_ascii_uppercase() && stream.write_all(answer.as_bytes()).await.is_ok() {
                stream.shutdown().await.ok();
            }
            return Err(Failure::NotTls);
        }
        Ok(0) | Err(_) => return Err(Failure::Closed),
    }
    // What a client does not read waits here, too, before it stops the one who writes.
    let bounded = |session: &mut ServerConnection| session.set_buffer_limit(Some(BUFFER_BYTES));
    match acceptor.accept_with(WriteDeadline::new(stream, timeout), bounded).into_fallible().await {
        Ok(stream) => Ok(Box::new(stream)),
        Err((error, stream)) => {
            tracing::debug!(%error, "no TLS connection");
            let failure = Failure::of(&error);
            if failure != Failure::Closed {
                // The client reads why, in an alert, even if it still sends.
                Lingering::new(stream, Phase::unread()).shutdown().await.ok();
            }
            Err(failure)
        }
    }
}

/// A bounded number of things by their age.
#[derive(Debug)]
struct Oldest<T> {
    most: usize,
    next: u64,
    by_age: BTreeMap<u64, T>,
}

impl<T> Oldest<T> {
    fn new(most: usize) -> Self {
        Self { most, next: 0, by_age: BTreeMap::new() }
    }

    /// An id that is newer than all others.
    fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Adds something; returns the oldest if there are too many now.
    fn add(&mut self, id: u64, thing: T) -> Option<T> {
        self.by_age.insert(id, thing);
        if self.by_age.len() <= self.most {
            return None;
        }
        self.by_age.pop_first().map(|(_, oldest)| oldest)
    }

    fn remove(&mut self, id: u64) {
        self.by_age.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn one_too_many_displaces_the_oldest(
            most in 1_usize..5,
            steps in proptest::collection::vec(proptest::option::of(0_u64..40), 0..60),
        ) {
            let (mut oldest, mut model) = (Oldest::new(most), Vec::new());
            for step in steps {
                match step {
                    None => {
                        let id = oldest.next_id();
                        model.push(id);
                        let expected = (model.len() > most).then(|| model.remove(0));
                        prop_assert_eq!(oldest.add(id, id), expected);
                    }
                    Some(id) => {
                        oldest.remove(id);
                        model.retain(|other| *other != id);
                    }
                }
                prop_assert_eq!(oldest.by_age.keys().copied().collect::<Vec<_>>(), model.clone());
            }
        }
    }
}
