//! Ports on the loopback interface.
//!
//! A server that is killed and started again needs its port twice, and in between nobody else may take it. Ports that
//! the kernel hands out (`bind` to port 0) do not suit that: they lie in the range of outgoing connections, so any
//! client may get one, and a client that keeps trying a dead port there can even connect to itself. So ports are picked
//! below that range.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Above the registered services, below the range of outgoing connections (Linux: 32768, macOS: 49152).
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A free port refuses at once; only a listener that is too busy to accept makes a client wait.
const CONNECT_DEADLINE: Duration = Duration::from_secs(1);

/// Starts anywhere, so that two processes seldom collide, and advances by one, so that a process never gets a port
/// twice.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().build_hasher().finish() >> 1));

/// A port of 127.0.0.1 on which nothing listens now, and which no outgoing connection takes later.
///
/// # Panics
///
/// If every port of the range is taken, which means that something else is broken.
pub fn free_port() -> u16 {
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % u64::from(COUNT);
        let port = FIRST + u16::try_from(step).expect("a remainder of COUNT fits");
        if is_free(port) {
            return port;
        }
    }
    panic!("no port from {FIRST} to {} is free on this machine", FIRST + COUNT - 1);
}

/// `None` if the port is free, otherwise a sentence that says it is not.
pub(crate) fn taken(port: u16) -> Option<String> {
    (!is_free(port)).then(|| {
        format!("Port {port} is taken on this machine: stop the program that listens there, or choose another port.")
    })
}

/// Connects instead of binding: a bound socket would live on for a moment in any process that another thread forks just
/// then, and the port would look taken, to us or to the server that it is meant for.
fn is_free(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connected = TcpStream::connect_timeout(&address, CONNECT_DEADLINE);
    connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn ports_are_free_different_and_below_the_range_of_outgoing_connections() {
        let ports: Vec<u16> = (0..100).map(|_| free_port()).collect();
        for (i, port) in ports.iter().enumerate() {
            assert!((20_000..32_000).contains(port), "{port}");
            assert!(!ports[..i].contains(port), "{port} was given twice");
        }
    }

    #[test]
    fn a_taken_port_is_named_and_a_free_one_is_not() {
        assert_eq!(taken(free_port()), None);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sentence = taken(port).unwrap();
        assert!(sentence.contains(&port.to_string()), "{sentence}");
    }
}
