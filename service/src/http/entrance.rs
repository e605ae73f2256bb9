//! Where connections come in: a listener, with TLS or without.

use tokio::net::TcpListener;

use crate::tls::{Answering, TlsFiles};

/// A listener, and what it answers with if it takes TLS.
pub struct Entrance {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Answering>,
}

impl Entrance {
    /// This listener, with TLS if there are files for it.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn new(listener: TcpListener, tls: Option<&TlsFiles>) -> anyhow::Result<Self> {
        let tls = tls.map(|files| Answering::new(files.clone())).transpose()?;
        Ok(Self { listener, tls })
    }
}

impl From<TcpListener> for Entrance {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}
