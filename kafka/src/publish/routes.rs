//! Which partition takes the next batch, and which are in trouble. Records that are inserted need no order, so a batch
//! goes to any partition that acknowledges. Pure: the time is an argument, and who asks carries out what is decided.
//!
//! A partition is in trouble once Kafka refuses a batch for it, its connection breaks, its leader does not answer, or
//! it is silent while others acknowledge. It takes no batches then. If a batch has shown it, only an acknowledgement
//! shows that it is over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::broker::topology::{BrokerId, Topology};

/// An acknowledgement that takes this long is missed, if others come.
pub(super) const SILENCE: Duration = Duration::from_millis(500);

/// Only an acknowledgement that took at most half of a batch's wait shows that its partition could do better. Where all
/// are slow, nothing is sent twice.
const QUICK: u32 = 2;

/// The reason of a partition that is new.
pub(super) const NOT_REACHED: &str = "not reached yet";

/// A batch on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) partition: i32,
    pub(super) broker: BrokerId,
    pub(super) at: Instant,
}

/// A partition and its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) partition: i32,
    pub(super) broker: BrokerId,
}

/// What kind of trouble a partition has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its leader is not known, or does not answer. It is over when the leader answers.
    Lost,
    /// The connection broke under a batch, or the leader is another one. It may pass.
    Broken,
    /// A batch is not acknowledged while others are.
    Silent,
    /// Kafka said no to a batch, for a reason that does not pass by itself.
    Refused,
}

/// A partition's trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) cause: Cause,
    pub(super) reason: String,
    since: Instant,
}

/// What records find when they arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entrance {
    /// Some partition takes them.
    Open,
    /// None does, but that may pass within their time: they wait.
    Waiting,
    /// None does, for this reason: they are rejected at once.
    Closed {
        reason: String,
        /// Kafka has said no everywhere: there is no hope for those that wait already either.
        is_lasting: bool,
    },
}

#[derive(Debug, Default)]
struct Partition {
    leader: Option<BrokerId>,
    trouble: Option<Trouble>,
    /// It is tried now.
    is_tried: bool,
    /// When the latest of the batches was sent that are acknowledged, and how long that took.
    acknowledged: Option<(Instant, Duration)>,
}

/// The partitions of a topic.
#[derive(Debug)]
pub(super) struct Routes {
    partitions: BTreeMap<i32, Partition>,
    brokers: BTreeMap<BrokerId, Broker>,
    /// Why no broker answers.
    away: Option<String>,
    /// Whether there was ever a partition without trouble.
    was_open: bool,
    /// How long trouble that may pass is waited for.
    patience: Duration,
}

#[derive(Debug, Default)]
struct Broker {
    /// The partition that had the last batch.
    last: Option<i32>,
    /// The partition that was tried last.
    last_tried: Option<i32>,
    /// When the latest of the batches was sent that are acknowledged.
    acknowledged: Option<Instant>,
}

impl Routes {
    /// No partition is known yet. Trouble that may pass is waited for this long.
    pub(super) fn new(patience: Duration) -> Self {
        let (partitions, brokers) = Default::default();
        Self { partitions, brokers, away: None, was_open: false, patience }
    }

    /// These are the partitions now, with their leaders. New ones are in trouble until their leader answers. Returns
    /// whether brokers answer again.
    pub(super) fn update(&mut self, topology: &Topology, now: Instant) -> bool {
        let was_away = self.away.take().is_some();
        self.partitions.retain(|partition, _| topology.leaders.contains_key(partition));
        for (number, leader) in &topology.leaders {
            let partition = self.partitions.entry(*number).or_insert_with(|| Partition {
                trouble: Some(Trouble { cause: Cause::Lost, reason: NOT_REACHED.to_owned(), since: now }),
                ..Partition::default()
            });
            partition.leader = *leader;
            if leader.is_none() {
                partition.fail(Cause::Lost, "it has no leader", now);
            }
        }
        was_away
    }

    /// No broker answers.
    pub(super) fn away(&mut self, reason: &str, now: Instant) {
        self.away = Some(reason.to_owned());
        self.partitions.values_mut().for_each(|partition| _ = partition.fail(Cause::Lost, reason, now));
    }

    /// The broker's partition whose turn it is, of those without trouble.
    pub(super) fn choose(&mut self, broker: BrokerId) -> Option<i32> {
        let last = self.brokers.get(&broker).and_then(|broker| broker.last);
        let chosen = self.after(last, |partition| partition.takes_batches_at(broker))?;
        self.brokers.entry(broker).or_default().last = Some(chosen);
        Some(chosen)
    }

    /// The first such partition after the last one, or else the first of all.
    fn after(&self, last: Option<i32>, is_meant: impl Fn(&Partition) -> bool) -> Option<i32> {
        let is_meant = |(_, partition): &(&i32, &Partition)| is_meant(partition);
        let later = last.map_or(i32::MIN, |last| last.saturating_add(1));
        let found = self.partitions.range(later..).find(is_meant);
        found.or_else(|| self.partitions.iter().find(is_meant)).map(|(number, _)| *number)
    }

    /// The broker's partition that is tried next, of those whose trouble only an acknowledgement ends. It has
    /// no other turn before [`Self::tried`].
    pub(super) fn choose_to_try(&mut self, broker: BrokerId) -> Option<i32> {
        let last = self.brokers.get(&broker).and_then(|broker| broker.last_tried);
        let chosen = self.after(last, |partition| partition.must_be_tried_at(broker) && !partition.is_tried)?;
        self.brokers.entry(broker).or_default().last_tried = Some(chosen);
        self.partitions.get_mut(&chosen)?.is_tried = true;
        Some(chosen)
    }

    /// A try is over.
    pub(super) fn tried(&mut self, partition: i32) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.is_tried = false;
        }
    }

    /// How many partitions of each broker must be tried, also those that are tried now.
    pub(super) fn to_try(&self) -> BTreeMap<BrokerId, usize> {
        let mut counts = BTreeMap::new();
        for partition in self.partitions.values() {
            if let Some(leader) = partition.leader.filter(|leader| partition.must_be_tried_at(*leader)) {
                *counts.entry(leader).or_default() += 1;
            }
        }
        counts
    }

    /// Whether the broker has a partition without trouble.
    pub(super) fn has_any_at(&self, broker: BrokerId) -> bool {
        self.partitions.values().any(|partition| partition.takes_batches_at(broker))
    }

    /// A batch is acknowledged. Returns whether that ends its partition's trouble.
    pub(super) fn acknowledged(&mut self, sent: Sent, now: Instant) -> bool {
        let broker = self.brokers.entry(sent.broker).or_default();
        broker.acknowledged = broker.acknowledged.max(Some(sent.at));
        if let Some(partition) = self.partitions.get_mut(&sent.partition) {
            let this = (sent.at, now.saturating_duration_since(sent.at));
            partition.acknowledged = partition.acknowledged.max(Some(this));
        }
        self.recovered(sent.partition)
    }

    /// Where a batch without an acknowledgement must be sent again, if it must: its partition is in trouble, or silent
    /// for [`SILENCE`], and the other one has quickly acknowledged what was sent to it later. If all that its broker
    /// was sent since is unacknowledged, the trouble is the broker's. What a former leader has follows the partition to
    /// its new one.
    pub(super) fn elsewhere(&mut self, sent: Sent, now: Instant) -> Option<Place> {
        let is_known = self.partitions.get(&sent.partition).is_none_or(|partition| partition.trouble.is_some());
        if let Some(Partition { leader: Some(leader), trouble: None, .. }) = self.partitions.get(&sent.partition)
            && *leader != sent.broker
        {
            return Some(Place { partition: sent.partition, broker: *leader });
        }
        let waited = now.saturating_duration_since(sent.at);
        if !is_known && waited < SILENCE {
            return None;
        }
        let is_quick = |partition: &Partition| {
            let better = |(at, took): (Instant, Duration)| at >= sent.at && took * QUICK <= waited.max(SILENCE);
            partition.trouble.is_none() && partition.acknowledged.is_some_and(better)
        };
        let others =
            self.partitions.iter().filter(|(number, partition)| **number != sent.partition && is_quick(partition));
        let (number, other) = others.max_by_key(|(_, partition)| partition.acknowledged)?;
        let place = Place { partition: *number, broker: other.leader? };
        let is_brokers = self.brokers.get(&sent.broker).is_none_or(|broker| broker.acknowledged < Some(sent.at));
        for (number, partition) in &mut self.partitions {
            if *number == sent.partition || is_brokers && partition.leader == Some(sent.broker) {
                partition.fail(Cause::Silent, "it acknowledges nothing while others do", now);
            }
        }
        Some(place)
    }

    /// The partition is in trouble. Returns whether anything about that is new; a worse cause takes the place of the
    /// known one.
    pub(super) fn fail(&mut self, partition: i32, cause: Cause, reason: &str, now: Instant) -> bool {
        self.partitions.get_mut(&partition).is_some_and(|partition| partition.fail(cause, reason, now))
    }

    /// The partition's leader answers. Returns whether that ends its trouble.
    pub(super) fn answers(&mut self, partition: i32) -> bool {
        let is_lost = |partition: &Partition| matches!(&partition.trouble, Some(it) if it.cause == Cause::Lost);
        self.partitions.get(&partition).is_some_and(is_lost) && self.recovered(partition)
    }

    /// The partition acknowledges. Returns whether that ends its trouble.
    pub(super) fn recovered(&mut self, partition: i32) -> bool {
        self.was_open |= self.partitions.contains_key(&partition);
        self.partitions.get_mut(&partition).is_some_and(|partition| partition.trouble.take().is_some())
    }

    /// What records find when they arrive now.
    pub(super) fn entrance(&self, now: Instant) -> Entrance {
        if let Some(reason) = &self.away {
            return Entrance::Closed { reason: reason.clone(), is_lasting: false };
        }
        let troubles: Vec<_> = self.troubles().collect();
        if troubles.len() < self.partitions.len() {
            return Entrance::Open;
        }
        let is_known = |trouble: &Trouble| {
            trouble.cause == Cause::Refused || now.saturating_duration_since(trouble.since) >= self.patience
        };
        match troubles.first() {
            None => Entrance::Closed { reason: "connecting".to_owned(), is_lasting: false },
            Some((number, first)) if !self.was_open || troubles.iter().all(|(_, trouble)| is_known(trouble)) => {
                let reason = format!("0 of {} partitions; partition {number}: {}", self.partitions.len(), first.reason);
                let is_lasting = troubles.iter().all(|(_, trouble)| trouble.cause == Cause::Refused);
                Entrance::Closed { reason, is_lasting }
            }
            Some(_) => Entrance::Waiting,
        }
    }

    /// Each partition with its trouble, if it has any.
    pub(super) fn partitions(&self) -> impl Iterator<Item = (i32, Option<&Trouble>)> {
        self.partitions.iter().map(|(number, partition)| (*number, partition.trouble.as_ref()))
    }

    /// The partitions in trouble.
    pub(super) fn troubles(&self) -> impl Iterator<Item = (i32, &Trouble)> {
        self.partitions().filter_map(|(number, trouble)| Some((number, trouble?)))
    }
}

impl Partition {
    fn takes_batches_at(&self, broker: BrokerId) -> bool {
        self.leader == Some(broker) && self.trouble.is_none()
    }

    fn must_be_tried_at(&self, broker: BrokerId) -> bool {
        self.leader == Some(broker) && self.trouble.as_ref().is_some_and(|trouble| trouble.cause != Cause::Lost)
    }

    fn fail(&mut self, cause: Cause, reason: &str, now: Instant) -> bool {
        match &mut self.trouble {
            // What an answer ends must not hide what only an acknowledgement ends.
            Some(trouble) => {
                let is_worse = cause != Cause::Lost || trouble.cause == Cause::Lost;
                let is_new = is_worse && (trouble.cause != cause || trouble.reason != reason);
                if is_new {
                    (trouble.cause, trouble.reason) = (cause, reason.to_owned());
                }
                is_new
            }
            trouble => {
                *trouble = Some(Trouble { cause, reason: reason.to_owned(), since: now });
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
