//! Makes a record of what librdkafka holds.

use contract::{Fetched, TraceContext, dead_letter, record};
use rdkafka::message::{BorrowedMessage, Headers, Message};

/// Copies what librdkafka holds.
pub(super) fn fetched(message: &BorrowedMessage<'_>) -> Fetched {
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

/// How often a record with these headers was sent back from the dead letters.
pub fn replay_attempts(headers: Option<&impl Headers>) -> u32 {
    dead_letter::replay_attempts(header(headers, dead_letter::REPLAY_ATTEMPTS_HEADER))
}

/// The value of the first header of this name.
fn header<'a>(headers: Option<&'a impl Headers>, name: &str) -> Option<&'a [u8]> {
    headers?.iter().find(|header| header.key == name).and_then(|header| header.value)
}
