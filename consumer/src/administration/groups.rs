//! `consumer groups` and `GET /groups`: the groups of the kinds that are served, their members, and how far they are.

use std::fmt;

use contract::Kind;
use kafka::group::GroupConfig;
use kafka::topics::{GroupDescription, GroupMember, NoOverview, PartitionOverview, Progress};
use serde::Serialize;

use super::reader;
use super::table::{or_dash, table};
use crate::config::ConsumerConfig;

/// All groups.
#[derive(Debug, Serialize)]
pub(crate) struct GroupsReport {
    groups: Vec<Group>,
}

#[derive(Debug, Default, Serialize)]
struct Group {
    kind: &'static str,
    group: String,
    topic: String,
    /// As Kafka names it; `null` if Kafka knows no such group.
    state: Option<String>,
    members: Vec<Member>,
    partitions: Vec<Partition>,
    /// Of all partitions together; unknown if it is unknown of one of them.
    lag: Option<u64>,
    /// What is not known, and why.
    errors: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Member {
    id: String,
    client_id: String,
    host: String,
    /// Of the kind's topic; `null` if its assignment is not one of a consumer.
    partitions: Option<Vec<i32>>,
}

#[derive(Debug, Serialize)]
struct Partition {
    partition: i32,
    committed: Option<i64>,
    end: Option<i64>,
    lag: Option<u64>,
}

impl GroupsReport {
    /// Asks Kafka; blocks until it has answered.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn ask(config: &ConsumerConfig) -> anyhow::Result<Self> {
        let groups = config.kinds.iter().map(|kind| Group::ask(*kind, config.group(*kind)));
        Ok(Self { groups: groups.collect::<Result<_, _>>()? })
    }

    /// Whether everything is known.
    pub(crate) fn is_whole(&self) -> bool {
        self.groups.iter().all(|group| group.errors.is_empty() && group.lag.is_some())
    }
}

impl Group {
    fn ask(kind: Kind, config: &GroupConfig) -> anyhow::Result<Self> {
        let (reader, topic) = (reader(config)?, &config.topic);
        let mut group =
            Self { kind: kind.name(), group: config.group.clone(), topic: topic.clone(), ..Self::default() };
        let ids: Vec<i32> = reader.partitions(topic)?.iter().map(|partition| partition.id).collect();
        // Before the ends, so that a lag is never too small.
        let committed = reader.committed(topic, &ids)?;
        let overview = reader.overview(topic)?;
        match (committed, overview) {
            (Ok(committed), Ok(overview)) => {
                let partition = |partition: &PartitionOverview| Partition::of(partition, committed.get(&partition.id));
                group.partitions = overview.iter().map(partition).collect();
                group.lag = group.partitions.iter().map(|partition| partition.lag).sum();
            }
            (Ok(_), Err(NoOverview::Missing)) => group.errors.push(format!("the topic {topic} does not exist")),
            (Ok(_), Err(NoOverview::Refused(why))) | (Err(why), _) => group.errors.push(why),
        }
        // A broker that does not answer may be the coordinator of any group, but hides no offsets.
        match reader.group() {
            Ok(Some(GroupDescription { state, members })) => {
                group.state = Some(state);
                group.members = members.into_iter().map(|member| Member::of(member, topic)).collect();
            }
            Ok(None) => {}
            Err(error) => group.errors.push(format!("its members are unknown: {error:#}")),
        }
        Ok(group)
    }
}

impl Member {
    fn of(member: GroupMember, topic: &str) -> Self {
        let GroupMember { id, client_id, host, assigned } = member;
        let of_topic = |assigned: Vec<(String, Vec<i32>)>| {
            let mut ids: Vec<i32> =
                assigned.into_iter().filter(|(name, _)| name == topic).flat_map(|(_, ids)| ids).collect();
            ids.sort_unstable();
            ids
        };
        Self { id, client_id, host, partitions: assigned.map(of_topic) }
    }
}

impl Partition {
    fn of(overview: &PartitionOverview, committed: Option<&i64>) -> Self {
        let (partition, committed) = (overview.id, committed.copied());
        let progress = overview.offsets.as_ref().map(|offsets| Progress {
            partition,
            committed,
            low: offsets.start,
            end: offsets.end,
        });
        Self { partition, committed, end: progress.map(|progress| progress.end), lag: progress.map(Progress::lag) }
    }
}

impl fmt::Display for GroupsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.groups.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{group}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.as_deref().unwrap_or("not known to Kafka");
        let lag = self.lag.map_or_else(|| "unknown".to_owned(), |lag| lag.to_string());
        let (kind, group, members) = (self.kind, &self.group, self.members.len());
        writeln!(f, "kind {kind}: group {group}, {state}, members: {members}, lag: {lag}")?;
        for error in &self.errors {
            writeln!(f, "{error}")?;
        }
        if !self.members.is_empty() {
            let row = |member: &Member| {
                let partitions = member.partitions.as_ref().map(|partitions| match &partitions[..] {
                    [] => "none".to_owned(),
                    ids => ids.iter().map(i32::to_string).collect::<Vec<_>>().join(" "),
                });
                [member.id.clone(), member.client_id.clone(), member.host.clone(), or_dash(partitions)]
            };
            f.write_str(&table(["member", "client", "host", "partitions"], self.members.iter().map(row)))?;
        }
        if !self.partitions.is_empty() {
            let row =
                |at: &Partition| [at.partition.to_string(), or_dash(at.committed), or_dash(at.end), or_dash(at.lag)];
            f.write_str(&table(["partition", "committed", "end", "lag"], self.partitions.iter().map(row)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_shown_with_what_is_not_known_of_it() {
        let overview = |id, offsets| PartitionOverview { id, leader: None, replicas: 1, in_sync: 1, offsets };
        let partitions = [
            Partition::of(&overview(0, Some(40..100)), Some(&90)),
            Partition::of(&overview(1, Some(40..100)), None),
            Partition::of(&overview(2, None), Some(&7)),
        ];
        let member = |assigned| GroupMember { id: "m-1".into(), client_id: "m".into(), host: "h".into(), assigned };
        let assigned = vec![("post".to_owned(), vec![2, 0]), ("other".to_owned(), vec![5])];
        let members = [Some(assigned), Some(vec![]), None].map(|assigned| Member::of(member(assigned), "post"));
        let group = Group {
            kind: "post",
            group: "storing".to_owned(),
            topic: "post".to_owned(),
            state: Some("Stable".to_owned()),
            members: members.into(),
            lag: partitions.iter().map(|partition| partition.lag).sum(),
            partitions: partitions.into(),
            errors: vec!["something".to_owned()],
        };
        let unknown = Group { kind: "order", group: "orders".to_owned(), ..Group::default() };
        let report = GroupsReport { groups: vec![group, unknown] };
        let expected = "\
kind post: group storing, Stable, members: 3, lag: unknown
something
member  client  host  partitions
m-1     m       h     0 2
m-1     m       h     none
m-1     m       h     -
partition  committed  end  lag
0          90         100  10
1          -          100  60
2          7          -    -

kind order: group orders, not known to Kafka, members: 0, lag: unknown
";
        assert_eq!(report.to_string(), expected);
        assert!(!report.is_whole());
    }
}
