//! Records that are on their way: several at a time, so that nobody waits for each, and no more than a bounded number
//! of records and bytes.

use std::collections::VecDeque;

use super::sender::Sending;

/// Records that are sent and not acknowledged yet.
const MAX_RECORDS: usize = 500;

/// The most bytes of their values; a larger record is sent alone.
const MAX_BYTES: usize = 32_000_000;

/// The records, in the order in which they were sent.
#[derive(Default)]
pub struct Window {
    /// With the bytes of their values.
    sent: VecDeque<(usize, Sending)>,
    bytes: usize,
}

impl Window {
    /// Adds a record, whose value has this many bytes.
    pub fn push(&mut self, bytes: usize, sending: Sending) {
        self.sent.push_back((bytes, sending));
        self.bytes += bytes;
    }

    /// Takes the record that must be waited for before one is sent whose value has this many bytes; none if there is
    /// room for it.
    pub fn pop_for(&mut self, bytes: usize) -> Option<Sending> {
        let is_full =
            self.sent.len() >= MAX_RECORDS || !self.sent.is_empty() && self.bytes.saturating_add(bytes) > MAX_BYTES;
        if is_full { self.pop() } else { None }
    }

    /// Takes the record that was sent first.
    pub fn pop(&mut self) -> Option<Sending> {
        let (bytes, sending) = self.sent.pop_front()?;
        self.bytes -= bytes;
        Some(sending)
    }
}
