//! `consumer topics` and `GET /topics`: the topics of the kinds that are served, and those of their dead letters.

use std::fmt;

use anyhow::Context;
use contract::Kind;
use kafka::group::GroupConfig;
use kafka::topics::{Admin, NoOverview, PartitionOverview, Reader};
use serde::Serialize;

use super::table::{or_dash, table};
use super::{PATIENCE, reader};
use crate::config::ConsumerConfig;

/// How long a topic keeps its records.
const RETENTION: &str = "retention.ms";

/// All topics, those of a kind together.
#[derive(Debug, Serialize)]
pub(crate) struct TopicsReport {
    topics: Vec<Topic>,
}

#[derive(Debug, Serialize)]
struct Topic {
    kind: &'static str,
    topic: String,
    holds: Holds,
    exists: bool,
    /// Why nothing is known of it.
    error: Option<String>,
    partitions: Vec<Partition>,
    /// In all partitions together; unknown if it is unknown of one of them.
    records: Option<u64>,
    /// In ms; -1 is without an end.
    retention_ms: Option<i64>,
    /// Why that is not known.
    retention_error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Holds {
    Records,
    DeadLetters,
}

#[derive(Debug, Serialize)]
struct Partition {
    partition: i32,
    leader: Option<i32>,
    replicas: usize,
    in_sync: usize,
    /// Offset of the oldest record that is kept.
    first: Option<i64>,
    /// Offset that the next record will get.
    end: Option<i64>,
    /// What is between the two.
    records: Option<u64>,
}

impl TopicsReport {
    /// Asks Kafka; blocks until it has answered.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn ask(config: &ConsumerConfig) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start a runtime")?;
        let mut topics = Vec::new();
        for kind in &config.kinds {
            let group = config.group(*kind);
            let (reader, admin) = (reader(group)?, Admin::new(&group.cluster, "consumer", PATIENCE)?);
            for holds in [Holds::Records, Holds::DeadLetters] {
                let mut topic = Topic::ask(*kind, group, holds, &reader)?;
                if topic.exists {
                    match runtime.block_on(retention(&admin, &topic.topic)) {
                        Ok(retention_ms) => topic.retention_ms = Some(retention_ms),
                        Err(why) => topic.retention_error = Some(why),
                    }
                }
                topics.push(topic);
            }
        }
        Ok(Self { topics })
    }

    /// Whether everything is known of the topics that exist, but for how long they keep records.
    pub(crate) fn is_whole(&self) -> bool {
        self.topics.iter().all(|topic| topic.error.is_none() && topic.records.is_some())
    }
}

impl Topic {
    fn ask(kind: Kind, group: &GroupConfig, holds: Holds, reader: &Reader) -> anyhow::Result<Self> {
        let topic = match holds {
            Holds::Records => &group.topic,
            Holds::DeadLetters => &group.dead_letter_topic,
        };
        let (exists, error, partitions) = match reader.overview(topic)? {
            Ok(partitions) => (true, None, partitions.into_iter().map(Partition::of).collect()),
            Err(NoOverview::Missing) => (false, None, Vec::new()),
            Err(NoOverview::Refused(why)) => (false, Some(why), Vec::new()),
        };
        Ok(Self {
            kind: kind.name(),
            topic: topic.clone(),
            holds,
            exists,
            records: partitions.iter().map(|partition: &Partition| partition.records).sum::<Option<u64>>(),
            error,
            partitions,
            retention_ms: None,
            retention_error: None,
        })
    }
}

impl Partition {
    fn of(overview: PartitionOverview) -> Self {
        let PartitionOverview { id, leader, replicas, in_sync, offsets } = overview;
        Self {
            partition: id,
            leader,
            replicas,
            in_sync,
            first: offsets.as_ref().map(|offsets| offsets.start),
            end: offsets.as_ref().map(|offsets| offsets.end),
            records: offsets.map(|offsets| u64::try_from(offsets.end - offsets.start).unwrap_or(0)),
        }
    }
}

/// How long the topic keeps its records, in ms, or why Kafka does not say.
async fn retention(admin: &Admin, topic: &str) -> Result<i64, String> {
    let text = admin.setting_or_why(topic, RETENTION).await?;
    text.parse().map_err(|_| format!("Kafka says {text}"))
}

impl fmt::Display for TopicsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, topic) in self.topics.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{topic}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = match self.holds {
            Holds::Records => "records",
            Holds::DeadLetters => "dead letters",
        };
        write!(f, "{} of the kind {}: topic {}, ", holds, self.kind, self.topic)?;
        if let Some(error) = &self.error {
            return writeln!(f, "{error}");
        }
        if !self.exists {
            return writeln!(f, "which does not exist");
        }
        let records = self.records.map_or_else(|| "unknown".to_owned(), |records| records.to_string());
        let retention = match (self.retention_ms, &self.retention_error) {
            (Some(-1), _) => "without an end".to_owned(),
            (Some(retention_ms), _) => format!("{retention_ms} ms"),
            (None, why) => format!("unknown ({})", why.as_deref().unwrap_or_default()),
        };
        writeln!(f, "records: {records}, kept: {retention}")?;
        let row = |partition: &Partition| {
            let Partition { partition, leader, replicas, in_sync, first, end, records } = partition;
            let in_sync = format!("{in_sync} of {replicas}");
            [partition.to_string(), or_dash(*leader), in_sync, or_dash(*first), or_dash(*end), or_dash(*records)]
        };
        let headings = ["partition", "leader", "in sync", "first", "end", "records"];
        f.write_str(&table(headings, self.partitions.iter().map(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(holds: Holds, exists: bool, error: Option<&str>) -> Topic {
        Topic {
            kind: "post",
            topic: "post".to_owned(),
            holds,
            exists,
            error: error.map(str::to_owned),
            partitions: Vec::new(),
            records: None,
            retention_ms: None,
            retention_error: None,
        }
    }

    #[test]
    fn a_topic_is_shown_as_it_is() {
        let overview =
            |id, leader, offsets| PartitionOverview { id, leader, replicas: 3, in_sync: usize::from(id == 0), offsets };
        let partitions = [overview(0, Some(2), Some(40..100)), overview(11, None, None)].map(Partition::of);
        let found =
            Topic { partitions: partitions.into(), retention_ms: Some(-1), ..topic(Holds::Records, true, None) };
        let missing = topic(Holds::DeadLetters, false, None);
        let refused = topic(Holds::DeadLetters, false, Some("the user needs a right"));
        let expected = "\
records of the kind post: topic post, records: unknown, kept: without an end
partition  leader  in sync  first  end  records
0          2       1 of 3   40     100  60
11         -       0 of 3   -      -    -

dead letters of the kind post: topic post, which does not exist

dead letters of the kind post: topic post, the user needs a right
";
        let report = TopicsReport { topics: vec![found, missing, refused] };
        assert_eq!(report.to_string(), expected);
        assert!(!report.is_whole());
        assert!(!TopicsReport { topics: report.topics.into_iter().take(1).collect() }.is_whole(), "a leader is away");
    }
}
