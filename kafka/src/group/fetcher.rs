//! The thread that polls Kafka. It asks the front what to do, applies it, and hands on what it gets. While there is no
//! room, or nothing to fetch, it keeps polling with everything paused, so that the group does not consider it dead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use tokio_util::sync::CancellationToken;

use super::context::GroupConsumer;
use super::core::Received;
use super::fetching::Turn;
use super::front::Front;
use super::handler::RecordHandler;
use crate::topics::ReadRecord;

/// Longest time in one poll, and so the longest delay before a stop is noticed.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// The pause before the next look for room.
const ROOM_PAUSE: Duration = Duration::from_millis(5);

/// Blocks its thread until `stop`, or until the pipeline is gone.
pub(super) fn run<H: RecordHandler>(
    consumer: &GroupConsumer<H::Record>,
    front: &Front<H::Record>,
    handler: &Arc<H>,
    stop: &CancellationToken,
) {
    let mut read = handler.reader();
    let (mut turn, mut was_full) = (Turn::Wait, false);
    let mut was_refused = false;
    // Whether there may be gathered records to hand on; a callback hands on, too.
    let mut gathers = false;
    let mut takes_more = true;
    let mut hand_on = |message: &BorrowedMessage<'_>| {
        takes_more = takes_more && handler.takes_another();
        if !takes_more {
            front.end();
            return true;
        }
        let (partition, offset, fetched) = (message.partition(), message.offset(), ReadRecord::new(message).fetched());
        let (timestamp_ms, is_replay) = (fetched.timestamp_ms, fetched.replay_attempts > 0);
        let record = read(fetched);
        let bytes = handler.bytes(&record);
        front.add(partition, offset, |assignment| Received {
            timestamp_ms,
            is_replay,
            ..Received::new(partition, offset, assignment, bytes, record)
        })
    };
    while !stop.is_cancelled() {
        if turn != Turn::Poll || !front.may_just_poll() {
            let (next, changes) = front.turn(Instant::now());
            consumer.context().apply(consumer, &changes);
            turn = next;
            if front.is_full() != was_full {
                was_full = !was_full;
                tracing::info!(
                    "{}",
                    if was_full { "the buffer is full, fetching is paused" } else { "fetching continues" }
                );
            }
        }
        let has_pipeline = match turn {
            Turn::Wait => {
                gathers = false;
                let has_pipeline = front.hand_on();
                std::thread::sleep(ROOM_PAUSE);
                has_pipeline
            }
            Turn::Poll | Turn::PollPaused => {
                // Gathered records wait only for what is already there.
                let wait = if gathers { Duration::ZERO } else { POLL_TIMEOUT };
                match consumer.poll(wait) {
                    None => {
                        gathers = false;
                        front.hand_on()
                    }
                    Some(Ok(message)) => {
                        gathers = true;
                        if std::mem::take(&mut was_refused) {
                            consumer.context().rights().reads();
                        }
                        hand_on(&message)
                    }
                    Some(Err(error)) => {
                        let code = error.rdkafka_error_code();
                        was_refused |= code.is_some_and(|code| consumer.context().rights().refused(code));
                        report(&error);
                        true
                    }
                }
            }
        };
        if !has_pipeline {
            return;
        }
    }
}

/// The watch reports once that Kafka is away; librdkafka would report it for every connection.
fn report(error: &KafkaError) {
    use rdkafka::error::RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut, Resolve};
    match error.rdkafka_error_code() {
        Some(AllBrokersDown | BrokerTransportFailure | OperationTimedOut | Resolve) => {
            tracing::debug!(%error, "cannot fetch");
        }
        _ => tracing::warn!(%error, "cannot fetch, trying again"),
    }
}
