//! What an error of a connection means, in words that say what to do. Pure.

use std::error::Error;
use std::io;

use rskafka::client::error::ProtocolError;
use rskafka::messenger::{RequestError, SaslError, SyncVersionsError};
use rskafka::protocol::frame::ReadError;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};

/// The error, or what it means if that is known, with its last cause.
pub(crate) fn named(error: anyhow::Error) -> anyhow::Error {
    match error.chain().find_map(meaning) {
        Some((meaning, cause)) => anyhow::anyhow!("{meaning} ({cause})"),
        None => error,
    }
}

/// A meaning, and the cause in the words of the library.
type Meaning = (&'static str, String);

fn meaning(error: &(dyn Error + 'static)) -> Option<Meaning> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        of_io(error)
    } else if let Some(error) = error.downcast_ref::<SaslError>() {
        of_sasl(error)
    } else if let Some(SyncVersionsError::RequestError(error)) = error.downcast_ref::<SyncVersionsError>() {
        of_request(error)
    } else {
        error.downcast_ref::<RequestError>().and_then(of_request)
    }
}

fn of_request(error: &RequestError) -> Option<Meaning> {
    match error {
        RequestError::IO(error) | RequestError::ReadFramedMessageError(ReadError::IO(error)) => of_io(error),
        RequestError::Poisoned(error) => of_request(error),
        _ => None,
    }
}

fn of_io(error: &io::Error) -> Option<Meaning> {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let meaning = "the broker closed the connection, as it does where its listener asks for TLS, for none, or for \
                       a user: see KAFKA_SECURITY_PROTOCOL";
        return Some((meaning, error.to_string()));
    }
    let error = error.get_ref()?.downcast_ref::<TlsError>()?;
    of_tls(error).map(|meaning| (meaning, error.to_string()))
}

fn of_tls(error: &TlsError) -> Option<&'static str> {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    match error {
        TlsError::InvalidCertificate(UnknownIssuer) => {
            Some("the certificate is of an unknown authority, see KAFKA_SSL_CA")
        }
        TlsError::InvalidCertificate(Expired | ExpiredContext { .. }) => Some("the certificate has expired"),
        TlsError::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            Some("the certificate is not valid yet")
        }
        TlsError::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            Some("the certificate does not name this host")
        }
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("the listener is not encrypted, see KAFKA_SECURITY_PROTOCOL")
        }
        TlsError::AlertReceived(alert) => Some(of_alert(*alert)),
        _ => None,
    }
}

/// An alert is what the other side says of us.
fn of_alert(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateExpired => "the client's certificate has expired, see KAFKA_SSL_CERTIFICATE",
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::HandshakeFailure => {
            "the broker asks for a client certificate that it accepts, see KAFKA_SSL_CERTIFICATE"
        }
        _ => "the broker ended the TLS handshake",
    }
}

fn of_sasl(error: &SaslError) -> Option<Meaning> {
    let (meaning, cause): (_, &dyn Error) = match error {
        SaslError::ApiError(cause @ ProtocolError::SaslAuthenticationFailed) => {
            ("the broker does not accept this user with this password or token, see KAFKA_SASL_USERNAME", cause)
        }
        SaslError::ApiError(cause @ ProtocolError::UnsupportedSaslMechanism) => {
            ("the broker does not offer this mechanism, see KAFKA_SASL_MECHANISM", cause)
        }
        SaslError::ApiError(cause @ ProtocolError::IllegalSaslState) => {
            ("the listener asks for no user, see KAFKA_SECURITY_PROTOCOL", cause)
        }
        SaslError::UnsupportedSaslMechanism => {
            ("the broker does not offer this mechanism, see KAFKA_SASL_MECHANISM", error)
        }
        SaslError::SaslSessionError(cause) => ("the broker does not prove that it knows the password", cause),
        SaslError::RequestError(error) => return of_request(error),
        _ => return None,
    };
    Some((meaning, cause.to_string()))
}
