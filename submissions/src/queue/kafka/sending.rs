//! Sends announcements. None is tried twice here: what Kafka does not acknowledge is left to a sweeper, which announces
//! whatever nobody has claimed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use kafka::{Acknowledged, Publisher, PublisherOptions, SendError};
use service::Backoff;
use tokio_util::sync::CancellationToken;

use super::record::Value;
use crate::config::KafkaConfig;
use crate::queue::announcing::{Notice, Outgoing};

/// The most records that are sent together; the publisher takes twice as many.
const MOST_AT_ONCE: usize = 5_000;

/// How often to look whether Kafka can be reached.
const LOOK: Duration = Duration::from_millis(250);

/// Sends until it is `over`, and then what still waits.
pub(super) async fn run(config: KafkaConfig, mut outgoing: Outgoing, over: CancellationToken) {
    let Some(publisher) = connected(&config, &outgoing, &over).await else { return };
    let mut looks = tokio::time::interval(LOOK);
    let mut waiting = Vec::new();
    while !over.is_cancelled() {
        tokio::select! {
            count = outgoing.waiting.recv_many(&mut waiting, MOST_AT_ONCE) => if count == 0 {
                // Nobody is left who could announce anything.
                over.cancelled().await;
            },
            _ = looks.tick() => outgoing.show(publisher.check()),
            () = over.cancelled() => {}
        }
        outgoing.send(&publisher, &config.topic, waiting.drain(..).flatten().collect()).await;
    }
    while let Ok(notices) = outgoing.waiting.try_recv() {
        waiting.push(notices);
    }
    outgoing.send(&publisher, &config.topic, waiting.into_iter().flatten().collect()).await;
    if let Err(error) = publisher.close().await {
        tracing::warn!(error = format!("{error:#}"), "announcements are left to a sweeper");
    }
}

/// Some twenty announcements. Those of a batch have one partition, and so one worker: small ones share out what comes
/// together.
const BATCH_BYTES: usize = 2_000;

/// A publisher that has reached the topic, which is created if it is missing. `None` if it is over before.
async fn connected(config: &KafkaConfig, outgoing: &Outgoing, over: &CancellationToken) -> Option<Publisher> {
    let options = PublisherOptions {
        partitions: config.partitions,
        replication: config.replication,
        batch_bytes: BATCH_BYTES,
        cluster: config.cluster.clone(),
        ..PublisherOptions::batched("")
    };
    let mut backoff = Backoff::for_servers();
    loop {
        let error = tokio::select! {
            connected = connect(options.clone(), &config.topic) => match connected {
                Ok(publisher) => return Some(publisher),
                Err(error) => format!("{error:#}"),
            },
            () = over.cancelled() => return None,
        };
        outgoing.show(Err(error));
        tokio::select! {
            () = backoff.wait() => {}
            () = over.cancelled() => return None,
        }
    }
}

async fn connect(options: PublisherOptions, topic: &str) -> anyhow::Result<Publisher> {
    let publisher = Publisher::connect(options).await?;
    publisher.open(topic).await?;
    Ok(publisher)
}

async fn announce(publisher: &Publisher, topic: &str, notice: Notice) -> Result<Acknowledged, SendError> {
    let Notice { id, key } = notice;
    publisher.send_json(topic, key.to_string(), &Value { id }).await
}

impl Outgoing {
    async fn send(&self, publisher: &Publisher, topic: &str, notices: Vec<Notice>) {
        let mut notices = notices.into_iter().peekable();
        while notices.peek().is_some() {
            let mut sending = Vec::new();
            for notice in notices.by_ref().take(MOST_AT_ONCE) {
                sending.push(announce(publisher, topic, notice));
            }
            let sent = join_all(sending).await;
            let failures = sent.iter().filter(|sent| sent.is_err()).count();
            self.announced.increment((sent.len() - failures) as u64);
            self.failures.increment(failures as u64);
            if let Some(error) = sent.into_iter().find_map(Result::err) {
                self.show(Err(error.to_string()));
            }
        }
    }

    /// Shows whether announcements are sent at present, with a line in the log when that changes.
    fn show(&self, state: Result<(), String>) {
        let was_open = self.is_open.swap(state.is_ok(), Ordering::Relaxed);
        match state {
            Ok(()) if !was_open => tracing::info!("submissions are announced to Kafka"),
            Err(error) if was_open => {
                tracing::warn!(error, "cannot announce to Kafka, so a sweeper will do it later");
            }
            _ => {}
        }
    }
}
