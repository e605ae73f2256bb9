//! Certificate and key, ready for connections.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};

use super::contents::Contents;
use super::expiry::not_after;
use super::fault::{Fault, Part};
use super::files::TlsFiles;
use super::own::OwnOrSigned;

/// What the files hold, ready for use.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) config: Arc<ServerConfig>,
    /// When the first certificate of the chain ends.
    pub(crate) expiry: SystemTime,
}

impl TlsFiles {
    /// Reads the files and makes of them what connections need.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub(crate) fn load(&self) -> Result<Loaded, Fault> {
        self.load_from(&Contents::read(self)?)
    }

    /// The same for what was read already.
    pub(super) fn load_from(&self, contents: &Contents) -> Result<Loaded, Fault> {
        let chain = certificates(&contents.certificate, &self.certificate, Part::Certificate)?;
        let of_certificate = |reason: &str| Fault {
            part: Part::Certificate,
            reason: format!("what is in {} {reason}", self.certificate.display()),
        };
        let expiry = chain.iter().map(|certificate| not_after(certificate)).min().flatten();
        let expiry = expiry.ok_or_else(|| of_certificate("is not a certificate"))?;
        let key = key(&contents.key, &self.key)?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]).expect("ring has ciphers for both versions");
        let (authorities, path) = (contents.client_ca.as_ref(), self.client_ca.as_ref());
        let builder = match authorities.zip(path) {
            None => builder.with_no_client_auth(),
            Some((authorities, path)) => {
                let of_authorities = |reason: String| Fault { part: Part::ClientCa, reason };
                let mut roots = RootCertStore::empty();
                for authority in certificates(authorities, path, Part::ClientCa)? {
                    let wrong = |error| format!("what is in {} is not a certificate: {error}", path.display());
                    roots.add(authority).map_err(wrong).map_err(of_authorities)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                let wrong = |error| format!("cannot check clients by {}: {error}", path.display());
                let verifier = verifier.map_err(wrong).map_err(of_authorities)?;
                builder.with_client_cert_verifier(Arc::new(OwnOrSigned { own: chain[0].clone(), signed: verifier }))
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| self.unfitting(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if self.client_ca.is_none() {
            // A client that comes back is spared the signature. Where clients show certificates nobody is: by a ticket
            // one would come in whose certificate, or authority, is not valid any more.
            config.ticketer =
                ring::Ticketer::new().map_err(|error| of_certificate(&format!("cannot be used: {error}")))?;
        } else {
            config.send_tls13_tickets = 0;
        }
        Ok(Loaded { config: Arc::new(config), expiry })
    }

    /// Why certificate and key cannot be used together.
    fn unfitting(&self, error: &Error) -> Fault {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        match error {
            Error::InconsistentKeys(_) => {
                let reason = format!("the key in {key} does not belong to the certificate in {certificate}");
                Fault { part: Part::Key, reason }
            }
            Error::InvalidCertificate(error) => {
                let reason = format!("what is in {certificate} is not a certificate: {error}");
                Fault { part: Part::Certificate, reason }
            }
            error => Fault { part: Part::Key, reason: format!("the key in {key} cannot be used: {error}") },
        }
    }
}

/// All certificates of a file, at least one.
fn certificates(pem: &[u8], path: &Path, part: Part) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let fault = |reason| Fault { part, reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| fault(format!("what is in {} is not PEM: {error}", path.display())))?;
    if found.is_empty() {
        let expected = "it must be PEM, with -----BEGIN CERTIFICATE-----";
        return Err(fault(format!("there is no certificate in {}: {expected}", path.display())));
    }
    Ok(found)
}

/// The first key of a file.
fn key(pem: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let path = path.display();
    let text = String::from_utf8_lossy(pem);
    let reason = if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        format!("the key in {path} has a passphrase: remove it, as `openssl pkey -in {path} -out NEW_FILE` does")
    } else {
        match PrivateKeyDer::from_pem_slice(pem) {
            Ok(key) => return Ok(key),
            Err(pem::Error::NoItemsFound) => {
                format!("there is no key in {path}: it must be PEM, with -----BEGIN PRIVATE KEY-----")
            }
            Err(error) => format!("what is in {path} is not PEM: {error}"),
        }
    };
    Err(Fault { part: Part::Key, reason })
}
