//! Where a Kafka cluster is, and how the connections to it are secured, in Kafka's own words. Settings alone: the crate
//! `kafka` connects.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::secrets::{Files, Secret};

mod read;

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Bootstrap addresses, host:port.
    pub brokers: Vec<String>,
    /// How each connection is secured.
    pub security: Security,
}

/// How a connection is secured. The default is not at all (`PLAINTEXT`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// The connection is encrypted, and the broker shows a certificate for its host name.
    pub tls: Option<Tls>,
    /// Who the client is, and how it shows that.
    pub sasl: Option<Sasl>,
}

/// The files of an encrypted connection, all PEM. They are read again for each connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that sign the brokers' certificates; those of the system if it is `None`.
    pub ca: Option<PathBuf>,
    /// The client's own certificate.
    pub identity: Option<Identity>,
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// Its key, without a password.
    pub key: PathBuf,
}

/// A user, and how he shows that he is the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sasl {
    /// By a password.
    Password {
        /// How the password is shown.
        mechanism: Mechanism,
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// By a token (`OAUTHBEARER`).
    Token(TokenSource),
}

/// How a password is shown to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// As it is.
    Plain,
    /// By a proof that does not reveal it.
    ScramSha256,
    /// By a proof that does not reveal it.
    ScramSha512,
}

/// Where tokens come from: an OAuth 2 token endpoint, by the grant `client_credentials`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSource {
    /// Its URL, `http` or `https`.
    pub endpoint: String,
    /// The client there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// What the token is asked for, if the endpoint needs to know.
    pub scope: Option<String>,
}

impl Cluster {
    /// A cluster without security. `brokers` are bootstrap addresses, host:port, comma-separated.
    pub fn plaintext(brokers: &str) -> Self {
        let brokers = brokers.split(',').map(|broker| broker.trim().to_owned()).collect();
        Self { brokers, security: Security::default() }
    }

    /// The bootstrap addresses, comma-separated.
    pub fn bootstrap(&self) -> String {
        self.brokers.join(",")
    }
}

impl Security {
    /// All files that connections are made from.
    pub fn files(&self) -> Files {
        let secret = match &self.sasl {
            Some(Sasl::Password { password, .. }) => password.path(),
            Some(Sasl::Token(source)) => source.client_secret.path(),
            None => None,
        };
        let of_tls = self.tls.iter().flat_map(Tls::paths);
        of_tls.chain(secret.map(Path::to_owned)).collect()
    }

    /// Its name in Kafka (`security.protocol`).
    pub fn protocol(&self) -> &'static str {
        match (&self.tls, &self.sasl) {
            (None, None) => "PLAINTEXT",
            (Some(_), None) => "SSL",
            (None, Some(_)) => "SASL_PLAINTEXT",
            (Some(_), Some(_)) => "SASL_SSL",
        }
    }
}

impl Tls {
    /// The files.
    pub fn files(&self) -> Files {
        self.paths().collect()
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let identity = self.identity.iter().flat_map(|identity| [&identity.certificate, &identity.key]);
        self.ca.iter().chain(identity).cloned()
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        })
    }
}
