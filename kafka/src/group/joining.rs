//! Getting into the group: waits for Kafka and for the topic, prepares the dead-letter topic, subscribes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer;
use service::{Backoff, Readiness};

use super::config::{ANSWER_TIMEOUT, GroupConfig};
use super::context::{Context, GroupConsumer};
use super::dead_letter_topic;
use crate::reach::reach;
use crate::security::librdkafka;
use crate::shown::CONDITION;
use crate::topics::partitions;

/// Fetched records that librdkafka may hold, in kilobytes; they come on top of `CONSUMER_BUFFER_BYTES`.
const PREFETCH_KILOBYTES: &str = "8192";

/// How long librdkafka waits before it checks again whether it holds fewer than [`PREFETCH_KILOBYTES`]. The default is
/// a second; in that time a fast store takes more than these and the buffer's records, and would then wait.
const PREFETCH_LOOK_MS: &str = "20";

/// The longest time that the broker gathers records before it answers a fetch.
const LONGEST_FETCH_WAIT: Duration = Duration::from_millis(100);

/// Joins the group. Waits without a deadline until Kafka answers and the topic exists.
///
/// # Errors
/// When the settings are unusable.
pub(super) async fn join_group<R: Send + Sync + 'static>(
    config: &GroupConfig,
    context: Context<R>,
    readiness: &Readiness,
) -> anyhow::Result<Arc<GroupConsumer<R>>> {
    let mut backoff = Backoff::for_servers();
    let client = loop {
        match client_config(config) {
            Ok(client) => break client,
            Err(error) => {
                let reason = format!("{error:#}");
                if readiness.unmet(CONDITION, &reason) || backoff.is_fresh() {
                    tracing::warn!(error = reason, "cannot read what Kafka asks for, trying again");
                }
                backoff.wait().await;
            }
        }
    };
    let consumer: GroupConsumer<R> = client.create_with_context(context).context("cannot make the Kafka consumer")?;
    let consumer = Arc::new(consumer);
    loop {
        match prepare_topics(config, &consumer).await {
            Ok(partitions) => {
                consumer.subscribe(&[&config.topic]).context("cannot subscribe")?;
                readiness.met(CONDITION);
                let GroupConfig { cluster, topic, group, .. } = config;
                let brokers = cluster.bootstrap();
                tracing::info!(brokers, topic, partitions, group, "Connected to Kafka");
                return Ok(consumer);
            }
            Err(error) => {
                let reason = format!("{error:#}");
                let was_known = !readiness.unmet(CONDITION, &reason);
                if !was_known || backoff.is_fresh() {
                    tracing::warn!(
                        brokers = config.cluster.bootstrap(),
                        error = reason,
                        "cannot reach Kafka, trying again"
                    );
                }
                backoff.wait().await;
            }
        }
    }
}

/// The settings of a member's client. The tests of assumptions about librdkafka and the broker start from them, too.
///
/// # Errors
/// When the password cannot be read.
pub fn client_config(config: &GroupConfig) -> anyhow::Result<ClientConfig> {
    let mut client = librdkafka::client_config(&config.cluster, "consumer")?;
    client
        .set("group.id", &config.group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", config.session_timeout.as_millis().to_string())
        .set("heartbeat.interval.ms", (config.session_timeout / 4).as_millis().max(1).to_string())
        .set("max.poll.interval.ms", config.max_poll_interval.as_millis().to_string())
        .set("auto.offset.reset", config.offset_reset.as_str())
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("queued.max.messages.kbytes", PREFETCH_KILOBYTES)
        .set("fetch.queue.backoff.ms", PREFETCH_LOOK_MS)
        .set("fetch.min.bytes", "65536")
        .set("fetch.wait.max.ms", fetch_wait(config.limits.batch.interval).as_millis().to_string())
        // The default is a minute: a commit, which is tried three times, would wait that long for a frozen broker each
        // time.
        .set("socket.timeout.ms", "10000")
        .set("reconnect.backoff.max.ms", "1000")
        .set("topic.metadata.refresh.interval.ms", "10000");
    Ok(client)
}

/// How long the broker may gather records before it answers a fetch: that saves it an answer for each batch that a
/// producer sends, and is little beside the time for which the batch waits here.
fn fetch_wait(flush_interval: Duration) -> Duration {
    (flush_interval / 4).clamp(Duration::from_millis(1), LONGEST_FETCH_WAIT)
}

/// Prepares the dead-letter topic, and returns the topic's number of partitions.
async fn prepare_topics<R: Send + Sync + 'static>(
    config: &GroupConfig,
    consumer: &Arc<GroupConsumer<R>>,
) -> anyhow::Result<usize> {
    let (asking, topic) = (Arc::clone(consumer), config.topic.clone());
    let asked = tokio::task::spawn_blocking(move || {
        if asking.context().needs_polls() {
            // Nothing is subscribed to yet, so there is only a token to be asked for.
            drop(asking.poll(Duration::ZERO));
        }
        partitions(&asking, &topic, ANSWER_TIMEOUT)
    });
    let partitions = match asked.await? {
        Ok(partitions) => partitions,
        Err(error) => {
            // librdkafka only says that it cannot.
            reach(&config.cluster, &config.topic).await?;
            return Err(error).context("cannot connect");
        }
    };
    let Some(first) = partitions.first() else {
        bail!("the topic {} does not exist yet (the producer creates it)", config.topic);
    };
    dead_letter_topic::prepare(config, consumer, i16::try_from(first.replicas).unwrap_or(1).max(1)).await?;
    Ok(partitions.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_waits_for_a_quarter_of_the_flush_interval_at_most() {
        let milliseconds = Duration::from_millis;
        for (interval, wait) in [(5_000, 100), (400, 100), (100, 25), (20, 5), (1, 1)] {
            assert_eq!(fetch_wait(milliseconds(interval)), milliseconds(wait));
        }
    }
}
