//! A lane's connection to its partition's leader: how large a batch it carries without a stall depends on whether
//! Nagle's algorithm is off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rskafka::client::error::Error;
use rskafka::client::partition::{Compression, PartitionClient};
use rskafka::record::Record;

use super::nodelay::{Nodelay, STALL_FREE_BYTES};
use super::sent::reaching_sent;

/// An acknowledgement that took this long may have waited for a delayed ACK (40 ms).
const STALL: Duration = Duration::from_millis(30);

/// How long Nagle's algorithm is assumed to stay off: rskafka reconnects by itself, without a word.
const TRUSTED: Duration = Duration::from_secs(1);

/// A lane's connection.
pub(super) struct Connection {
    client: PartitionClient,
    nodelay: Arc<Nodelay>,
    /// When Nagle's algorithm was turned off; `None` if that cannot be done here.
    nodelay_since: Option<Instant>,
}

impl Connection {
    /// Turns Nagle's algorithm off, if that can be done here.
    pub(super) async fn new(client: PartitionClient, nodelay: Arc<Nodelay>) -> Self {
        let mut connection = Self { client, nodelay, nodelay_since: None };
        connection.set_nodelay().await;
        connection
    }

    async fn set_nodelay(&mut self) {
        self.nodelay_since = self.nodelay.set().await.then(Instant::now);
    }

    /// Upper bound of the batches that it carries without a stall, in bytes.
    pub(super) fn most_bytes(&self) -> usize {
        if self.nodelay_since.is_some() { usize::MAX } else { STALL_FREE_BYTES }
    }

    /// Sends a batch and returns its records' offsets.
    pub(super) async fn produce(&mut self, records: Vec<Record>, compression: Compression) -> Result<Vec<i64>, Error> {
        let started = Instant::now();
        let offsets = reaching_sent(self.client.produce(records, compression)).await?;
        if self.may_stall(started.elapsed()) {
            self.set_nodelay().await;
        }
        Ok(offsets)
    }

    /// Whether an acknowledgement was so slow that Nagle's algorithm may be on again.
    fn may_stall(&self, took: Duration) -> bool {
        took >= STALL && self.nodelay_since.is_some_and(|since| since.elapsed() >= TRUSTED)
    }
}
