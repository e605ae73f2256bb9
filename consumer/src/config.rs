//! The consumer's settings.

use std::fmt;

use kafka::group::core::{BatchLimits, BrakeLimits, GroupLimits, RunAhead};
use kafka::group::{GroupConfig, OffsetReset};
use mongodb::options::ConnectionString;
use service::{ServiceConfig, Settings};

/// `PORT` of the service, unless it is set.
pub(crate) const DEFAULT_PORT: u16 = 3001;

/// The consumer's settings.
#[derive(Debug, Clone)]
pub struct ConsumerConfig {
    /// Address, logs, grace period.
    pub service: ServiceConfig,
    /// Where Kafka is, and how the group works.
    pub kafka: GroupConfig,
    /// `CONSUMER_BUFFER_BYTES`: bound of all records held; beyond it fetching pauses.
    pub buffer_bytes: usize,
    /// `MONGO_URI`: where MongoDB is, and the database.
    pub mongo_uri: MongoUri,
}

/// A MongoDB URI that names a database. `Debug` does not show it, since it may hold a password.
#[derive(Clone)]
pub struct MongoUri {
    pub(crate) uri: String,
    pub(crate) database: String,
}

impl fmt::Debug for MongoUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoUri").field("database", &self.database).finish_non_exhaustive()
    }
}

impl MongoUri {
    fn parse(uri: &str) -> Result<Self, String> {
        let connection = ConnectionString::parse(uri).map_err(|error| format!("must be a MongoDB URI ({error})"))?;
        let database =
            connection.default_database.ok_or("must name a database, as in mongodb://localhost:27017/scalable-api")?;
        Ok(Self { uri: uri.to_owned(), database })
    }
}

impl ConsumerConfig {
    /// Reads every setting; `settings` collects the errors.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let mut service = ServiceConfig::read(settings, DEFAULT_PORT);
        let mongo_uri = settings.read(
            "MONGO_URI",
            "mongodb://localhost:27017/scalable-api",
            "where MongoDB is, with the database",
            MongoUri::parse,
        );
        let kafka = read_group(settings);
        let buffer_bytes = settings.number(
            "CONSUMER_BUFFER_BYTES",
            16_000_000,
            1_000_000..=4_000_000_000,
            "bytes of all records held; beyond it fetching pauses",
        );
        service.in_force = settings.in_force();
        Self { service, kafka, buffer_bytes, mongo_uri }
    }
}

/// The group's settings, which the commands also read.
pub(crate) fn read_group(settings: &mut Settings<'_>) -> GroupConfig {
    let config = GroupConfig {
        kind: contract::Kind::Post.name(),
        brokers: kafka::settings::brokers(settings),
        topic: kafka::settings::topic(settings),
        group: settings.in_kafka("`group.id`").text("KAFKA_GROUP", "post-consumer", "consumer group"),
        dead_letter_topic: settings.text(
            "DLQ_TOPIC",
            "post.dlq",
            "topic of the dead letters; created if it is missing",
        ),
        offset_reset: settings.in_kafka("`auto.offset.reset`").choice(
            "KAFKA_AUTO_OFFSET_RESET",
            OffsetReset::Earliest.as_str(),
            &OffsetReset::ALL.map(|reset| (reset.as_str(), reset)),
            "where a group without a usable committed offset starts: earliest, or latest, which skips what is there",
        ),
        session_timeout: settings.in_kafka("`session.timeout.ms`").duration(
            "CONSUMER_SESSION_TIMEOUT",
            "6s",
            "a member that is silent for this long loses its partitions",
        ),
        max_poll_interval: settings.in_kafka("`max.poll.interval.ms`").duration(
            "CONSUMER_MAX_POLL_INTERVAL",
            "5m",
            "a member that does not fetch for this long loses its partitions",
        ),
        limits: read_limits(settings),
    };
    if config.limits.revoke_timeout >= config.session_timeout {
        settings.error("CONSUMER_REVOKE_TIMEOUT", "must be below CONSUMER_SESSION_TIMEOUT");
    }
    if config.max_poll_interval < config.session_timeout {
        settings.error("CONSUMER_MAX_POLL_INTERVAL", "must not be below CONSUMER_SESSION_TIMEOUT");
    }
    if config.dead_letter_topic == config.topic {
        settings.error("DLQ_TOPIC", "must not be KAFKA_TOPIC");
    }
    config
}

fn read_limits(settings: &mut Settings<'_>) -> GroupLimits {
    GroupLimits {
        revoke_timeout: settings.duration(
            "CONSUMER_REVOKE_TIMEOUT",
            "4s",
            "longest time to finish a partition that is taken away; below the session timeout",
        ),
        batch: BatchLimits {
            messages: settings.number("CONSUMER_BATCH_MESSAGES", 100, 1..=100_000, "records that make a flush"),
            bytes: settings.number(
                "CONSUMER_BATCH_BYTES",
                4_000_000,
                1..=40_000_000,
                "bytes held in memory that make a flush",
            ),
            interval: settings.duration("CONSUMER_BATCH_INTERVAL", "5s", "longest wait of a batch's first record"),
        },
        concurrent_flushes: settings.number(
            "CONSUMER_CONCURRENT_FLUSHES",
            4,
            1..=256,
            "batches written at the same time; 1 writes one at a time",
        ),
        run_ahead: RunAhead {
            records: settings.number(
                "CONSUMER_RUN_AHEAD_RECORDS",
                100_000,
                100..=100_000_000,
                "records of a partition read and not committed; beyond it this partition pauses",
            ),
            bytes: settings.number(
                "CONSUMER_RUN_AHEAD_BYTES",
                100_000_000,
                1_000_000..=100_000_000_000,
                "bytes of a partition read and not committed; beyond it this partition pauses",
            ),
        },
        brake: BrakeLimits {
            max_share: settings.read(
                "DLQ_MAX_SHARE",
                "0.5",
                "share of dead letters among the last 1,000 records, 0 to 1; beyond it consuming pauses; 1 is no limit",
                |text| match text.parse() {
                    Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
                    _ => Err("must be a number from 0 to 1".to_owned()),
                },
            ),
            max_consecutive: settings.number(
                "DLQ_MAX_CONSECUTIVE",
                100,
                0..=1_000_000_000,
                "dead letters in a row; beyond it consuming pauses; 0 is no limit",
            ),
        },
    }
}

impl AsRef<ServiceConfig> for ConsumerConfig {
    fn as_ref(&self) -> &ServiceConfig {
        &self.service
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(set: &[(&str, &str)]) -> Vec<String> {
        let lookup = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        ConsumerConfig::read(&mut settings);
        settings.finish().1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(errors(&[]), Vec::<String>::new());
    }

    #[test]
    fn errors_between_settings_are_named_with_all_others() {
        let set = [
            ("CONSUMER_REVOKE_TIMEOUT", "6s"),
            ("CONSUMER_MAX_POLL_INTERVAL", "1s"),
            ("DLQ_TOPIC", "post"),
            ("MONGO_URI", "mongodb://localhost:27017"),
            ("CONSUMER_BATCH_MESSAGES", "0"),
            ("DLQ_MAX_SHARE", "50"),
            ("DLQ_MAX_CONSECUTIVE", "-1"),
        ];
        let errors = errors(&set);
        assert_eq!(errors.len(), set.len(), "{errors:?}");
        for (name, _) in set {
            assert!(errors.iter().any(|error| error.starts_with(name)), "{name} in {errors:?}");
        }
    }

    #[test]
    fn the_uri_is_not_shown() {
        let uri = MongoUri::parse("mongodb://me:secret@example.com/db").unwrap();
        assert_eq!(format!("{uri:?}"), r#"MongoUri { database: "db", .. }"#);
    }
}
