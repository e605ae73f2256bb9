//! Who the client is, in rskafka's terms.

use std::sync::Arc;

use rskafka::client::{Credentials, OauthBearerCredentials, SaslConfig};
use service::cluster::{Mechanism, Sasl};

use super::tokens::Tokens;

/// What rskafka needs for one connection. A password is read now, a token fetched unless one is there.
///
/// # Errors
/// When the password cannot be read, or no token comes.
pub(super) async fn config(sasl: &Sasl, tokens: &Tokens) -> anyhow::Result<SaslConfig> {
    Ok(match sasl {
        Sasl::Password { mechanism, username, password } => {
            let credentials = Credentials::new(username.clone(), password.read()?);
            match mechanism {
                Mechanism::Plain => SaslConfig::Plain(credentials),
                Mechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
                Mechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
            }
        }
        Sasl::Token(source) => {
            let token = tokens.valid(source).await?.text;
            let callback = move || -> futures_util::future::BoxFuture<'static, _> {
                let token = token.clone();
                Box::pin(async move { Ok(token) })
            };
            SaslConfig::Oauthbearer(OauthBearerCredentials {
                callback: Arc::new(callback),
                authz_id: None,
                bearer_kvs: Vec::new(),
            })
        }
    })
}
