//! How the workers of a run learn what they can claim: by the database, or by a broker of Kafka that is started for it
//! or runs already.

use serde::Serialize;
use stack::Server;
use stack::kafka::BrokerOptions;

use crate::pipeline::settings::{Lookup, set};

/// The broker's address, which the settings of submissions name so, too.
pub(crate) const KAFKA_BROKER: &str = "KAFKA_BROKER";

/// The topic has at least as many partitions as by default, and one for each worker.
const LEAST_PARTITIONS: u32 = 4;

/// Which queue to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum QueueKind {
    /// The database, which notifies the workers
    #[default]
    Database,
    /// Records of Kafka; the program is built with its feature kafka
    Kafka,
}

/// A queue.
pub(crate) enum Queue {
    Database,
    Started(Box<Server>),
    Running(String),
}

impl Queue {
    /// The one to use. A broker is started unless `KAFKA_BROKER` names one.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn of(kind: QueueKind, lookup: Lookup<'_>) -> anyhow::Result<Self> {
        if kind == QueueKind::Database {
            return Ok(Self::Database);
        }
        match set(lookup, KAFKA_BROKER) {
            Some(address) => Ok(Self::Running(address)),
            None => Ok(Self::Started(Box::new(stack::kafka::start(&BrokerOptions::default(), lookup).await?))),
        }
    }

    /// How many partitions these workers share.
    pub(crate) fn partitions(&self, workers: u32) -> u32 {
        if matches!(self, Self::Database) { 0 } else { workers.max(LEAST_PARTITIONS) }
    }

    /// What it asks for in the environment of every process. Topic and group are of this run alone, so that nobody
    /// else gets its records.
    pub(crate) fn variables(&self, run: &str, workers: u32) -> Vec<(&'static str, String)> {
        let address = match self {
            Self::Database => return vec![("USE_KAFKA", "false".to_owned())],
            Self::Started(broker) => broker.address(),
            Self::Running(address) => address.clone(),
        };
        let name = format!("submissions-{run}");
        vec![
            ("USE_KAFKA", "true".to_owned()),
            (KAFKA_BROKER, address),
            ("KAFKA_PARTITIONS", self.partitions(workers).to_string()),
            ("SUBMISSION_KAFKA_TOPIC", name.clone()),
            ("SUBMISSION_KAFKA_GROUP", name),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_processes_of_a_run_use_its_queue_and_no_other() {
        let lookup = |name: &str| (name == KAFKA_BROKER).then(|| "kafka:9092".to_owned());
        let of = async |kind| Queue::of(kind, &lookup).await.unwrap().variables("00ab12cd", 6);
        assert_eq!(of(QueueKind::Database).await, [("USE_KAFKA", "false".to_owned())]);
        let expected = [
            ("USE_KAFKA", "true"),
            ("KAFKA_BROKER", "kafka:9092"),
            ("KAFKA_PARTITIONS", "6"),
            ("SUBMISSION_KAFKA_TOPIC", "submissions-00ab12cd"),
            ("SUBMISSION_KAFKA_GROUP", "submissions-00ab12cd"),
        ];
        assert_eq!(of(QueueKind::Kafka).await, expected.map(|(name, value)| (name, value.to_owned())));
        let kafka = Queue::Running(String::new());
        assert_eq!([kafka.partitions(1), kafka.partitions(4), Queue::Database.partitions(6)], [4, 4, 0]);
    }
}
