//! The files of a listener's TLS.

use std::path::PathBuf;

/// Whom a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Those who use the service, on `PORT`.
    Clients,
    /// Those who run it, on `ADMIN_PORT`.
    Operators,
}

impl Audience {
    /// The label's value.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Operators => "operators",
        }
    }
}

/// The files of a listener's TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Whom the listener is for.
    pub audience: Audience,
    /// The certificate, followed by its chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Who signs the certificates that clients must show, if they must.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// What to say of a certificate whose time is over.
    pub(super) fn expired(&self) -> String {
        let certificate = self.certificate.display();
        format!("the certificate in {certificate} has expired: clients will refuse it until it is renewed")
    }
}
