//! What is said where a user may not do everything, and that it passes once he may.

use std::sync::Arc;
use std::time::Duration;

use kafka::cluster::Mechanism;
use kafka::topics::{Admin, Reader, ReaderConfig};
use kafka::{Answer, Cluster, ConsumerRecord, Group, GroupOptions, Publisher, PublisherOptions, SendError, each};
use stack::access::{DELETE, READ, Resource, WRITE};
use stack::kafka::secure::tokens::TokenEndpoint;
use stack::kafka::secure::{SecureBroker, password};

use super::{Place, USER, at, broker, tls, ways, with_password};
use crate::world::wait_until;

const PATIENCE: Duration = Duration::from_secs(10);

fn cluster(broker: &SecureBroker) -> Cluster {
    at(broker.users(), tls(&broker.ca), with_password(Mechanism::ScramSha512, &password(USER)))
}

async fn publisher(broker: &SecureBroker, options: PublisherOptions) -> Publisher {
    Publisher::connect(PublisherOptions { cluster: cluster(broker), ..options }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_says_which_right_it_needs() {
    let (broker, place) = (broker().await, Place::new());
    place.open(broker).await;
    let topic = place.topic.as_str();
    publisher(broker, PublisherOptions::batched("")).await.send(topic, "key", "value").await.unwrap();
    let letters = format!("{topic}.dlq");
    for (resource, operation, named) in [
        (Resource::Group(topic), READ, format!("kafka_rights: the user needs Read on the group {topic}")),
        (Resource::Topic(topic), READ, format!("kafka_rights: the user needs Read on the topic {topic}")),
        (Resource::Topic(&letters), WRITE, format!("the user needs Write on the topic {letters}")),
    ] {
        broker.withdraw(USER, resource, operation).await.unwrap();
        let options = GroupOptions { cluster: cluster(broker), ..GroupOptions::new("", topic) };
        let handler = each(|_: ConsumerRecord| async { Answer::Rejected("no".to_owned()) });
        let group = Group::start(options, &[topic], handler).unwrap();
        wait_until(&named, async || group.check().is_err_and(|said| said.contains(&named))).await;
        broker.grant(USER, resource, operation).await.unwrap();
        wait_until("it is ready", async || group.check().is_ok()).await;
        group.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_says_which_right_it_needs() {
    let (broker, place) = (broker().await, Place::new());
    place.open(broker).await;
    let topic = place.topic.as_str();
    let write = Resource::Topic(topic);
    publisher(broker, PublisherOptions::batched("")).await.open(topic).await.unwrap();
    for (options, named) in [
        (PublisherOptions::batched(""), "the user may not Write to this topic"),
        (PublisherOptions::ordered(""), "kafka_rights: the user needs Write on the topic"),
    ] {
        broker.withdraw(USER, write, WRITE).await.unwrap();
        let publisher = publisher(broker, options).await;
        publisher.open(topic).await.unwrap();
        publisher.send(topic, "key", "value").await.unwrap_err();
        wait_until(named, async || publisher.check().is_err_and(|said| said.contains(named))).await;
        broker.grant(USER, write, WRITE).await.unwrap();
        wait_until("a record is acknowledged", async || publisher.send(topic, "key", "value").await.is_ok()).await;
        wait_until("it is ready", async || publisher.check().is_ok()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_may_not_be_known_is_named() {
    let (broker, place) = (broker().await, Place::new());
    let publisher = publisher(broker, PublisherOptions::batched("")).await;
    let SendError::Publish { reason, .. } = publisher.open(&place.topic).await.unwrap_err() else {
        panic!("it is the publisher that fails")
    };
    let named = format!("the topic {} cannot be used: Kafka says TopicAuthorizationFailed", place.topic);
    assert!(reason.is_some_and(|reason| reason.contains(&named)));
}

/// librdkafka's own admin client would get no tokens.
#[tokio::test(flavor = "multi_thread")]
async fn the_start_of_a_partition_is_deleted_by_every_way_with_the_right_to_it() {
    let (broker, tokens, place) = (broker().await, TokenEndpoint::start().await.unwrap(), Place::new());
    place.open(broker).await;
    let topic = place.topic.as_str();
    let publisher = publisher(broker, PublisherOptions::ordered("")).await;
    publisher.open(topic).await.unwrap();
    let ways = ways(broker, &tokens).await;
    for _ in &ways {
        publisher.send(topic, "key", "value").await.unwrap();
    }
    let admin = |cluster: &Cluster| Admin::new(cluster, "test", PATIENCE).unwrap();
    let refused = admin(&cluster(broker)).delete_before(topic, 0, 1).await.unwrap_err().to_string();
    assert!(refused.ends_with(&format!("the user needs Delete on the topic {topic}")), "{refused}");
    broker.grant(USER, Resource::Topic(topic), DELETE).await.unwrap();
    let (cluster, group) = (cluster(broker), topic.to_owned());
    let config = ReaderConfig { cluster, client_id: "test", group, patience: PATIENCE, picks_records: false };
    let reader = Arc::new(Reader::new(config).unwrap());
    for (before, (name, cluster)) in (1..).zip(&ways) {
        wait_until(name, async || admin(cluster).delete_before(topic, 0, before).await.is_ok()).await;
        let (reader, topic) = (Arc::clone(&reader), topic.to_owned());
        let offsets = tokio::task::spawn_blocking(move || reader.offsets(&topic, 0).unwrap().unwrap()).await.unwrap();
        assert_eq!(offsets, before..ways.len() as i64, "{name}");
    }
}
