//! Starts a lane again that has panicked, and logs it: otherwise there would be one less, and nobody would notice until
//! there is none.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::lane::Lane;

/// Runs a lane to its end, however often it panics. The requests of the batch that it had learn that it is not
/// acknowledged.
pub(super) async fn run(mut lane: Lane) {
    // A lane has no state between two batches but its connection, which a panic leaves half used.
    while AssertUnwindSafe(lane.run()).catch_unwind().await.is_err() {
        tracing::error!(broker = lane.broker, "a lane has panicked, starting it again");
        lane.connection = None;
    }
}
