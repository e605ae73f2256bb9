//! Opens connections for rskafka's messages.

use anyhow::Context;
use rskafka::client::SaslConfig;
use rskafka::client::error::ProtocolError;
use rskafka::messenger::{Messenger, SaslError};
use service::cluster::{Sasl, Security};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::either::Either;

use super::reasons::named;
use super::sasl;
use super::stream::Stream;
use super::tls::TlsClient;
use super::tokens::Tokens;

/// What secures connections: it keeps what they share, such as sessions and tokens.
pub(crate) struct Connector {
    tls: Option<TlsClient>,
    sasl: Option<(Sasl, Tokens)>,
}

impl Connector {
    pub(crate) fn new(security: &Security) -> Self {
        let sasl = security.sasl.clone().map(|sasl| (sasl, Tokens::new(security)));
        Self { tls: security.tls.clone().map(TlsClient::new), sasl }
    }

    /// A connection to host:port, encrypted if the cluster asks for it.
    ///
    /// # Errors
    /// Why there is none, above all what is wrong with a certificate.
    pub(crate) async fn open(&self, address: &str) -> anyhow::Result<Stream> {
        let stream = TcpStream::connect(address).await?;
        // A frame goes out as a length and the rest: Nagle's algorithm would hold back the rest for 40 ms.
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Either::Left(stream)),
            Some(tls) => Ok(Either::Right(tls.encrypt(host(address)?, stream).await.map_err(named)?)),
        }
    }

    /// What shows the broker who the client is, if the cluster asks for it: a password as its file has it now, or a
    /// token, which may have to be fetched.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn credentials(&self) -> anyhow::Result<Option<SaslConfig>> {
        match &self.sasl {
            Some((sasl, tokens)) => sasl::config(sasl, tokens).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The broker does not accept the user with this password or token. It may do so soon: where a password changes, Kafka
/// has the new one before the client's file does, or after it.
#[derive(Debug)]
pub(crate) struct SignInRefused(anyhow::Error);

impl std::error::Error for SignInRefused {}

impl std::fmt::Display for SignInRefused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:#}", self.0)
    }
}

impl SignInRefused {
    /// Whether this is why a connection could not be made.
    pub(crate) fn is_cause_of(error: &anyhow::Error) -> bool {
        error.chain().any(|cause| cause.is::<Self>())
    }
}

/// Shows the broker who the client is.
///
/// # Errors
/// Why the broker does not take it: above all [`SignInRefused`].
pub(crate) async fn authenticate<S>(messenger: &Messenger<S>, credentials: SaslConfig) -> anyhow::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    messenger.do_sasl(credentials).await.map_err(|error| {
        let is_refused = matches!(&error, SaslError::ApiError(ProtocolError::SaslAuthenticationFailed));
        let error = named(error.into());
        if is_refused { SignInRefused(error).into() } else { error }
    })
}

fn host(address: &str) -> anyhow::Result<&str> {
    let (host, _) = address.rsplit_once(':').with_context(|| format!("{address} is not host:port"))?;
    Ok(host.trim_start_matches('[').trim_end_matches(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_checked_for_the_host_alone() {
        assert_eq!(host("broker.example.com:9093").unwrap(), "broker.example.com");
        assert_eq!(host("[::1]:9093").unwrap(), "::1");
        assert!(host("broker").is_err());
    }
}
