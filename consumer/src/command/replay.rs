//! Sends dead letters back to the topic that they came from.

use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use contract::dead_letter::REPLAY_ATTEMPTS_HEADER;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::Filter;
use super::archive::{Archive, Archived};
use super::original::{Incomplete, Originals};
use super::print;
use super::selection::{LatestAttempts, Selection, Totals};
use crate::config::KafkaSettings;
use kafka::group::LARGEST_BYTES;

/// Longest time to get one record acknowledged.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Records that are sent and not acknowledged yet.
const MAX_IN_FLIGHT: usize = 500;

/// The bytes of their values; a larger one is alone.
const MAX_BYTES_IN_FLIGHT: usize = 32_000_000;

/// What helps when only a part was sent.
const AGAIN: &str = "replay again, what is sent twice is stored once";

/// Sends what `filter` names, or only says what it would send. The topic is read twice: first to learn which dead letters
/// have a later one, which a single pass would have to keep in memory.
pub(super) fn replay(
    archive: &Archive,
    kafka: &KafkaSettings,
    filter: Filter,
    is_dry_run: bool,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let mut latest = LatestAttempts::default();
    archive.read(|archived| {
        latest.note(archived.letter.id, archived.replay_attempts);
        Ok(())
    })?;
    let mut selection = Selection::new(&kafka.topic, filter);
    let mut totals = Totals::default();
    let originals = Originals::new(kafka)?;
    let mut sender = Sender::new(kafka)?;
    let mut gone = 0;
    let unreadable = archive.read(|mut archived| {
        if !latest.are(archived.letter.id, archived.replay_attempts) || !selection.admits(&archived.letter) {
            return Ok(());
        }
        totals.add(archived.letter.reason);
        match originals.complete(&mut archived) {
            Ok(()) if is_dry_run => writeln!(output, "{}", print::line(&archived))?,
            Ok(()) => sender.send(&archived)?,
            Err(Incomplete::Gone(why)) => {
                gone += 1;
                writeln!(output, "{}\nnot replayed, {why}", print::line(&archived))?;
            }
            Err(Incomplete::Unknown(error)) => return Err(error.context(AGAIN)),
        }
        Ok(())
    })?;
    let failed = sender.finish();
    let (topic, count) = (&kafka.topic, totals.all() - gone);
    writeln!(output, "{totals}")?;
    write!(output, "{}", print::left_out(topic, selection.of_other_topics(), unreadable))?;
    match failed {
        _ if is_dry_run => writeln!(output, "dry run: nothing was sent to the topic {topic}")?,
        None => writeln!(output, "sent to the topic {topic} and acknowledged: {count}")?,
        Some((number, why)) => bail!("{number} of {count} were not acknowledged ({why}); {AGAIN}"),
    }
    if gone > 0 {
        bail!("not replayed, because their dead letters lack the record and the topic {topic} has it no more: {gone}");
    }
    Ok(())
}

/// Sends records in order, several at a time.
struct Sender {
    producer: FutureProducer,
    runtime: tokio::runtime::Runtime,
    /// With the bytes of their values.
    in_flight: VecDeque<(usize, DeliveryFuture)>,
    bytes_in_flight: usize,
    failures: usize,
    last_failure: Option<String>,
}

impl Sender {
    fn new(kafka: &KafkaSettings) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.brokers)
            .set("client.id", "consumer")
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // Kafka's own, as the producer's: a key keeps its partition.
            .set("partitioner", "murmur2_random")
            // The topic's limit is one of the batch: one that is small may take each of the records, but not many together.
            .set("batch.size", "16384")
            .set("message.max.bytes", LARGEST_BYTES)
            .set("message.timeout.ms", SEND_TIMEOUT.as_millis().to_string())
            .create()
            .context("cannot make the Kafka producer")?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().context("cannot start the runtime")?;
        Ok(Self { producer, runtime, in_flight: VecDeque::new(), bytes_in_flight: 0, failures: 0, last_failure: None })
    }

    fn send(&mut self, archived: &Archived) -> anyhow::Result<()> {
        let bytes = archived.value.as_ref().map_or(0, Vec::len);
        while self.in_flight.len() >= MAX_IN_FLIGHT
            || !self.in_flight.is_empty() && self.bytes_in_flight + bytes > MAX_BYTES_IN_FLIGHT
        {
            self.wait_for_one();
        }
        let attempts = archived.replay_attempts.saturating_add(1).to_string();
        let headers = OwnedHeaders::new().insert(Header { key: REPLAY_ATTEMPTS_HEADER, value: Some(&attempts) });
        let key = archived.letter.id.to_key();
        let mut record = FutureRecord::<[u8], [u8]>::to(&archived.letter.topic)
            .key(&key)
            .timestamp(archived.timestamp_ms)
            .headers(headers);
        record.payload = archived.value.as_deref();
        let sent = self.producer.send_result(record).map_err(|(error, _)| error);
        self.in_flight.push_back((bytes, sent.with_context(|| format!("cannot send any more; {AGAIN}"))?));
        self.bytes_in_flight += bytes;
        Ok(())
    }

    /// Waits until everything is acknowledged or has failed; returns how many failed, and why the last one did.
    fn finish(mut self) -> Option<(usize, String)> {
        while !self.in_flight.is_empty() {
            self.wait_for_one();
        }
        self.last_failure.map(|why| (self.failures, why))
    }

    fn wait_for_one(&mut self) {
        let Some((bytes, delivery)) = self.in_flight.pop_front() else { return };
        self.bytes_in_flight -= bytes;
        let why = match self.runtime.block_on(delivery) {
            Ok(Ok(_)) => return,
            Ok(Err((error, _))) => error.to_string(),
            Err(_) => "the producer ended".to_owned(),
        };
        self.failures += 1;
        self.last_failure = Some(why);
    }
}
