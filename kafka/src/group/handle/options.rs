//! What a program chooses for its group.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::ensure;
use service::cluster::Cluster;

use crate::group::config::{GroupConfig, OffsetReset};
use crate::group::core::{BatchLimits, BrakeLimits, GroupLimits, RunAhead};

/// What a [`super::Group`] needs to know. [`Self::new`] sets what the consumer of this repository has by default, apart
/// from a shorter interval; change the fields that should differ.
#[derive(Debug, Clone)]
pub struct GroupOptions {
    /// Where the cluster is, and what secures the connections to it; nothing.
    pub cluster: Cluster,
    /// The consumer group.
    pub group: String,
    /// The topic of the dead letters, created if it is missing; by default each topic has one of its own, its name and
    /// `.dlq`.
    pub dead_letter_topic: Option<String>,
    /// Where the group starts in a partition that it has never committed; at the first record.
    pub offset_reset: OffsetReset,
    /// A member that is silent for this long loses its partitions; 6 s.
    pub session_timeout: Duration,
    /// A member that does not fetch for this long loses its partitions; 5 min.
    pub max_poll_interval: Duration,
    /// When a batch goes to the handler: with this number of records (100) or bytes (4,000,000), or this long after its
    /// first record came (100 ms).
    pub batch: BatchLimits,
    /// Batches that the handler has at the same time; 1. Then the batches of a partition come in its order, and one
    /// that is not all stored holds up the others. With more of them, a later record may come first: compare offsets,
    /// as the consumer does.
    pub concurrent_batches: usize,
    /// How much of a partition may be received and not committed: 100,000 records, 100,000,000 bytes.
    pub run_ahead: RunAhead,
    /// Longest time to finish partitions that are taken away; 4 s. Below the session timeout.
    pub revoke_timeout: Duration,
    /// How many dead letters are normal: half of the last 1,000 records, and 100 in a row. Beyond either, fetching
    /// pauses until [`super::Group::release_brake`].
    pub brake: BrakeLimits,
    /// Bytes of all records held at the same time, over all topics; beyond it fetching pauses. 16,000,000.
    pub buffer_bytes: usize,
    /// Takes this number of records at most, over all topics, and ends when all of them are finished; by default it
    /// never ends by itself. Those of partitions that are taken away meanwhile are finished by another member, and so
    /// are those that are not finished when the group is joined again because a file of the cluster's security has
    /// changed.
    pub limit: Option<usize>,
}

impl GroupOptions {
    /// The options of a member of this group. `brokers` are bootstrap addresses, host:port, comma-separated.
    pub fn new(brokers: &str, group: &str) -> Self {
        Self {
            cluster: Cluster::plaintext(brokers),
            group: group.to_owned(),
            dead_letter_topic: None,
            offset_reset: OffsetReset::Earliest,
            session_timeout: Duration::from_secs(6),
            max_poll_interval: Duration::from_secs(300),
            batch: BatchLimits { messages: 100, bytes: 4_000_000, interval: Duration::from_millis(100) },
            concurrent_batches: 1,
            run_ahead: RunAhead { records: 100_000, bytes: 100_000_000 },
            revoke_timeout: Duration::from_secs(4),
            brake: BrakeLimits { max_share: 0.5, max_consecutive: 100 },
            buffer_bytes: 16_000_000,
            limit: None,
        }
    }

    /// What the member of one topic needs.
    pub(super) fn of_topic(&self, topic: &str) -> GroupConfig {
        let dead_letter_topic = self.dead_letter_topic.clone().unwrap_or_else(|| format!("{topic}.dlq"));
        GroupConfig {
            kind: "record",
            cluster: self.cluster.clone(),
            topic: topic.to_owned(),
            group: self.group.clone(),
            dead_letter_topic,
            session_timeout: self.session_timeout,
            max_poll_interval: self.max_poll_interval,
            offset_reset: self.offset_reset,
            limits: GroupLimits {
                batch: self.batch,
                concurrent_flushes: self.concurrent_batches,
                run_ahead: self.run_ahead,
                revoke_timeout: self.revoke_timeout,
                brake: self.brake,
            },
        }
    }

    /// Whether they can work for these topics.
    ///
    /// # Errors
    /// The first thing that cannot.
    pub(super) fn check(&self, topics: &[&str]) -> anyhow::Result<()> {
        ensure!(!topics.is_empty(), "a group needs at least one topic");
        let distinct: BTreeSet<_> = topics.iter().collect();
        ensure!(distinct.len() == topics.len(), "a topic is named twice");
        for topic in topics {
            let letters = self.of_topic(topic).dead_letter_topic;
            ensure!(!topics.contains(&letters.as_str()), "{letters} cannot be the topic of its own dead letters");
        }
        ensure!(self.batch.messages > 0 && self.batch.bytes > 0, "a batch must have room for a record");
        ensure!(self.concurrent_batches > 0, "concurrent_batches must be at least 1");
        ensure!(self.buffer_bytes > 0, "buffer_bytes must be at least 1");
        ensure!(self.limit != Some(0), "limit must be at least 1");
        ensure!((0.0..=1.0).contains(&self.brake.max_share), "the brake's share must be from 0 to 1");
        ensure!(self.revoke_timeout < self.session_timeout, "revoke_timeout must be below session_timeout");
        ensure!(self.session_timeout <= self.max_poll_interval, "max_poll_interval must not be below session_timeout");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work_and_what_cannot_work_is_named() {
        let options = || GroupOptions::new("localhost:9092", "group");
        options().check(&["a", "b"]).unwrap();
        let letters = |topic: &str| Some(topic.to_owned());
        GroupOptions { dead_letter_topic: letters("dlq"), ..options() }.check(&["a", "b"]).unwrap();
        for (wrong, topics, named) in [
            (options(), &[][..], "at least one topic"),
            (options(), &["a", "b", "a"], "twice"),
            (options(), &["a", "a.dlq"], "a.dlq cannot be"),
            (GroupOptions { dead_letter_topic: letters("b"), ..options() }, &["a", "b"], "b cannot be"),
            (GroupOptions { concurrent_batches: 0, ..options() }, &["a"], "concurrent_batches"),
            (GroupOptions { buffer_bytes: 0, ..options() }, &["a"], "buffer_bytes"),
            (GroupOptions { limit: Some(0), ..options() }, &["a"], "limit"),
            (GroupOptions { revoke_timeout: Duration::from_secs(6), ..options() }, &["a"], "revoke_timeout"),
            (GroupOptions { max_poll_interval: Duration::from_secs(5), ..options() }, &["a"], "max_poll_interval"),
        ] {
            let error = wrong.check(topics).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
