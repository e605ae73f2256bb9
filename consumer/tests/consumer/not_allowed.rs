//! A consumer that may not do everything on its broker.

use contract::PostId;
use contract::dead_letter::LeftOut;
use stack::access::{self, AUTHORIZER, Resource, allow, deny};
use stack::kafka::BrokerOptions;
use stack::{Server, environment, kafka};

use crate::dead_letters_command::dead_letters;
use crate::erasures::erase;
use crate::running::Running;
use crate::support::{World, ids, left_out};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];

async fn broker() -> Server {
    let options = BrokerOptions { more_properties: AUTHORIZER.to_owned(), ..BrokerOptions::default() };
    kafka::start(&options, environment).await.unwrap()
}

async fn world(broker: &Server) -> World {
    let world = World::at(&broker.address(), stack::shared().await.mongo_uri());
    world.create_topic(1).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_topic_that_exists_needs_no_right_to_create_it() {
    let broker = broker().await;
    let (with, without) = (world(&broker).await, world(&broker).await);
    // The first start creates it, and has the broker create the topic of all groups' offsets.
    let running = Running::start(with.config(&SOON)).await;
    let mut sent = with.send_posts(1).await;
    with.wait_for_documents(1).await;
    running.stop().await;
    deny(&broker.address(), Resource::Cluster, access::CREATE).await.unwrap();
    deny(&broker.address(), Resource::Topic("*"), access::CREATE).await.unwrap();

    with.send(None, Some(b"not a post")).await;
    sent.extend(with.send_posts(3).await);
    let running = Running::start(with.config(&SOON)).await;
    assert_eq!(ids(&with.wait_for_documents(4).await), sent);
    with.wait_for_dead_letters(1).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;

    let running = Running::start(without.config(&SOON)).await;
    running.wait_for_readyz("kafka: cannot create the dead-letter topic").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_may_not_be_read_are_assumed_to_be_kafkas_own() {
    let broker = broker().await;
    let world = world(&broker).await;
    deny(&broker.address(), Resource::Topic(&world.topic), access::DESCRIBE_CONFIGS).await.unwrap();
    let poison = vec![b'x'; 1_048_500];
    world.send(None, Some(&poison)).await;
    let running = Running::start(world.config(&SOON)).await;
    let letters = world.wait_for_dead_letters(1).await;
    assert_eq!(left_out(&letters[0].1), LeftOut::default());
    assert_eq!(world.setting(&world.dead_letter_topic(), "max.message.bytes").await, "1052684");
    running.stop().await;
}

/// A missing right to write is fatal for an idempotent producer of librdkafka, which never works again.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_that_may_not_be_written_are_written_once_they_may() {
    let broker = broker().await;
    let world = world(&broker).await;
    world.create(&world.dead_letter_topic(), 1, &[]).await;
    world.send(None, Some(b"not a post")).await;
    let sent = world.send_posts(3).await;
    let rules = [(Resource::Cluster, access::IDEMPOTENT_WRITE), (Resource::Topic("*"), access::WRITE)];
    for (resource, operation) in rules {
        deny(&broker.address(), resource, operation).await.unwrap();
    }
    let running = Running::start(world.config(&SOON)).await;
    running.wait_for_readyz("flush: Kafka does not take dead letters: ").await;
    let readyz = running.get("/readyz").await;
    assert!(readyz.contains("the next try has a new producer"), "{readyz}");
    for (resource, operation) in rules {
        allow(&broker.address(), resource, operation).await.unwrap();
    }
    world.wait_for_dead_letters(1).await;
    assert_eq!(ids(&world.wait_for_documents(3).await), sent);
    running.wait_for_metric(&world.lag(0), 0.0).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

/// It has the rights of docs/erasure.md but one, and so it sends no letters once more.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_may_not_delete_letters_is_finished_later() {
    let broker = broker().await;
    let world = world(&broker).await;
    let erased = PostId::fresh();
    for key in [None, Some(erased.to_key()), None] {
        world.send(key.as_ref().map(|key| &key[..]), Some(b"not a post")).await;
    }
    let running = Running::start(world.config(&SOON)).await;
    world.wait_for_dead_letters(3).await;
    running.stop().await;
    let letters = world.dead_letter_topic();
    let may = async |topic: &str, operation| {
        access::grant(&broker.address(), "ANONYMOUS", Resource::Topic(topic), operation).await.unwrap();
    };
    may(&world.topic, access::DESCRIBE).await;
    may(&world.topic, access::DESCRIBE_CONFIGS).await;
    access::grant(&broker.address(), "another", Resource::Topic(&letters), access::READ).await.unwrap();
    let id = erased.to_string();
    let unseen = erase(&world, 1, &["--id", &id]).await;
    assert!(unseen.contains(&format!("the topic {letters} cannot be used: Kafka says TopicAuthor")), "{unseen}");
    may(&letters, access::READ).await;
    may(&letters, access::WRITE).await;
    let refused = erase(&world, 1, &["--id", &id]).await;
    assert!(refused.contains(&format!("the user needs Delete on the topic {letters}")), "{refused}");
    world.wait_for_dead_letters(3).await;
    assert!(dead_letters(&world, 0, &["list"]).await.contains("dead letters: 3, undecodable 3\n"));
    may(&letters, access::DELETE).await;
    assert!(erase(&world, 0, &["--id", &id]).await.contains("dead letters removed: 1\n"));
    let left = dead_letters(&world, 0, &["list"]).await;
    assert!(left.contains("dead letters: 2, undecodable 2\n") && !left.contains(&id), "{left}");
}
