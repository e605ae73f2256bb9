//! Each way in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kafka::{Answer, ConsumerRecord, Group, GroupOptions, Publisher, PublisherOptions, each};

use stack::kafka::secure::tokens::TokenEndpoint;

use super::{Place, broker, ways};
use crate::world::wait_until;

const RECORDS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn records_go_in_and_out_by_every_way() {
    let (broker, tokens) = (broker().await, TokenEndpoint::start().await.unwrap());
    for (name, cluster) in ways(broker, &tokens).await {
        eprintln!("{name}");
        let place = Place::new();
        place.open(broker).await;
        let topic = place.topic.as_str();
        for options in [PublisherOptions::batched(""), PublisherOptions::ordered("")] {
            let publisher = Publisher::connect(PublisherOptions { cluster: cluster.clone(), ..options }).await.unwrap();
            publisher.open(topic).await.unwrap();
            for n in 0..RECORDS {
                publisher.send(topic, "key", n.to_string()).await.unwrap();
            }
            publisher.close().await.unwrap();
        }
        let stored = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&stored);
        let handler = each(move |_: ConsumerRecord| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Answer::Stored }
        });
        let options = GroupOptions { cluster, ..GroupOptions::new("", topic) };
        let group = Group::start(options, &[topic], handler).unwrap();
        wait_until(name, async || stored.load(Ordering::Relaxed) == 2 * RECORDS).await;
        group.stop().await.unwrap();
    }
    assert!(tokens.given() > 0);
}
