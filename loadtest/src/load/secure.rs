//! TLS towards a target: whom it trusts, which certificate it shows, and what is wrong if there is no connection.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore, SignatureScheme};

use crate::base::exit::Unusable;

/// How long a server has to say that it refuses our certificate, or misses one: TLS 1.3 says so after the handshake.
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(300);

/// The files of TLS towards a target.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecureFiles {
    /// Whom to trust; without it, whom the system trusts.
    pub(crate) ca: Option<PathBuf>,
    /// The client's own certificate and its key.
    pub(crate) own: Option<(PathBuf, PathBuf)>,
}

/// How to make a connection to one server an encrypted one.
#[derive(Clone)]
pub(crate) struct Secure {
    config: Arc<ClientConfig>,
    own: Arc<Own>,
    name: ServerName<'static>,
    has_ca: bool,
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Secure {
    /// For the server of this name or address.
    ///
    /// # Errors
    /// When a file cannot be used, or nobody is trusted.
    pub(crate) fn new(files: &SecureFiles, host: &str) -> anyhow::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let roots = match &files.ca {
            Some(path) => authorities(path)?,
            None => system_authorities()?,
        };
        let own = files.own.as_ref().map(|(certificate, key)| own(certificate, key)).transpose()?;
        let own = Arc::new(Own { certificate: own, is_wanted: AtomicBool::new(false) });
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.context("TLS cannot be used")?.with_root_certificates(roots);
        let mut config = builder.with_client_cert_resolver(Arc::clone(&own) as Arc<dyn ResolvesClientCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| Unusable(format!("`{host}` is not a name that a certificate can be for")))?;
        Ok(Self { config: Arc::new(config), own, name, has_ca: files.ca.is_some() })
    }

    /// Makes the connection an encrypted one.
    ///
    /// # Errors
    /// When the handshake fails.
    pub(crate) async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream).await
    }

    /// Connects once, to see whether the server and this client accept each other.
    ///
    /// # Errors
    /// What is wrong, and which option would change it.
    pub(crate) async fn check(&self, stream: TcpStream) -> anyhow::Result<()> {
        let checked = async {
            let mut stream = self.connect(stream).await?;
            if self.own.is_wanted.load(Ordering::Relaxed) {
                let refused = timeout(REFUSAL_TIMEOUT, stream.read_u8()).await;
                if let Ok(Err(error)) = refused {
                    return Err(error);
                }
            }
            Ok(())
        };
        checked.await.map_err(|error| anyhow!(self.reason(&error)))
    }

    fn reason(&self, error: &io::Error) -> String {
        let Some(fault) = error.get_ref().and_then(|error| error.downcast_ref::<Error>()) else {
            let missing = self.own.is_wanted.load(Ordering::Relaxed) && self.own.certificate.is_none();
            let hint = if missing { "; it asked for --client-certificate and --client-key" } else { "" };
            return format!("it ended the connection within the TLS handshake ({error}){hint}");
        };
        let name = self.name.to_str();
        match fault {
            Error::InvalidCertificate(CertificateError::UnknownIssuer) if self.has_ca => {
                "the authorities of --ca have not signed its certificate".to_owned()
            }
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                "nobody whom this system trusts has signed its certificate: name its authority by --ca".to_owned()
            }
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => format!("its certificate is not for {name}: use a name that it has"),
            Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
                "its certificate has expired".to_owned()
            }
            Error::InvalidCertificate(fault) => format!("its certificate cannot be accepted ({fault})"),
            Error::AlertReceived(AlertDescription::CertificateRequired) if self.own.certificate.is_none() => {
                "it wants a client's certificate: give --client-certificate and --client-key".to_owned()
            }
            Error::AlertReceived(alert) if self.own.is_wanted.load(Ordering::Relaxed) => {
                format!("it does not accept the client's certificate ({alert:?})")
            }
            Error::InvalidMessage(_) => "it does not answer with TLS: perhaps its URL begins with http://".to_owned(),
            fault => format!("there is no TLS connection ({fault})"),
        }
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, Unusable> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("--ca", path)? {
        let wrong = |error| Unusable(format!("--ca: what is in {} is not a certificate: {error}", path.display()));
        roots.add(certificate).map_err(wrong)?;
    }
    Ok(roots)
}

fn system_authorities() -> Result<RootCertStore, Unusable> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Unusable("this system trusts no authority: name one by --ca".to_owned()));
    }
    Ok(roots)
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let shown = path.display();
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| Unusable(format!("{option}: cannot read a certificate from {shown}: {error}")))?;
    if read.is_empty() {
        return Err(Unusable(format!("{option}: there is no certificate in {shown}")));
    }
    Ok(read)
}

fn own(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, Unusable> {
    let chain = certificates("--client-certificate", certificate)?;
    let of_key = |error: &dyn fmt::Display| Unusable(format!("--client-key: {}: {error}", key.display()));
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| of_key(&error))?;
    let fitting = CertifiedKey::from_der(chain, private, &ring::default_provider());
    fitting.map(Arc::new).map_err(|error| match error {
        Error::InconsistentKeys(_) => of_key(&format!("it does not belong to {}", certificate.display())),
        error => of_key(&error),
    })
}

/// The client's own certificate, if it has one, for whichever authorities a server names.
#[derive(Debug)]
struct Own {
    certificate: Option<Arc<CertifiedKey>>,
    /// Whether the server has asked for one.
    is_wanted: AtomicBool,
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.is_wanted.store(true, Ordering::Relaxed);
        self.certificate.clone()
    }

    fn has_certs(&self) -> bool {
        self.certificate.is_some()
    }
}
