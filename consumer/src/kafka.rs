//! Getting into the group: waits for Kafka and for the topic, creates the dead-letter topic, subscribes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use service::{Backoff, Readiness};

use crate::config::KafkaSettings;
use crate::group::{GroupConsumer, GroupContext};

/// The readiness condition that is set here and by the watch: Kafka answers and the topic exists.
pub(crate) const CONDITION: &str = "kafka";

/// Longest wait for an answer of Kafka.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Fetched records that librdkafka may hold, in kilobytes; they come on top of `CONSUMER_BUFFER_BYTES`.
const PREFETCH_KILOBYTES: &str = "8192";

/// How long librdkafka waits before it looks again whether it holds fewer than [`PREFETCH_KILOBYTES`]. By default that is a second,
/// in which a fast store takes more than these and the buffer's, so that it would wait for records.
const PREFETCH_LOOK_MS: &str = "20";

/// Joins the group, waiting for as long as it takes until Kafka answers and the topic exists.
///
/// # Errors
/// When the settings cannot be used at all.
pub(crate) async fn join_group(
    settings: &KafkaSettings,
    context: GroupContext,
    readiness: &Readiness,
) -> anyhow::Result<Arc<GroupConsumer>> {
    let consumer: Arc<GroupConsumer> =
        Arc::new(client_config(settings).create_with_context(context).context("cannot make the Kafka consumer")?);
    let mut backoff = Backoff::for_servers();
    loop {
        match prepare_topics(settings, &consumer).await {
            Ok(partitions) => {
                consumer.subscribe(&[&settings.topic]).context("cannot subscribe")?;
                readiness.met(CONDITION);
                tracing::info!(
                    brokers = settings.brokers,
                    topic = settings.topic,
                    partitions,
                    group = settings.group,
                    "Connected to Kafka"
                );
                return Ok(consumer);
            }
            Err(error) => {
                let reason = format!("{error:#}");
                let was_known = !readiness.unmet(CONDITION, &reason);
                if !was_known || backoff.is_fresh() {
                    tracing::warn!(brokers = settings.brokers, error = reason, "cannot reach Kafka, trying again");
                }
                backoff.wait().await;
            }
        }
    }
}

fn client_config(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.brokers)
        .set("client.id", "consumer")
        .set("group.id", &settings.group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", settings.session_timeout.as_millis().to_string())
        .set("heartbeat.interval.ms", (settings.session_timeout / 4).as_millis().max(1).to_string())
        .set("max.poll.interval.ms", settings.max_poll_interval.as_millis().to_string())
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("queued.max.messages.kbytes", PREFETCH_KILOBYTES)
        .set("fetch.queue.backoff.ms", PREFETCH_LOOK_MS)
        // A tenth of a second more is nothing beside the flush interval, and spares the broker an answer for each batch.
        .set("fetch.min.bytes", "65536")
        .set("fetch.wait.max.ms", "100")
        .set("reconnect.backoff.max.ms", "1000")
        .set("topic.metadata.refresh.interval.ms", "30000");
    config
}

/// The topic's number of partitions; creates the dead-letter topic beside it.
async fn prepare_topics(settings: &KafkaSettings, consumer: &Arc<GroupConsumer>) -> anyhow::Result<usize> {
    let (asking, topic) = (Arc::clone(consumer), settings.topic.clone());
    let replicas = tokio::task::spawn_blocking(move || replicas_of_partitions(&asking, &topic)).await?;
    let replicas = replicas.context("cannot connect")?;
    let Some(first) = replicas.first() else {
        bail!("the topic {} does not exist yet (the producer creates it)", settings.topic);
    };
    create_dead_letter_topic(settings, i32::try_from(*first).unwrap_or(1).max(1)).await?;
    Ok(replicas.len())
}

/// The number of replicas of each of the topic's partitions; blocks until Kafka has answered.
fn replicas_of_partitions(consumer: &GroupConsumer, topic: &str) -> KafkaResult<Vec<usize>> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_TIMEOUT)?;
    let topics = metadata.topics().iter().filter(|found| found.name() == topic);
    Ok(topics.flat_map(|topic| topic.partitions()).map(|partition| partition.replicas().len()).collect())
}

/// Dead letters are kept until someone has looked at them, hence no retention limit.
async fn create_dead_letter_topic(settings: &KafkaSettings, replication: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .set("client.id", "consumer")
        .create()
        .context("cannot make the Kafka admin client")?;
    let topic =
        NewTopic::new(&settings.dead_letter_topic, 1, TopicReplication::Fixed(replication)).set("retention.ms", "-1");
    let options = AdminOptions::new().operation_timeout(Some(ANSWER_TIMEOUT)).request_timeout(Some(ANSWER_TIMEOUT));
    let created = admin.create_topics([&topic], &options).await.context("cannot create the dead-letter topic")?;
    for outcome in created {
        match outcome {
            Ok(name) => tracing::info!(replication, "Topic created: {name}"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => bail!("cannot create the dead-letter topic {name}: {code}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::time::Instant;

    use rdkafka::error::KafkaError;
    use service::{Registry, Settings};
    use tokio::sync::mpsc;
    use uuid::Uuid;

    use super::*;
    use crate::config::Config;
    use crate::metrics::Metrics;

    /// The fetcher polls every 100 ms, so only a thread that the machine does not run is ever so late. A revoke that waits
    /// within a poll does not count as late.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_member_that_polls_too_late_is_put_out_of_the_group_and_joins_it_again_by_polling() {
        let topic = format!("post-{}", Uuid::now_v7().simple());
        let (broker, dead_letters) = (stack::shared().await.kafka_broker(), format!("{topic}.dlq"));
        let lookup = |name: &str| match name {
            "KAFKA_BROKER" => Some(broker.to_owned()),
            "KAFKA_TOPIC" | "KAFKA_GROUP" => Some(topic.clone()),
            "DLQ_TOPIC" => Some(dead_letters.clone()),
            "CONSUMER_MAX_POLL_INTERVAL" => Some("6s".to_owned()),
            _ => None,
        };
        let config = Config::read(&mut Settings::new(&lookup));
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", broker).create().unwrap();
        let new_topic = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
        admin.create_topics([&new_topic], &AdminOptions::new()).await.unwrap();
        // Nobody receives: there is no pipeline that a revoke would have to wait for.
        let metrics = Arc::new(Metrics::new(&Registry::new(&[]), config.concurrent_flushes));
        let context = GroupContext::new(&config, mpsc::unbounded_channel().0, Weak::new(), Arc::default(), metrics);
        let consumer = join_group(&config.kafka, context, &Readiness::new(&[])).await.unwrap();

        let poll_until_assigned_anew = move |before: Option<u64>| {
            let deadline = Instant::now() + Duration::from_secs(30);
            let mut errors = Vec::new();
            loop {
                assert!(Instant::now() < deadline, "no partition was assigned: {errors:?}");
                errors.extend(consumer.poll(Duration::from_millis(100)).and_then(Result::err));
                let assignment = consumer.context().assignment(0);
                if assignment.is_some() && assignment != before {
                    return (assignment, errors);
                }
            }
        };
        let polling = tokio::task::spawn_blocking(move || {
            let (first, _) = poll_until_assigned_anew(None);
            std::thread::sleep(Duration::from_secs(7));
            poll_until_assigned_anew(first).1
        });
        let errors = polling.await.unwrap();
        let put_out = KafkaError::MessageConsumption(RDKafkaErrorCode::PollExceeded);
        assert!(errors.contains(&put_out), "{errors:?}");
    }
}
