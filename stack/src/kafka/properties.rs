//! The broker's `server.properties`.

use std::fmt::Write;

use anyhow::Context;

/// A controller of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voter {
    /// The number of its broker.
    pub node_id: u32,
    /// The port of 127.0.0.1 that it listens on.
    pub port: u16,
}

/// A listener for clients, under a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name, in capitals.
    pub name: &'static str,
    /// How it is secured, in Kafka's words: `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub protocol: &'static str,
    /// The port of 127.0.0.1 that it listens on; it is advertised as `localhost`.
    pub port: u16,
}

/// Settings that all brokers share. `auto.create.topics.enable` is off because a client that asks for a topic's
/// metadata would otherwise create one with the wrong number of partitions. The delay is off because a test would wait
/// three seconds for the first member of every group. A single group uses one partition of offsets. A killed broker can
/// return only when its last session has expired, hence a shorter one than the default 9 s. With fewer threads than the
/// defaults of 3 and 8, requests move between cores less often: the broker's CPU per post is a seventh lower.
const SAME: &str = "\
process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=data
auto.create.topics.enable=false
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=4000
group.initial.rebalance.delay.ms=0
num.network.threads=1
num.io.threads=2
offsets.topic.num.partitions=1
";

/// The file's text. `voters` must name the broker itself, because its controller's port is there.
pub(super) fn text(
    node_id: u32,
    port: u16,
    advertised_port: u16,
    voters: &[Voter],
    listeners: &[Listener],
) -> anyhow::Result<String> {
    let own = voters.iter().find(|voter| voter.node_id == node_id);
    let own = own.with_context(|| format!("broker {node_id} is not among its cluster's voters"))?;
    let quorum: Vec<String> =
        voters.iter().map(|voter| format!("{}@127.0.0.1:{}", voter.node_id, voter.port)).collect();
    // With three brokers any one can fail, and what is acknowledged is still on two.
    let (replicas, in_sync) = if voters.len() < 3 { (1, 1) } else { (3, 2) };
    let each = |line: &dyn Fn(&Listener) -> String| listeners.iter().map(line).collect::<String>();
    let (protocols, more, more_advertised) = (
        each(&|listener| format!(",{}:{}", listener.name, listener.protocol)),
        each(&|listener| format!(",{}://127.0.0.1:{}", listener.name, listener.port)),
        each(&|listener| format!(",{}://localhost:{}", listener.name, listener.port)),
    );
    let mut text = SAME.to_owned();
    write!(
        text,
        "node.id={node_id}\n\
         controller.quorum.voters={}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{}{more}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{advertised_port}{more_advertised}\n\
         min.insync.replicas={in_sync}\n\
         offsets.topic.replication.factor={replicas}\n\
         transaction.state.log.replication.factor={replicas}\n\
         transaction.state.log.min.isr={in_sync}\n\
         share.coordinator.state.topic.replication.factor={replicas}\n\
         share.coordinator.state.topic.min.isr={in_sync}\n",
        quorum.join(","),
        own.port,
    )
    .expect("a String takes any text");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_listens_on_one_port_and_may_advertise_another() {
        let text = text(1, 20_001, 20_009, &[Voter { node_id: 1, port: 20_002 }], &[]).unwrap();
        assert_eq!(
            text.strip_prefix(SAME).unwrap(),
            "node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:20002\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             listeners=PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:20009\n\
             min.insync.replicas=1\n\
             offsets.topic.replication.factor=1\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             share.coordinator.state.topic.replication.factor=1\n\
             share.coordinator.state.topic.min.isr=1\n"
        );
    }

    #[test]
    fn more_listeners_have_names_and_protocols_of_their_own() {
        let more = [Listener { name: "USERS", protocol: "SASL_SSL", port: 20_005 }];
        let text = text(1, 20_001, 20_001, &[Voter { node_id: 1, port: 20_002 }], &more).unwrap();
        for line in [
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,USERS:SASL_SSL\n",
            "CONTROLLER://127.0.0.1:20002,USERS://127.0.0.1:20005\n",
            "advertised.listeners=PLAINTEXT://127.0.0.1:20001,USERS://localhost:20005\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn several_voters_are_listed_and_each_broker_listens_on_its_own_port() {
        let voters = [Voter { node_id: 1, port: 20_002 }, Voter { node_id: 2, port: 20_004 }];
        let text = text(2, 20_003, 20_003, &voters, &[]).unwrap();
        assert!(text.contains("controller.quorum.voters=1@127.0.0.1:20002,2@127.0.0.1:20004\n"));
        assert!(text.contains("CONTROLLER://127.0.0.1:20004\n"));
    }

    #[test]
    fn three_brokers_keep_three_replicas_of_which_one_can_fail() {
        let voters = [1, 2, 3].map(|node_id| Voter { node_id, port: 20_000 });
        let text = text(1, 20_003, 20_003, &voters, &[]).unwrap();
        assert!(text.contains("\nmin.insync.replicas=2\noffsets.topic.replication.factor=3\n"), "{text}");
    }

    #[test]
    fn a_broker_that_is_not_a_voter_is_an_error() {
        let error = text(3, 20_003, 20_003, &[Voter { node_id: 1, port: 20_002 }], &[]).unwrap_err();
        assert_eq!(error.to_string(), "broker 3 is not among its cluster's voters");
    }
}
