//! The order of records that are sent while the client is renewed.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use kafka::cluster::{Mechanism, Sasl};
use kafka::{Publisher, PublisherOptions};
use service::secrets::Secret;
use stack::kafka::secure::password;
use tokio::task::JoinSet;

use super::{Place, at, tls};
use crate::world::{DEADLINE, wait_until};

/// What became of the records depends on chance where they overtake each other: once is not enough to see it.
const RENEWALS: usize = 4;

/// Longer than it takes until a file that has changed is noticed, and the client is renewed.
const NOTICED: Duration = Duration::from_millis(1_200);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn records_that_wait_for_a_renewed_client_keep_the_order_of_their_first_polls() {
    let (broker, place) = (super::broker().await, Place::new());
    place.open(broker).await;
    let file = broker.file("renewed-in-order", &password(super::USER)).unwrap();
    let sasl =
        Sasl::Password { mechanism: Mechanism::Plain, username: super::USER.to_owned(), password: Secret::file(&file) };
    let cluster = at(broker.users(), tls(&broker.ca), Some(sasl));
    let options = PublisherOptions { cluster, timeout: DEADLINE, ..PublisherOptions::ordered("") };
    let publisher = Publisher::connect(options).await.unwrap();
    wait_until("the topic is open", async || publisher.open(&place.topic).await.is_ok()).await;

    let (mut begun, mut sending, mut sent) = (0, JoinSet::new(), Vec::new());
    for renewal in 0..RENEWALS {
        // Another file, with the same password.
        let end = if renewal % 2 == 0 { "\n" } else { "" };
        std::fs::write(&file, format!("{}{end}", password(super::USER))).unwrap();
        let until = Instant::now() + NOTICED;
        while Instant::now() < until {
            for number in begun..begun + 10 {
                let (publisher, topic) = (publisher.clone(), place.topic.clone());
                let mut send =
                    Box::pin(async move { (number, publisher.send(&topic, "key", number.to_string()).await) });
                match (&mut send).now_or_never() {
                    // The acknowledgement was faster.
                    Some(answered) => sent.push(answered),
                    // Only the first polls come in order. From then on each is a task of its own.
                    None => drop(sending.spawn(send)),
                }
            }
            begun += 10;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    sent.extend(sending.join_all().await);
    sent.sort_by_key(|(number, _)| *number);
    assert_eq!(sent.len(), begun);
    let offsets: Vec<i64> = sent.into_iter().map(|(_, sent)| sent.unwrap().offset).collect();
    let overtaken = offsets.windows(2).filter(|pair| pair[0] >= pair[1]).count();
    assert_eq!(overtaken, 0, "of {begun} records");
    publisher.close().await.unwrap();
}
