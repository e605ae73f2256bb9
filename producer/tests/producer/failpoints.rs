//! The producer, or a task of it, dies exactly where a test says: what it has sent by then is in the topic, and no
//! client got an answer that says so.

use std::path::PathBuf;

use contract::PostId;
use service::failpoint::{DIRECTORY, Step};

use crate::client::{Connection, POST, post};
use crate::program::serving_at;
use crate::topic::{fresh_topic, records};

/// A directory that arms steps, removed when the test ends.
struct Armed(PathBuf);

impl Armed {
    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("failpoints-{}", PostId::fresh()));
        std::fs::create_dir(&directory).unwrap();
        Self(directory)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn arm(&self, step: Step) {
        self.arm_with(step, "");
    }

    fn arm_with(&self, step: Step, content: &str) {
        // A file of another name first: an empty one for a moment would abort.
        let (file, new) = (self.0.join(step.name()), self.0.join("new"));
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    fn is_armed(&self, step: Step) -> bool {
        self.0.join(step.name()).exists()
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(feature = "failpoints")]
mod built_in {
    use std::os::unix::process::ExitStatusExt;
    use std::time::Duration;

    use kafka::publish::LANES_PER_BROKER;
    use service::failpoint::PANIC;
    use tokio::process::Child;

    use super::*;
    use crate::broker;
    use crate::bulk::{array, bulk};
    use crate::client::{request, within_patience};
    use crate::running::eventually;

    /// This many posts, one at a time, give each lane its connection.
    const WARM_UP: usize = 2 * LANES_PER_BROKER;

    /// The signal of `abort`.
    const SIGABRT: i32 = 6;

    async fn aborted(mut child: Child) {
        let status = within_patience("the program's end", child.wait()).await.unwrap();
        assert_eq!(status.signal(), Some(SIGABRT), "{status:?}");
    }

    /// The client's connection ended without an answer.
    async fn unanswered(mut connection: Connection) {
        connection.closed().await;
    }

    async fn metric(operators: std::net::SocketAddr, line: &str) {
        eventually(line, async || {
            let metrics = Connection::open(operators).await.ask(request("GET", "/metrics")).await;
            metrics.text().lines().any(|other| other == line)
        })
        .await;
    }

    /// A frozen broker cannot have acknowledged anything; it finds what is on the wire when it continues.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_is_on_the_wire_and_not_acknowledged() {
        let mut broker = broker::borrow().await;
        broker.bring_back().await;
        let (armed, topic, address) = (Armed::new(), fresh_topic(), broker.address());
        let (child, producer) = serving_at(&address, &topic, &[(DIRECTORY, armed.path())]).await;
        for _ in 0..WARM_UP {
            Connection::open(producer.clients).await.ask(post(POST)).await.created_id();
        }
        armed.arm(Step::ProduceSent);
        broker.freeze();
        let mut connection = Connection::open(producer.clients).await;
        connection.send(post(POST)).await;
        aborted(child).await;
        unanswered(connection).await;
        assert!(!armed.is_armed(Step::ProduceSent), "it kills once");

        broker.bring_back().await;
        eventually("the record", async || records(&address, &topic).await.len() == WARM_UP + 1).await;
    }

    /// While every lane waits for a frozen broker, posts gather for one large batch.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_large_batch_is_on_the_wire_as_a_whole() {
        const GATHERED: usize = 2_000;
        let mut broker = broker::borrow().await;
        broker.bring_back().await;
        let (armed, topic, address) = (Armed::new(), fresh_topic(), broker.address());
        let variables = [(DIRECTORY, armed.path()), ("PRODUCER_TIMEOUT", "30s")];
        let (child, producer) = serving_at(&address, &topic, &variables).await;
        for _ in 0..WARM_UP {
            Connection::open(producer.clients).await.ask(post(POST)).await.created_id();
        }
        broker.freeze();
        let mut waiting = Vec::new();
        for lane in 1..=LANES_PER_BROKER {
            let mut connection = Connection::open(producer.clients).await;
            connection.send(post(POST)).await;
            waiting.push(connection);
            metric(
                producer.operators,
                &format!("ingest_produce_batch_records_count{{kind=\"post\"}} {}", WARM_UP + lane),
            )
            .await;
        }
        armed.arm(Step::ProduceSent);
        let mut connection = Connection::open(producer.clients).await;
        connection.send(bulk(array(GATHERED))).await;
        metric(
            producer.operators,
            &format!("ingest_in_flight_records{{kind=\"post\"}} {}", LANES_PER_BROKER + GATHERED),
        )
        .await;

        broker.bring_back().await;
        aborted(child).await;
        unanswered(connection).await;
        // A part of a batch would be worthless to the broker.
        let before = WARM_UP + LANES_PER_BROKER;
        eventually("the records", async || records(&address, &topic).await.len() > before).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_is_acknowledged_and_not_answered() {
        let mut broker = broker::borrow().await;
        broker.bring_back().await;
        let (armed, topic, address) = (Armed::new(), fresh_topic(), broker.address());
        let variables = [(DIRECTORY, armed.path()), ("PRODUCER_TIMEOUT", "30s")];
        let (mut child, producer) = serving_at(&address, &topic, &variables).await;
        Connection::open(producer.clients).await.ask(post(POST)).await.created_id();
        armed.arm(Step::ProduceAcknowledged);
        broker.freeze();
        let mut connection = Connection::open(producer.clients).await;
        connection.send(post(POST)).await;
        metric(producer.operators, "ingest_in_flight_records{kind=\"post\"} 1").await;
        // A hundred times the linger.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(child.try_wait().unwrap().is_none(), "without an acknowledgement it lives");
        assert!(armed.is_armed(Step::ProduceAcknowledged));

        broker.bring_back().await;
        aborted(child).await;
        unanswered(connection).await;
        assert_eq!(records(&address, &topic).await.len(), 2);
    }

    /// More panics than lanes: each lane is replaced, and what it had is not acknowledged.
    #[tokio::test(flavor = "multi_thread")]
    async fn lanes_that_panic_are_replaced() {
        const PANICS: usize = 2 * LANES_PER_BROKER;
        let broker = stack::shared().await.kafka_broker();
        let (armed, topic) = (Armed::new(), fresh_topic());
        let (_child, producer) = serving_at(broker, &topic, &[(DIRECTORY, armed.path())]).await;
        for _ in 0..PANICS {
            armed.arm_with(Step::ProduceAcknowledged, PANIC);
            let answer = Connection::open(producer.clients).await.ask(post(POST)).await;
            assert_eq!(answer.status, 503, "{}", answer.text());
            assert!(!armed.is_armed(Step::ProduceAcknowledged));
        }
        for _ in 0..PANICS {
            Connection::open(producer.clients).await.ask(post(POST)).await.created_id();
        }
        assert_eq!(records(broker, &topic).await.len(), 2 * PANICS);
    }
}

#[cfg(not(feature = "failpoints"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_build_without_failpoints_knows_none() {
    let (armed, topic) = (Armed::new(), fresh_topic());
    let broker = stack::shared().await.kafka_broker();
    for step in Step::ALL {
        armed.arm(step);
    }
    let (_child, producer) = serving_at(broker, &topic, &[(DIRECTORY, armed.path())]).await;
    for _ in 0..3 {
        Connection::open(producer.clients).await.ask(post(POST)).await.created_id();
    }
    assert!(Step::ALL.into_iter().all(|step| armed.is_armed(step)));
    assert_eq!(records(broker, &topic).await.len(), 3);
}
