//! The settings of Kafka as the queue.

use service::Settings;
use service::cluster::Cluster;

/// Where Kafka is, and which topic and group the submissions have there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `KAFKA_BROKER`, and what secures the connections to it.
    pub cluster: Cluster,
    /// `SUBMISSION_KAFKA_TOPIC`: the topic of the announcements.
    pub topic: String,
    /// `SUBMISSION_KAFKA_GROUP`: the consumer group of the workers.
    pub group: String,
    /// `KAFKA_PARTITIONS`: the topic's partitions if it is created here.
    pub partitions: i32,
    /// `KAFKA_REPLICATION`: the topic's replicas if it is created here.
    pub replication: i16,
}

impl KafkaConfig {
    /// Reads these settings; `None` unless `USE_KAFKA` asks for it. Every build lists them, so that a `.env` fits all.
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let is_used = settings.choice(
            "USE_KAFKA",
            "false",
            &[("false", false), ("true", true)],
            "true: workers learn by Kafka what to claim, so all processes need it; a build with the feature kafka can",
        );
        let config = Self {
            cluster: Cluster::read(settings),
            topic: settings.text("SUBMISSION_KAFKA_TOPIC", "submissions", "topic of the announcements"),
            group: settings.in_kafka("`group.id`").text(
                "SUBMISSION_KAFKA_GROUP",
                "submission-processor",
                "consumer group of the workers",
            ),
            partitions: settings.in_kafka("partitions").number(
                "KAFKA_PARTITIONS",
                4,
                1..=1000,
                "partitions of the topic if it is created here; at most this many workers share it",
            ),
            replication: settings.in_kafka("replication factor").number(
                "KAFKA_REPLICATION",
                1,
                1..=9,
                "replicas of the topic if it is created here",
            ),
        };
        if is_used && !cfg!(feature = "kafka") {
            settings.error(
                "USE_KAFKA",
                "must be false in this build, which is without Kafka: build it with \
                 `cargo build --release -p submissions --features kafka`",
            );
        }
        is_used.then_some(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> (Option<KafkaConfig>, Vec<String>) {
        let lookup = |name: &str| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let config = KafkaConfig::read(&mut settings);
        (config, settings.finish().1.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_use_kafka_there_is_none() {
        assert_eq!(read(&[("KAFKA_BROKER", "example.com:9092")]), (None, vec![]));
    }

    #[test]
    fn a_build_with_kafka_can_use_it_and_any_other_says_how_to_build_one() {
        let (config, errors) = read(&[("USE_KAFKA", "true"), ("SUBMISSION_KAFKA_TOPIC", "other")]);
        let config = config.expect("USE_KAFKA asks for it");
        assert_eq!((config.topic.as_str(), config.group.as_str()), ("other", "submission-processor"));
        if cfg!(feature = "kafka") {
            assert_eq!(errors, [""; 0]);
        } else {
            assert!(errors.len() == 1 && errors[0].starts_with("USE_KAFKA: must be false"), "{errors:?}");
            assert!(errors[0].contains("--features kafka"), "{errors:?}");
        }
    }
}
