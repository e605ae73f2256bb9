//! The settings of a service that takes requests with bodies.

use super::body::BodyLimits;
use super::limits::ServerLimits;
use super::turned_away;
use crate::{Settings, open_files};

/// What bounds the requests that a service takes.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// `MAX_BODY_BYTES`, `MAX_BULK_BYTES`, `BODY_BUFFER_BYTES`, `BODY_TIMEOUT`, `BODY_MIN_RATE`.
    pub bodies: BodyLimits,
    /// `MAX_CONNECTIONS`, `HEADER_TIMEOUT`, `IDLE_TIMEOUT`.
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
            "bytes of bulks, their answers, and other bodies that do not come in one piece; beyond it 503",
        );
        let max_connections =
            settings.number("MAX_CONNECTIONS", 10_000, 1..=1_000_000, "connections served at the same time");
        let header_timeout = settings.duration(
            "HEADER_TIMEOUT",
            "10s",
            "longest time to read a request's head from its first byte, or to take nothing of an answer",
        );
        let idle_timeout = settings.duration(
            "IDLE_TIMEOUT",
            "75s",
            "longest time that a connection waits for a request; longer than a proxy in front keeps idle connections",
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
            server: ServerLimits { max_connections, header_timeout, idle_timeout },
        }
    }

    /// Those of the server of a process that needs this many files for other things.
    pub fn of_server(&self, other_files: usize) -> ServerLimits {
        let other_files = other_files + turned_away::MOST;
        let max_connections = open_files::fitting_connections(self.server.max_connections, other_files);
        ServerLimits { max_connections, ..self.server }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(set: &[(&str, &str)]) -> Vec<String> {
        let lookup = |name: &str| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        RequestLimits::read(&mut settings);
        settings.finish().1.iter().map(ToString::to_string).collect()
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
