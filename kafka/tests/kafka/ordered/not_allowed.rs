//! A broker that answers, and on which no client may produce: each client ends with an error, and so does the next one.

use std::time::Duration;

use stack::access::{AUTHORIZER, IDEMPOTENT_WRITE, Resource, WRITE, allow, deny};
use stack::environment;
use stack::kafka::BrokerOptions;

use crate::ordered::Ordered;
use crate::world::{World, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_end_again_and_again_are_not_ready() {
    let options = BrokerOptions { more_properties: AUTHORIZER.to_owned(), ..BrokerOptions::default() };
    let broker = stack::kafka::start(&options, environment).await.unwrap();
    let rules = [(Resource::Cluster, IDEMPOTENT_WRITE), (Resource::Topic("*"), WRITE)];
    for (resource, operation) in rules {
        deny(&broker.address(), resource, operation).await.unwrap();
    }
    let world = World::at(&broker.address());
    let ordered = Ordered::start(&world, |config| config.timeout = Duration::from_secs(5));
    ordered.ready().await;
    wait_until("it is not ready because of its clients", async || {
        ordered.publish("key", 0).await.unwrap_err();
        let reason = ordered.readiness.check().err();
        reason.is_some_and(|reason| reason.starts_with("kafka_client: ") && reason.contains("in a row have ended"))
    })
    .await;
    assert!(ordered.publisher.is_available(), "Kafka itself answers");

    for (resource, operation) in rules {
        allow(&broker.address(), resource, operation).await.unwrap();
    }
    ordered.publish_until_acknowledged("key", 0..100).await;
    ordered.ready().await;
    ordered.close().await;
}
