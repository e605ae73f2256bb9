//! Which partitions' records are let through to librdkafka, which finds the leaders itself: those whose leader answers,
//! and for as long as a record may wait also those whose leader does not.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use service::Readiness;
use tokio::sync::Notify;

use super::availability::Availability;
use super::deliveries::Deliveries;
use crate::broker::topology::Topology;
use crate::publish::metrics::Partitions;
use crate::publish::outage::Outage;
use crate::publish::watch::Watcher;
use crate::shown::CONDITION;

/// Opens and closes an ordered publisher's partitions as the watch sees them.
pub(super) struct Openings {
    pub(super) availability: Arc<Availability>,
    pub(super) deliveries: Arc<Deliveries>,
    pub(super) readiness: Readiness,
    /// How long a partition whose leader does not answer stays open.
    pub(super) patience: Duration,
    pub(super) outages: Mutex<BTreeMap<i32, Outage>>,
    pub(super) partitions: Partitions,
}

impl Watcher for Openings {
    fn trouble(&self) -> &Notify {
        &self.deliveries.trouble
    }

    fn found(&self, topology: &Topology) {
        self.availability.open(topology.leaders.len());
        for (partition, leader) in &topology.leaders {
            if leader.is_none() {
                self.asked(*partition, Err("it has no leader"));
            }
        }
    }

    fn asked(&self, partition: i32, answered: Result<(), &str>) {
        let mut outages = self.outages();
        let outage = outages.entry(partition).or_default();
        match answered {
            Ok(()) => {
                if outage.end() {
                    tracing::info!(partition, "the partition's leader answers again");
                }
                self.availability.set(partition, true);
                self.show("");
            }
            Err(reason) => {
                if !outage.is_on() {
                    tracing::warn!(partition, reason, "the partition's leader does not answer");
                }
                if outage.is_too_long(Instant::now(), self.patience) {
                    self.availability.set(partition, false);
                    self.show(reason);
                }
            }
        }
    }

    fn take_renewed(&self) -> bool {
        self.deliveries.renewed.swap(false, Ordering::Relaxed)
    }

    fn away(&self, reason: &str) {
        self.availability.set_away();
        self.show(reason);
    }
}

impl Openings {
    fn show(&self, reason: &str) {
        let all = self.availability.all();
        let open = all.iter().filter(|is_open| **is_open).count();
        self.partitions.set(all.len(), open);
        match open {
            0 => _ = self.readiness.unmet(CONDITION, reason),
            _ if open == all.len() => _ = self.readiness.met(CONDITION),
            _ => _ = self.readiness.met_in_part(CONDITION, format!("{open} of {} partitions", all.len())),
        }
    }

    fn outages(&self) -> MutexGuard<'_, BTreeMap<i32, Outage>> {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
