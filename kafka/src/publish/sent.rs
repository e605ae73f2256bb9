//! The moment at which a batch is on the wire and not acknowledged, for tests that kill the producer there. Builds
//! without the cargo feature `failpoints` have none of this.

/// The future as it is: this build has no failpoints.
#[cfg(not(feature = "failpoints"))]
pub(super) fn reaching_sent<F: Future>(producing: F) -> F {
    producing
}

/// The same future; it reaches [`service::failpoint::Step::ProduceSent`] when its request is written.
///
/// rskafka writes in the first poll: a lane's connection is open, no one else uses it, and the kernel takes a batch at
/// once. Only the acknowledgement is then missing, and it is not looked at before the step. tokio's budget must not end
/// the first poll early, hence `unconstrained`. Only where rskafka must reconnect, or the kernel's buffer is full, does
/// the step come before the last byte.
#[cfg(feature = "failpoints")]
pub(super) async fn reaching_sent<T>(producing: impl Future<Output = T>) -> T {
    use futures_util::FutureExt;
    use service::failpoint::{Step, reach};

    let mut producing = std::pin::pin!(tokio::task::unconstrained(producing));
    if let Some(done) = (&mut producing).now_or_never() {
        return done;
    }
    reach(Step::ProduceSent);
    producing.await
}
