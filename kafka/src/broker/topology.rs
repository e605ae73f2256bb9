//! Which brokers there are, and which of them leads which partition of a topic, as Kafka's metadata has it. Pure.

use std::collections::BTreeMap;

use rskafka::client::error::ProtocolError;
use rskafka::protocol::messages::{MetadataResponse, MetadataResponseBroker, MetadataResponsePartition};

/// A broker's number.
pub(crate) type BrokerId = i32;

/// The brokers of a cluster and the leaders of a topic's partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Topology {
    /// Where each broker is, as host:port.
    pub(crate) brokers: BTreeMap<BrokerId, String>,
    /// The leader of each partition; `None` while it has none that is there.
    pub(crate) leaders: BTreeMap<i32, Option<BrokerId>>,
}

impl Topology {
    /// What a broker says about one topic.
    ///
    /// # Errors
    /// What is wrong with the topic.
    pub(crate) fn of(metadata: MetadataResponse) -> Result<Self, ProtocolError> {
        let address = |broker: MetadataResponseBroker| {
            let host = broker.host.0;
            // An IPv6 address needs brackets beside a port.
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            (broker.node_id.0, format!("{host}:{}", broker.port.0))
        };
        let brokers: BTreeMap<_, _> = metadata.brokers.into_iter().map(address).collect();
        let topic = metadata.topics.into_iter().next().ok_or(ProtocolError::UnknownTopicOrPartition)?;
        if let Some(error) = topic.error {
            return Err(error);
        }
        let leader = |partition: MetadataResponsePartition| {
            let leader = Some(partition.leader_id.0).filter(|leader| brokers.contains_key(leader));
            (partition.partition_index.0, leader)
        };
        let leaders = topic.partitions.into_iter().map(leader).collect();
        Ok(Self { brokers, leaders })
    }

    /// The partitions that each broker leads, for those that lead any.
    pub(crate) fn led(&self) -> BTreeMap<BrokerId, Vec<i32>> {
        let mut led: BTreeMap<BrokerId, Vec<i32>> = BTreeMap::new();
        for (partition, leader) in &self.leaders {
            if let Some(leader) = leader {
                led.entry(*leader).or_default().push(*partition);
            }
        }
        led
    }

    /// Where the partition's leader is, if it has one.
    pub(crate) fn leader_address(&self, partition: i32) -> Option<&str> {
        let leader = (*self.leaders.get(&partition)?)?;
        self.brokers.get(&leader).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use rskafka::protocol::messages::MetadataResponseTopic;
    use rskafka::protocol::primitives::{Array, Int32, String_};

    use super::*;

    fn metadata(error: Option<ProtocolError>, leaders: &[i32]) -> MetadataResponse {
        let broker = |(id, host): (i32, &str)| MetadataResponseBroker {
            node_id: Int32(id),
            host: String_(host.to_owned()),
            port: Int32(9092),
            rack: None,
        };
        let partition = |(index, leader): (i32, &i32)| MetadataResponsePartition {
            error: None,
            partition_index: Int32(index),
            leader_id: Int32(*leader),
            replica_nodes: Array(None),
            isr_nodes: Array(None),
        };
        MetadataResponse {
            throttle_time_ms: None,
            brokers: [(1, "one.example.com"), (2, "::1")].map(broker).into(),
            cluster_id: None,
            controller_id: None,
            topics: vec![MetadataResponseTopic {
                error,
                name: String_("post".to_owned()),
                is_internal: None,
                partitions: (0..).zip(leaders).map(partition).collect(),
            }],
        }
    }

    #[test]
    fn leaders_that_are_gone_count_as_none() {
        let topology = Topology::of(metadata(None, &[1, 2, 1, -1, 7])).unwrap();
        assert_eq!(topology.leaders, BTreeMap::from([(0, Some(1)), (1, Some(2)), (2, Some(1)), (3, None), (4, None)]));
        assert_eq!(topology.led(), BTreeMap::from([(1, vec![0, 2]), (2, vec![1])]));
        assert_eq!(topology.leader_address(0), Some("one.example.com:9092"));
        assert_eq!(topology.leader_address(1), Some("[::1]:9092"));
        assert_eq!((topology.leader_address(3), topology.leader_address(9)), (None, None));
    }

    #[test]
    fn what_is_wrong_with_the_topic_is_returned() {
        let error = ProtocolError::TopicAuthorizationFailed;
        assert_eq!(Topology::of(metadata(Some(error), &[])), Err(error));
        let nothing = MetadataResponse { topics: Vec::new(), ..metadata(None, &[]) };
        assert_eq!(Topology::of(nothing), Err(ProtocolError::UnknownTopicOrPartition));
    }
}
