//! The group's coordinator, with cooperative rebalances: a partition goes to another member only after its holder has
//! given it up.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(super) struct Coordinator {
    pub(super) generation: u64,
    /// By member id.
    pub(super) members: BTreeMap<u64, Joined>,
    next_id: u64,
    /// Someone came or went, or gave partitions up.
    pub(super) needs_rebalance: bool,
}

#[derive(Debug)]
pub(super) struct Joined {
    pub(super) slot: usize,
    pub(super) owned: BTreeSet<i32>,
}

/// What a rebalance means for one member.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) slot: usize,
    pub(super) assign: Vec<i32>,
    pub(super) revoke: Vec<i32>,
}

impl Coordinator {
    /// Returns the member's id.
    pub(super) fn join(&mut self, slot: usize) -> u64 {
        self.next_id += 1;
        self.members.insert(self.next_id, Joined { slot, owned: BTreeSet::new() });
        self.needs_rebalance = true;
        self.next_id
    }

    /// The member leaves, or is expelled.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        let was_there = self.members.remove(&id).is_some();
        self.needs_rebalance |= was_there;
        was_there
    }

    pub(super) fn gave_up(&mut self, id: u64, partitions: &[i32]) {
        if let Some(member) = self.members.get_mut(&id) {
            partitions.iter().for_each(|partition| _ = member.owned.remove(partition));
            self.needs_rebalance = true;
        }
    }

    /// Whether Kafka takes a commit of this member under this generation. It does not ask who holds the partition.
    pub(super) fn admits(&self, id: u64, generation: u64) -> bool {
        self.generation == generation && self.members.contains_key(&id)
    }

    /// Everyone has joined again: a new generation starts.
    pub(super) fn rebalance(&mut self, partitions: usize) -> Vec<Share> {
        self.generation += 1;
        self.needs_rebalance = false;
        let count = self.members.len();
        let mut by_owned: Vec<u64> = self.members.keys().copied().collect();
        by_owned.sort_by_key(|id| (usize::MAX - self.members[id].owned.len(), *id));
        let owned: BTreeSet<i32> = self.members.values().flat_map(|member| member.owned.iter().copied()).collect();
        let mut free: Vec<i32> = (0..partitions as i32).filter(|partition| !owned.contains(partition)).collect();
        let mut shares = Vec::new();
        for (rank, id) in by_owned.iter().enumerate() {
            let quota = partitions / count + usize::from(rank < partitions % count);
            let Some(member) = self.members.get_mut(id) else { continue };
            let revoke: Vec<i32> = member.owned.iter().copied().skip(quota).collect();
            let assign = free.split_off(free.len() - free.len().min(quota.saturating_sub(member.owned.len())));
            member.owned.extend(&assign);
            shares.push(Share { slot: member.slot, assign, revoke });
        }
        shares
    }
}
