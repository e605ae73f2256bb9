//! Nagle's algorithm off, on connections that are rskafka's own: it leaves it on, and hands its sockets to nobody.
//!
//! rskafka writes a frame above 8 KiB as a 4-byte length and the rest. Nagle's algorithm keeps back what does not fill a
//! segment until the four bytes are acknowledged, which takes the other side 40 ms where a segment has 64 KiB, as on
//! loopback, and elsewhere a round trip.

/// Largest encoded batch that does not wait with Nagle's algorithm on. With 492 bytes to spare for the request's and the
/// batch's own fields (110, and the topic's name of at most 249) it goes out in one write.
pub(crate) const STALL_FREE_BYTES: usize = 7_700;

/// Sets `TCP_NODELAY` on every TCP connection that this process has now: none of them wants Nagle's algorithm. Returns how
/// many there are. The duplicates of the descriptors are closed again at once.
///
/// # Errors
/// Where the system lends no duplicates: before Linux 5.6, and in containers whose seccomp profile forbids it.
#[cfg(target_os = "linux")]
pub(crate) fn set_on_all_connections() -> std::io::Result<usize> {
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
            // Whatever is no TCP socket says so.
            Ok(socket) => connections += usize::from(rustix::net::sockopt::set_tcp_nodelay(socket, true).is_ok()),
            // Closed meanwhile.
            Err(rustix::io::Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(connections)
}

/// As on Linux, where alone it is known how.
#[cfg(not(target_os = "linux"))]
pub(crate) fn set_on_all_connections() -> std::io::Result<usize> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn both_ends_of_a_connection_lose_nagles_algorithm() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, _) = listener.accept().unwrap();
        assert!(!ours.nodelay().unwrap());
        assert!(set_on_all_connections().unwrap() >= 2);
        assert!(ours.nodelay().unwrap() && theirs.nodelay().unwrap());
    }
}
