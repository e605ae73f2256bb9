//! The settings of a service that takes requests with bodies.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::body::BodyLimits;
use super::limits::{CLIENT_HANDSHAKES, OPERATOR_HANDSHAKES, ServerLimits};
use super::turned_away;
use crate::{ServiceConfig, Settings, open_files};

/// What bounds the requests that a service takes.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// `MAX_BODY_BYTES`, `MAX_BULK_BYTES`, `BODY_BUFFER_BYTES`, `BODY_TIMEOUT`, `BODY_MIN_RATE`.
    pub bodies: BodyLimits,
    /// `MAX_CONNECTIONS`, `MAX_CONNECTIONS_PER_ADDRESS`, `HEADER_TIMEOUT`, `IDLE_TIMEOUT`, `STOP_DELAY`.
    pub server: ServerLimits,
}

impl RequestLimits {
    /// Reads every setting; `settings` collects the errors.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let max_bytes = settings.number("MAX_BODY_BYTES", 65_536, 64..=16_777_216, "largest request body, in bytes");
        let max_bulk_bytes = settings.number(
            "MAX_BULK_BYTES",
            16_777_216,
            64..=1_000_000_000,
            "largest request body of a bulk, in bytes",
        );
        let buffer_bytes = settings.number(
            "BODY_BUFFER_BYTES",
            64_000_000,
            64..=64_000_000_000,
            "bytes of bulks until Kafka or the database has them, of answers whose size is that of contents, and of \
             other bodies that do not come in one piece; beyond it 503",
        );
        let max_connections =
            settings.number("MAX_CONNECTIONS", 10_000, 1..=1_000_000, "connections served at the same time");
        let max_connections_per_address = settings.number(
            "MAX_CONNECTIONS_PER_ADDRESS",
            0,
            0..=1_000_000,
            "connections from one IPv4 address or IPv6 /64; 0 is no limit, and right where a proxy is in front",
        );
        let header_timeout = settings.duration(
            "HEADER_TIMEOUT",
            "10s",
            "longest time to read a request's head from its first byte, or for TLS, or to take nothing of an answer",
        );
        let idle_timeout = settings.duration(
            "IDLE_TIMEOUT",
            "75s",
            "longest time that a connection waits for a request; longer than a proxy in front keeps idle connections",
        );
        let stop_delay = settings.duration_or_zero(
            "STOP_DELAY",
            "0s",
            "time from the stop signal to the end of listening, while load balancers notice that it is not ready",
        );
        let timeout = settings.duration("BODY_TIMEOUT", "60s", "longest time to read a request's body");
        let min_rate = settings.number(
            "BODY_MIN_RATE",
            1_000,
            0..=1_000_000_000,
            "least bytes a second at which a request's body arrives, over five seconds, then 408; 0 is no limit",
        );
        if buffer_bytes < max_bytes {
            settings.error("BODY_BUFFER_BYTES", "must be at least MAX_BODY_BYTES");
        }
        if buffer_bytes < max_bulk_bytes {
            settings.error("BODY_BUFFER_BYTES", "must be at least MAX_BULK_BYTES");
        }
        Self {
            bodies: BodyLimits { max_bytes, max_bulk_bytes, buffer_bytes, timeout, min_rate },
            server: ServerLimits {
                max_connections,
                max_connections_per_address: NonZeroUsize::new(max_connections_per_address),
                max_handshakes: CLIENT_HANDSHAKES,
                header_timeout,
                idle_timeout,
                stop_delay,
            },
        }
    }

    /// Warns if the grace of a stop is too short for a request that comes at the last moment and is answered after
    /// `longest`, the setting of this name.
    pub fn check_grace(&self, settings: &mut Settings<'_>, grace: Duration, name: &str, longest: Duration) {
        if grace <= self.server.stop_delay + longest {
            let least = format!("should be longer than STOP_DELAY and {name} together");
            settings.warning("STOP_GRACE", format!("{least}, or a stop may leave requests without an answer"));
        }
    }

    /// Those of the server of a process that needs this many files for other things.
    pub fn of_server(&self, service: &ServiceConfig, other_files: usize) -> ServerLimits {
        let max_handshakes = open_files::fitting_handshakes(self.server.max_handshakes);
        let handshakes = service.tls.as_ref().map_or(0, |_| max_handshakes);
        let of_operators = service.admin_tls.as_ref().map_or(0, |_| OPERATOR_HANDSHAKES);
        let other_files = other_files + turned_away::MOST + handshakes + of_operators;
        let max_connections = open_files::fitting_connections(self.server.max_connections, other_files);
        ServerLimits { max_connections, max_handshakes, ..self.server }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `read` says about these settings, and how many warnings there are for each of these graces, in seconds, if
    /// a request may take five.
    fn judged(set: &[(&str, &str)], graces: &[u64]) -> (Vec<String>, Vec<usize>) {
        let lookup = |name: &str| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let limits = RequestLimits::read(&mut settings);
        let warnings = graces.iter().map(|grace| {
            let before = settings.warnings().len();
            limits.check_grace(&mut settings, Duration::from_secs(*grace), "TIMEOUT", Duration::from_secs(5));
            settings.warnings().len() - before
        });
        let warnings = warnings.collect();
        (settings.finish().1.iter().map(ToString::to_string).collect(), warnings)
    }

    fn errors(set: &[(&str, &str)]) -> Vec<String> {
        judged(set, &[]).0
    }

    #[test]
    fn the_grace_is_longer_than_what_a_stop_waits_for() {
        assert_eq!(judged(&[], &[5, 6, 10]).1, [1, 0, 0]);
        assert_eq!(judged(&[("STOP_DELAY", "5s")], &[6, 10, 11]).1, [1, 1, 0]);
    }

    #[test]
    fn the_buffer_holds_the_largest_body_of_each_sort() {
        assert_eq!(errors(&[]), [""; 0]);
        let body = "BODY_BUFFER_BYTES: must be at least MAX_BODY_BYTES";
        let bulk = "BODY_BUFFER_BYTES: must be at least MAX_BULK_BYTES";
        assert_eq!(errors(&[("BODY_BUFFER_BYTES", "65535"), ("MAX_BULK_BYTES", "64")]), [body]);
        assert_eq!(errors(&[("BODY_BUFFER_BYTES", "1000000")]), [bulk]);
        assert_eq!(errors(&[("BODY_BUFFER_BYTES", "64")]), [body, bulk]);
    }
}
