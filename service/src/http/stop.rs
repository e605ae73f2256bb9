//! The two moments of a server's stop.

use tokio_util::sync::CancellationToken;

/// When a server stops. Between the two moments it accepts connections and answers everything: those who send requests
/// here see that it is not ready, and that each connection ends with its answer, and go elsewhere.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Cancelled by the caller, to ask for the stop.
    pub asked: CancellationToken,
    /// Cancelled by the server, once it accepts no more.
    pub closing: CancellationToken,
}

impl From<CancellationToken> for Stop {
    fn from(asked: CancellationToken) -> Self {
        Self { asked, closing: CancellationToken::new() }
    }
}
