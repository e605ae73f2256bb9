//! A group as its coordinator describes it: its state and its members.

use anyhow::Context;
use rdkafka::consumer::Consumer;
use rdkafka::groups::{GroupInfo, GroupMemberInfo};

use super::assigned::{Assigned, parse};
use super::reader::Reader;

/// A group, as its coordinator describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance` or `Dead`.
    pub state: String,
    /// Its members, by their ids.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The id that the coordinator gave it.
    pub id: String,
    /// The name that it gave itself.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// What it was assigned; nothing while the group rebalances. `None` if its protocol is not that of consumers.
    pub assigned: Option<Vec<Assigned>>,
}

impl GroupDescription {
    /// Each member's client id and host, for a sentence.
    pub fn names(&self) -> String {
        let names: Vec<String> =
            self.members.iter().map(|member| format!("{} at {}", member.client_id, member.host)).collect();
        names.join(", ")
    }
}

impl Reader {
    /// What Kafka knows about the reader's group; `None` if there is no such group, or the user may not know of it.
    /// [`Self::progress`] fails in the latter case.
    ///
    /// # Errors
    /// When one of the brokers does not answer: each may be the group's coordinator.
    pub fn group(&self) -> anyhow::Result<Option<GroupDescription>> {
        let name = self.group_name();
        let listed = self.ask(|patience| self.consumer.fetch_group_list(Some(name), patience));
        let listed = listed.with_context(|| self.unreachable())?;
        Ok(listed.groups().iter().find(|group| group.name() == name).map(described))
    }
}

fn described(group: &GroupInfo) -> GroupDescription {
    let mut members: Vec<GroupMember> = group.members().iter().map(member).collect();
    members.sort_by(|one, other| one.id.cmp(&other.id));
    GroupDescription { state: group.state().to_owned(), members }
}

fn member(member: &GroupMemberInfo) -> GroupMember {
    let assigned = match member.assignment() {
        None | Some([]) => Some(Vec::new()),
        Some(bytes) => parse(bytes),
    };
    GroupMember {
        id: member.id().to_owned(),
        client_id: member.client_id().to_owned(),
        // Kafka writes an address that has no name as `/127.0.0.1`.
        host: member.client_host().trim_start_matches('/').to_owned(),
        assigned,
    }
}
