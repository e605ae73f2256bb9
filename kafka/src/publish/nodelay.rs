//! Turns Nagle's algorithm off on rskafka's connections: rskafka leaves it on, and gives nobody its sockets.
//!
//! rskafka writes a frame above 8 KiB as a 4-byte length and the rest. Nagle's algorithm holds back what does not fill
//! a segment until the four bytes are acknowledged, which takes the other side 40 ms where a segment has 64 KiB, as on
//! loopback, and elsewhere a round trip.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// Largest encoded batch that does not wait with Nagle's algorithm on. With 492 bytes to spare for the fields of the
/// request and the batch (110, and at most 249 for the topic's name), it goes out in one write.
pub(super) const STALL_FREE_BYTES: usize = 7_700;

/// Turns it off for each caller, with one look for all that ask during the previous one: each lane has a connection,
/// and a look goes through all of them.
pub(super) struct Nodelay {
    look: fn() -> std::io::Result<usize>,
    asked: AtomicU64,
    last: Mutex<Look>,
}

/// A look through the connections.
#[derive(Clone, Copy, Default)]
struct Look {
    /// How many had asked when it started: their connections existed.
    asked: u64,
    is_off: bool,
}

impl Default for Nodelay {
    fn default() -> Self {
        Self::with(set_on_all_connections)
    }
}

impl Nodelay {
    fn with(look: fn() -> std::io::Result<usize>) -> Self {
        Self { look, asked: AtomicU64::new(0), last: Mutex::default() }
    }

    /// Whether Nagle's algorithm is now off on every connection that existed at the call.
    pub(super) async fn set(&self) -> bool {
        let number = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut last = self.last.lock().await;
        if last.asked < number {
            let asked = self.asked.load(Ordering::Acquire);
            let is_off = match tokio::task::spawn_blocking(self.look).await {
                Ok(Ok(_)) => true,
                Ok(Err(error)) => {
                    tracing::debug!(
                        %error,
                        "cannot turn Nagle's algorithm off, batches stay below {STALL_FREE_BYTES} bytes"
                    );
                    false
                }
                // The runtime ends.
                Err(_) => false,
            };
            *last = Look { asked, is_off };
        }
        last.is_off
    }
}

/// Sets `TCP_NODELAY` on every TCP connection that this process has now: none of them wants Nagle's algorithm. Returns
/// how many there are. The duplicates of the descriptors are closed again at once.
///
/// # Errors
/// Where the system gives no duplicates: before Linux 5.6, and in containers whose seccomp profile forbids it.
#[cfg(target_os = "linux")]
fn set_on_all_connections() -> std::io::Result<usize> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut connections = 0;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let is_socket =
            std::fs::read_link(entry.path()).is_ok_and(|what| what.to_string_lossy().starts_with("socket:"));
        let number = entry.file_name().to_str().and_then(|number| number.parse().ok());
        let (true, Some(number)) = (is_socket, number) else { continue };
        match pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) {
            // Fails for whatever is not a TCP socket.
            Ok(socket) => connections += usize::from(rustix::net::sockopt::set_tcp_nodelay(socket, true).is_ok()),
            // Closed meanwhile.
            Err(rustix::io::Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(connections)
}

/// Only known how on Linux.
#[cfg(not(target_os = "linux"))]
fn set_on_all_connections() -> std::io::Result<usize> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn who_asks_during_a_look_waits_for_the_next_which_is_for_all() {
        static LOOKS: AtomicUsize = AtomicUsize::new(0);
        let nodelay = Nodelay::with(|| Ok(LOOKS.fetch_add(1, Ordering::Relaxed)));
        assert!(join_all((0..100).map(|_| nodelay.set())).await.into_iter().all(|is_off| is_off));
        assert_eq!(LOOKS.load(Ordering::Relaxed), 2, "the first one's, and that of all who came meanwhile");
        nodelay.set().await;
        assert_eq!(LOOKS.load(Ordering::Relaxed), 3, "a connection that is new since then needs another");
    }

    #[tokio::test]
    async fn where_it_cannot_be_done_every_caller_learns_so() {
        let nodelay = Nodelay::with(|| Err(std::io::ErrorKind::Unsupported.into()));
        assert_eq!(join_all((0..3).map(|_| nodelay.set())).await, [false; 3]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn both_ends_of_a_connection_lose_nagles_algorithm() {
        use std::net::{TcpListener, TcpStream};

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, _) = listener.accept().unwrap();
        assert!(!ours.nodelay().unwrap());
        assert!(set_on_all_connections().unwrap() >= 2);
        assert!(ours.nodelay().unwrap() && theirs.nodelay().unwrap());
    }
}
