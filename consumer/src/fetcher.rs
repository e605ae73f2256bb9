//! The fetcher: a thread of its own that polls Kafka, decodes, and hands records to the pipeline through the outbox, as long
//! as the budget has room. When it has none, or when there are too many dead letters, it pauses fetching but goes on polling,
//! so that the group does not take it for dead.

use std::sync::Arc;
use std::time::Duration;

use contract::{TraceContext, dead_letter, record};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::buffer::Buffered;
use crate::config::Config;
use crate::decode::{Decoded, Decoder, Fetched};
use crate::group::GroupConsumer;
use crate::hold::Hold;
use crate::outbox::Outbox;

/// Longest time in one poll: how late a stop is noticed.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// Longest wait for room before fetching is paused. Pausing throws away what librdkafka has fetched ahead, so a store that
/// is merely slower than Kafka must not cause it.
const WAIT_BEFORE_PAUSE: Duration = Duration::from_secs(1);

/// Polls until it is stopped.
pub(crate) struct Fetcher {
    consumer: Arc<GroupConsumer>,
    decoder: Decoder,
    budget: Budget,
    hold: Hold,
    outbox: Arc<Outbox>,
    stop: CancellationToken,
}

impl Fetcher {
    pub(crate) fn new(
        consumer: Arc<GroupConsumer>,
        config: &Config,
        budget: Budget,
        hold: Hold,
        outbox: Arc<Outbox>,
        stop: CancellationToken,
    ) -> Self {
        Self { consumer, decoder: Decoder::new(&config.kafka.topic), budget, hold, outbox, stop }
    }

    /// Blocks its thread until the stop.
    pub(crate) fn run(mut self, runtime: &Handle) {
        let consumer = Arc::clone(&self.consumer);
        while !self.stop.is_cancelled() && !self.hold.is_set() {
            // What is in the outbox waits only for what is there already.
            let wait = if self.outbox.is_empty() { POLL_TIMEOUT } else { Duration::ZERO };
            let has_pipeline = match consumer.poll(wait) {
                None => self.outbox.hand_on(),
                Some(Ok(message)) => {
                    let decoded = self.decoder.decode(to_fetched(&message));
                    !self.admit(&decoded, runtime) || self.outbox.add(decoded)
                }
                Some(Err(error)) => {
                    report(&error);
                    true
                }
            };
            if !has_pipeline {
                return;
            }
        }
        self.outbox.hand_on();
        // Nothing more is fetched, but the member stays in the group: another one would only meet the same records.
        consumer.context().set_paused(&consumer, true);
        while !self.stop.is_cancelled() {
            self.poll_paused();
        }
    }

    /// Waits until the budget has room for the record. False if the record is not to be handed on: its partition was given
    /// up meanwhile, or the service stops.
    fn admit(&self, record: &Decoded, runtime: &Handle) -> bool {
        let bytes = record.bytes();
        if self.budget.take_at_once(bytes) {
            return true;
        }
        // Room comes from records that the pipeline has.
        self.outbox.hand_on();
        if self.budget.take(bytes, WAIT_BEFORE_PAUSE, runtime) {
            return true;
        }
        let context = self.consumer.context();
        let partition = record.fetched.partition;
        let assignment = context.assignment(partition);
        tracing::info!("the buffer is full, fetching is paused");
        context.set_paused(&self.consumer, true);
        let mut is_admitted = false;
        while !is_admitted && !self.stop.is_cancelled() && context.assignment(partition) == assignment {
            self.poll_paused();
            is_admitted = self.budget.take_at_once(bytes);
        }
        context.set_paused(&self.consumer, false);
        tracing::info!("fetching goes on");
        is_admitted
    }

    /// Nothing is fetched while paused; this serves the group's callbacks. Should a record slip through all the same, its
    /// partition must be read again from there.
    fn poll_paused(&self) {
        match self.consumer.poll(POLL_TIMEOUT) {
            None => {}
            Some(Ok(message)) => self.put_back(&message),
            Some(Err(error)) => report(&error),
        }
    }

    fn put_back(&self, message: &BorrowedMessage<'_>) {
        let offset = rdkafka::Offset::Offset(message.offset());
        if let Err(error) = self.consumer.seek(message.topic(), message.partition(), offset, Duration::ZERO) {
            tracing::warn!(%error, partition = message.partition(), "cannot put a record back");
        }
    }
}

fn to_fetched(message: &BorrowedMessage<'_>) -> Fetched {
    let headers = message.headers();
    Fetched {
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
        replay_attempts: replay_attempts(headers),
        trace: header(headers, record::TRACEPARENT_HEADER).and_then(TraceContext::parse),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
    }
}

/// What the record's header says, if it has one.
pub(crate) fn replay_attempts(headers: Option<&impl Headers>) -> u32 {
    dead_letter::replay_attempts(header(headers, dead_letter::REPLAY_ATTEMPTS_HEADER))
}

/// The value of the first header of this name.
fn header<'a>(headers: Option<&'a impl Headers>, name: &str) -> Option<&'a [u8]> {
    headers?.iter().find(|header| header.key == name).and_then(|header| header.value)
}

/// That Kafka is away is told by the watch, once; librdkafka would tell it for every connection.
fn report(error: &KafkaError) {
    use rdkafka::error::RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut, Resolve};
    match error.rdkafka_error_code() {
        Some(AllBrokersDown | BrokerTransportFailure | OperationTimedOut | Resolve) => {
            tracing::debug!(%error, "cannot fetch")
        }
        _ => tracing::warn!(%error, "cannot fetch, trying again"),
    }
}
