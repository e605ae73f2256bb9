//! Why a TLS handshake failed, as a metric's label. The reasons are bounded, whatever a client sends.

use std::io;

use tokio_rustls::rustls::Error;

/// Why there is no encrypted connection; a label's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It took too long.
    Timeout,
    /// It was the oldest of too many.
    Displaced,
    /// The client has gone.
    Closed,
    /// What came is not TLS.
    NotTls,
    /// The client showed no certificate where it must.
    NoCertificate,
    /// The client's certificate is not accepted.
    WrongCertificate,
    /// The client does not accept ours, or something else of the connection.
    Refused,
    /// No version, cipher or protocol in common.
    Incompatible,
    Other,
}

impl Failure {
    pub(super) const ALL: [Self; 9] = [
        Self::Timeout,
        Self::Displaced,
        Self::Closed,
        Self::NotTls,
        Self::NoCertificate,
        Self::WrongCertificate,
        Self::Refused,
        Self::Incompatible,
        Self::Other,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Displaced => "displaced",
            Self::Closed => "closed",
            Self::NotTls => "not_tls",
            Self::NoCertificate => "no_certificate",
            Self::WrongCertificate => "wrong_certificate",
            Self::Refused => "refused",
            Self::Incompatible => "incompatible",
            Self::Other => "other",
        }
    }

    pub(super) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
            Some(Error::AlertReceived(_)) => Self::Refused,
            Some(Error::NoCertificatesPresented) => Self::NoCertificate,
            Some(Error::InvalidCertificate(_)) => Self::WrongCertificate,
            Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => Self::Incompatible,
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(_) => Self::Other,
            None => Self::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_reason_has_its_label_and_its_place() {
        let labels: BTreeSet<_> = Failure::ALL.iter().map(|failure| failure.label()).collect();
        assert_eq!(labels.len(), Failure::ALL.len());
        assert!(Failure::ALL.iter().enumerate().all(|(place, failure)| *failure as usize == place));
    }

    #[test]
    fn what_is_not_an_error_of_tls_means_that_the_client_has_gone() {
        assert_eq!(Failure::of(&io::ErrorKind::UnexpectedEof.into()), Failure::Closed);
        assert_eq!(Failure::of(&io::Error::other(Error::NoCertificatesPresented)), Failure::NoCertificate);
    }
}
