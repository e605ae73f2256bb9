//! What a bystander sees of a topic and a group, by every way in, and which right he lacks.

use std::time::Duration;

use kafka::cluster::{Mechanism, Sasl};
use kafka::topics::{Admin, NoOverview, NotCommitted, Reader, ReaderConfig};
use kafka::{Answer, Cluster, ConsumerRecord, Group, GroupOptions, Publisher, PublisherOptions, each};
use stack::access::{DESCRIBE, DESCRIBE_CONFIGS, READ, Resource, WRITE};
use stack::kafka::secure::password;
use stack::kafka::secure::tokens::TokenEndpoint;

use super::{Place, USER, at, broker, tls, ways, with_password};
use crate::world::wait_until;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks on a thread that may block.
async fn seen<T: Send + 'static>(
    cluster: &Cluster,
    topic: &str,
    ask: impl FnOnce(&Reader, &str) -> T + Send + 'static,
) -> T {
    let (cluster, topic) = (cluster.clone(), topic.to_owned());
    let asking = move || {
        let group = topic.clone();
        let config = ReaderConfig { cluster, client_id: "bystander", group, patience: PATIENCE, picks_records: false };
        ask(&Reader::new(config).unwrap(), &topic)
    };
    tokio::task::spawn_blocking(asking).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_and_its_topic_are_seen_by_every_way() {
    let (broker, tokens, place) = (broker().await, TokenEndpoint::start().await.unwrap(), Place::new());
    place.open(broker).await;
    broker.grant(USER, Resource::Topic(&place.topic), DESCRIBE_CONFIGS).await.unwrap();
    let (topic, ways) = (place.topic.as_str(), ways(broker, &tokens).await);
    let own = ways[0].1.clone();
    let options = PublisherOptions { cluster: own.clone(), ..PublisherOptions::batched("") };
    Publisher::connect(options).await.unwrap().send(topic, "key", "value").await.unwrap();
    let options = GroupOptions { cluster: own.clone(), ..GroupOptions::new("", topic) };
    let group = Group::start(options, &[topic], each(|_: ConsumerRecord| async { Answer::Stored })).unwrap();
    let lag = |reader: &Reader, topic: &str| reader.progress(topic).unwrap().iter().map(|at| at.lag()).sum::<u64>();
    wait_until("it has committed", async || seen(&own, topic, lag).await == 0).await;
    for (name, cluster) in ways {
        let (overview, described) =
            seen(&cluster, topic, |reader, topic| (reader.overview(topic).unwrap().unwrap(), reader.group().unwrap()))
                .await;
        assert!(overview.iter().all(|partition| partition.in_sync == 1 && partition.offsets.is_some()), "{name}");
        // What asks for the most: a stranger's commit, which this group refuses.
        let committed = seen(&cluster, topic, |reader, topic| reader.commit(topic, &[(0, 0)]).unwrap()).await;
        assert_eq!(committed, Err(NotCommitted::HasMembers), "{name}");
        let described = described.expect(name);
        let ids = overview.iter().map(|partition| partition.id).collect();
        assert_eq!((described.state.as_str(), described.members.len()), ("Stable", 1), "{name}");
        assert_eq!(described.members[0].assigned, Some(vec![(topic.to_owned(), ids)]), "{name}");
        let retention =
            Admin::new(&cluster, "bystander", PATIENCE).unwrap().setting_or_why(topic, "retention.ms").await;
        let expected = match cluster.security.sasl {
            Some(Sasl::Token(_)) => Err("Kafka is not asked for settings with OAUTHBEARER".to_owned()),
            _ => Ok("604800000".to_owned()),
        };
        assert_eq!(retention, expected, "{name}");
    }
    group.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bystander_learns_which_right_he_lacks() {
    let (broker, place) = (broker().await, Place::new());
    place.open(broker).await;
    let topic = place.topic.as_str();
    let cluster = at(broker.users(), tls(&broker.ca), with_password(Mechanism::ScramSha512, &password(USER)));
    let options = PublisherOptions { cluster: cluster.clone(), ..PublisherOptions::batched("") };
    Publisher::connect(options).await.unwrap().send(topic, "key", "value").await.unwrap();
    let retention = Admin::new(&cluster, "bystander", PATIENCE).unwrap().setting_or_why(topic, "retention.ms").await;
    let needed = format!("the user needs DescribeConfigs on the topic {topic}, see docs/security.md");
    assert_eq!(retention, Err(needed));

    let committed = |reader: &Reader, topic: &str| (reader.committed(topic, &[0]).unwrap(), reader.group().unwrap());
    broker.withdraw(USER, Resource::Group(topic), READ).await.unwrap();
    let needed = format!("the user needs Describe or Read on the group {topic}, see docs/security.md");
    assert_eq!(seen(&cluster, topic, committed).await, (Err(needed), None));
    broker.grant(USER, Resource::Group(topic), DESCRIBE).await.unwrap();
    let commit = |reader: &Reader, topic: &str| reader.commit(topic, &[(0, 1)]).unwrap();
    let needed = format!("the user needs Read on the group {topic}, see docs/security.md");
    assert_eq!(seen(&cluster, topic, commit).await, Err(NotCommitted::Refused(needed)));
    for operation in [READ, WRITE] {
        broker.withdraw(USER, Resource::Topic(topic), operation).await.unwrap();
    }
    broker.withdraw(USER, Resource::Topic(topic), stack::access::CREATE).await.unwrap();
    let needed = format!("the user needs Describe or Read on the topic {topic}, see docs/security.md");
    let overview = |reader: &Reader, topic: &str| reader.overview(topic).unwrap();
    assert_eq!(seen(&cluster, topic, overview).await, Err(NoOverview::Refused(needed)));
}
