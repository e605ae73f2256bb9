//! The settings.

use std::time::Duration;

use service::access::SessionConfig;
use service::http::RequestLimits;
use service::secrets::Secret;
use service::{AccessConfig, ServiceConfig, Settings};

use crate::lease::Terms;

mod kafka;

pub use self::kafka::KafkaConfig;

/// The settings of submissions: those of its API, of its worker and of what both share.
#[derive(Debug, Clone)]
pub struct SubmissionsConfig {
    /// Address, logs, grace period.
    pub service: ServiceConfig,
    /// `DATABASE_URL`: a file of SQLite or a database of PostgreSQL.
    pub database_url: DatabaseUrl,
    /// `DATABASE_POOL`: connections to PostgreSQL.
    pub database_pool: u32,
    /// `USE_KAFKA`: how workers learn by Kafka what to claim; `None` if they look in the store.
    pub kafka: Option<KafkaConfig>,
    /// Leases, heartbeats and retries.
    pub terms: Terms,
    /// `RETENTION`: how long a final submission is kept.
    pub retention: Duration,
    /// `STUCK_AFTER`: what is in PROCESSING for longer than this counts as stuck.
    pub stuck_after: Duration,
    /// The API's own settings.
    pub api: ApiConfig,
    /// The worker's own settings.
    pub worker: WorkerConfig,
}

/// Where submissions are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: Secret,
    is_file: bool,
}

impl DatabaseUrl {
    fn of(url: Secret) -> Result<Self, String> {
        let text = url.read().map_err(|error| format!("{error:#}"))?;
        let is_file = match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => true,
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => false,
            _ => return Err("must begin with `sqlite:` or `postgres://`".to_owned()),
        };
        Ok(Self { url, is_file })
    }

    /// The URL, which may have changed since it was last read.
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// Whether it is a file of SQLite, which has one writer and is there or not.
    pub fn is_file(&self) -> bool {
        self.is_file
    }
}

/// What the API alone is set by.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// `MAX_CONTENT_CHARS`: the longest content, in characters.
    pub max_content_chars: usize,
    /// What bounds requests.
    pub requests: RequestLimits,
    /// Who may send them.
    pub access: AccessConfig,
    /// `SUBMIT_TIMEOUT`: the longest wait for the store, then 503.
    pub submit_timeout: Duration,
    /// `SUBMIT_MAX_WAITING`: submissions that wait for the store at a time; beyond it 503.
    pub max_waiting: usize,
}

/// What the worker alone is set by.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// `WORKER_CONCURRENCY`: the most submissions that are worked on at a time.
    pub concurrency: u32,
    /// `WORK_TIME`: how long the work on one is made to last.
    pub work_time: Duration,
    /// `WORK_FAILURES`: this many of a hundred attempts are made to fail, to see what retries do.
    pub work_failures_percent: u8,
    /// `POLL_INTERVAL`: how often a worker looks for work of which no notification came.
    pub poll_interval: Duration,
    /// `CACHE_ENTRIES`: verdicts that are remembered; 0 remembers none.
    pub cache_entries: usize,
}

impl SubmissionsConfig {
    /// Reads every setting; `settings` collects the errors.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let service = ServiceConfig::read(settings, 8000);
        let has_tls = service.tls.is_some();
        let mut config = Self {
            service,
            database_url: settings.uri(
                "DATABASE_URL",
                "sqlite:submissions.db",
                "where submissions are kept: `sqlite:FILE`, or `postgres://USER:PASSWORD@HOST/DATABASE`",
                DatabaseUrl::of,
            ),
            database_pool: settings.number("DATABASE_POOL", 20, 2..=1000, "connections to PostgreSQL"),
            kafka: KafkaConfig::read(settings),
            terms: Terms {
                heartbeat: settings.duration("HEARTBEAT", "1s", "how often a worker says that it lives"),
                work_timeout: settings.duration(
                    "WORK_TIMEOUT",
                    "5m",
                    "longest time of an attempt; then another one is begun",
                ),
                max_attempts: settings.number(
                    "MAX_ATTEMPTS",
                    3,
                    1..=1000,
                    "attempts that may fail before a submission is FAILED",
                ),
                retry_backoff: settings.duration_or_zero(
                    "RETRY_BACKOFF",
                    "60s",
                    "wait after a failed attempt; each further one doubles it",
                ),
            },
            retention: settings.duration("RETENTION", "30d", "how long a final submission is kept"),
            stuck_after: settings.duration("STUCK_AFTER", "30s", "time in PROCESSING after which one counts as stuck"),
            api: ApiConfig::read(settings, has_tls),
            worker: WorkerConfig::read(settings),
        };
        if config.worker.work_time >= config.terms.work_timeout {
            settings.error("WORK_TIME", "must be shorter than WORK_TIMEOUT");
        }
        let (grace, timeout) = (config.service.stop_grace, config.api.submit_timeout);
        config.api.requests.check_grace(settings, grace, "SUBMIT_TIMEOUT", timeout);
        config.service.in_force = settings.in_force();
        config
    }
}

impl AsRef<ServiceConfig> for SubmissionsConfig {
    fn as_ref(&self) -> &ServiceConfig {
        &self.service
    }
}

impl ApiConfig {
    fn read(settings: &mut Settings<'_>, has_tls: bool) -> Self {
        Self {
            max_content_chars: settings.number(
                "MAX_CONTENT_CHARS",
                10_000,
                1..=1_000_000,
                "longest content of a submission, in characters",
            ),
            requests: RequestLimits::read(settings),
            access: AccessConfig {
                sessions: Some(SessionConfig::read(settings, has_tls)),
                ..AccessConfig::read(settings)
            },
            submit_timeout: settings.duration("SUBMIT_TIMEOUT", "5s", "longest wait for the database, then 503"),
            max_waiting: settings.number(
                "SUBMIT_MAX_WAITING",
                10_000,
                1..=1_000_000,
                "submissions that wait for the database at a time; beyond it 503",
            ),
        }
    }
}

impl WorkerConfig {
    fn read(settings: &mut Settings<'_>) -> Self {
        Self {
            concurrency: settings.number(
                "WORKER_CONCURRENCY",
                1000,
                1..=1_000_000,
                "submissions that a worker works on at a time",
            ),
            work_time: settings.duration_or_zero(
                "WORK_TIME",
                "5s",
                "how long the work on a submission is made to last",
            ),
            work_failures_percent: settings.number(
                "WORK_FAILURES",
                0,
                0..=100,
                "attempts of a hundred that are made to fail, to see what retries do",
            ),
            poll_interval: settings.duration(
                "POLL_INTERVAL",
                "500ms",
                "how often a worker looks for work of which no notification came",
            ),
            cache_entries: settings.number(
                "CACHE_ENTRIES",
                10_000,
                0..=10_000_000,
                "verdicts of equal content that are remembered; 0 remembers none",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> (SubmissionsConfig, Vec<String>) {
        let lookup = |name: &str| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let config = SubmissionsConfig::read(&mut settings);
        (config, settings.finish().1.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_password_is_not_shown() {
        let (config, errors) = read(&[("DATABASE_URL", "postgres://me:hunter2@localhost/submissions")]);
        assert_eq!(errors, [""; 0]);
        assert!(!config.database_url.is_file() && read(&[]).0.database_url.is_file());
        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        for (set, expected) in [
            (&[("DATABASE_URL", "mysql://localhost/a")][..], "DATABASE_URL: must begin with"),
            (&[("DATABASE_URL", "sqlite:")], "DATABASE_URL: must begin with"),
            (&[("WORK_TIME", "5m")], "WORK_TIME: must be shorter than WORK_TIMEOUT"),
            (&[("BODY_BUFFER_BYTES", "1000000")], "BODY_BUFFER_BYTES: must be at least MAX_BULK_BYTES"),
        ] {
            let (_, errors) = read(set);
            assert!(errors.len() == 1 && errors[0].starts_with(expected), "{errors:?}");
        }
    }
}
