//! This process's limit of open files. Every connection is one, so the limit bounds how many can be served.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, which needs no privilege. On many systems the soft one is small for the sake
/// of programs that rely on it; this one does not.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, limit = limit.current, "cannot raise the limit of open files");
    }
}

/// How many of the `wanted` connections fit the limit besides `others` open files. Logs what to do if they do not all
/// fit.
pub fn fitting_connections(wanted: usize, others: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return wanted;
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let fitting = fitting(limit, wanted, others);
    if fitting < wanted {
        tracing::warn!(
            limit,
            MAX_CONNECTIONS = wanted,
            served = fitting,
            "MAX_CONNECTIONS does not fit the limit of open files: raise it (ulimit -n, LimitNOFILE, ulimits) to {}",
            wanted + others
        );
    }
    fitting
}

/// How many of the `wanted` TLS handshakes can be under way: at most a quarter of the limit.
pub fn fitting_handshakes(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    wanted.min(limit.unwrap_or(usize::MAX) / 4)
}

/// At least half of the limit is for connections, however many other files there may be.
fn fitting(limit: usize, wanted: usize, others: usize) -> usize {
    wanted.min(limit - others.min(limit / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        assert_eq!(fitting(20_000, 10_000, 100), 10_000);
        assert_eq!(fitting(10_050, 10_000, 100), 9_950);
        assert_eq!(fitting(1_024, 10_000, 100), 924);
        assert_eq!(fitting(100, 10_000, 100), 50);
        assert_eq!(fitting(usize::MAX, 10_000, 100), 10_000);
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
