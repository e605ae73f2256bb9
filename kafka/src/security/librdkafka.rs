//! librdkafka's settings for a cluster, and the callbacks that it needs for them.

use std::error::Error;
use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use service::cluster::{Cluster, Sasl, Security, TokenSource};

use super::tokens::Tokens;

/// What every client of the cluster starts from.
///
/// # Errors
/// When the password cannot be read.
pub(crate) fn client_config(cluster: &Cluster, client_id: &str) -> anyhow::Result<ClientConfig> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", cluster.bootstrap()).set("client.id", client_id);
    let Security { tls, sasl } = &cluster.security;
    client.set("security.protocol", cluster.security.protocol());
    if let Some(tls) = tls {
        // The default, but nothing would show that it has changed.
        client.set("ssl.endpoint.identification.algorithm", "https");
        if let Some(ca) = &tls.ca {
            client.set("ssl.ca.location", ca.to_string_lossy());
        }
        if let Some(identity) = &tls.identity {
            client.set("ssl.certificate.location", identity.certificate.to_string_lossy());
            client.set("ssl.key.location", identity.key.to_string_lossy());
        }
    }
    match sasl {
        None => {}
        Some(Sasl::Password { mechanism, username, password }) => {
            client.set("sasl.mechanism", mechanism.to_string());
            client.set("sasl.username", username).set("sasl.password", password.read()?);
        }
        Some(Sasl::Token(_)) => drop(client.set("sasl.mechanism", "OAUTHBEARER")),
    }
    Ok(client)
}

/// Gives librdkafka its tokens, where it needs any. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TokenCallback(Option<Arc<(TokenSource, Tokens)>>);

impl TokenCallback {
    pub(crate) fn new(security: &Security) -> Self {
        Self(match &security.sasl {
            Some(Sasl::Token(source)) => Some(Arc::new((source.clone(), Tokens::new(security)))),
            _ => None,
        })
    }

    /// Whether a client must be polled before it can connect, because only a poll calls back.
    pub(crate) fn is_needed(&self) -> bool {
        self.0.is_some()
    }

    /// A token; blocks until the endpoint has answered.
    ///
    /// # Errors
    /// Why there is none. librdkafka asks again after ten seconds.
    pub(crate) fn token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let Some((source, tokens)) = self.0.as_deref() else { return Err("this cluster asks for no tokens".into()) };
        match tokens.valid_blocking(source) {
            Ok(token) => Ok(OAuthToken {
                token: token.text,
                // librdkafka asks for a name and only logs it.
                principal_name: source.client_id.clone(),
                lifetime_ms: token.expires_ms,
            }),
            Err(error) => {
                let error = format!("{error:#}").replace('\0', " ");
                tracing::warn!(error, "no token for Kafka, trying again");
                Err(error.into())
            }
        }
    }
}

/// The callbacks of a client that has none of its own.
#[derive(Clone)]
pub(crate) struct Callbacks {
    pub(crate) tokens: TokenCallback,
}

impl Callbacks {
    pub(crate) fn new(security: &Security) -> Self {
        Self { tokens: TokenCallback::new(security) }
    }
}

impl ClientContext for Callbacks {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.tokens.token()
    }
}

impl ConsumerContext for Callbacks {}
