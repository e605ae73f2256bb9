//! TLS to a broker, by rustls.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use service::cluster::{Identity, Tls};
use service::secrets::Version;
use service::tls::{certificates, roots};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};

/// Opens encrypted connections. What it has made of its files is kept while they stay the same: the system's
/// authorities are many, and sessions can be resumed.
pub(super) struct TlsClient {
    files: Tls,
    made: Mutex<Option<(Version, TlsConnector)>>,
}

impl TlsClient {
    pub(super) fn new(files: Tls) -> Self {
        Self { files, made: Mutex::default() }
    }

    /// Encrypts a connection to this host, whose certificate must name it.
    ///
    /// # Errors
    /// What is wrong with the files, the broker's certificate or ours.
    pub(super) async fn encrypt(&self, host: &str, stream: TcpStream) -> anyhow::Result<Box<TlsStream<TcpStream>>> {
        let name = ServerName::try_from(host.to_owned()).with_context(|| format!("{host} is no host name"))?;
        Ok(Box::new(self.connector()?.connect(name, stream).await?))
    }

    fn connector(&self) -> anyhow::Result<TlsConnector> {
        let version = self.files.files().version();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((of, connector)) if *of == version => Ok(connector.clone()),
            _ => {
                let connector = TlsConnector::from(Arc::new(client_config(&self.files)?));
                *made = Some((version, connector.clone()));
                Ok(connector)
            }
        }
    }
}

fn client_config(files: &Tls) -> anyhow::Result<ClientConfig> {
    let builder = ClientConfig::builder().with_root_certificates(roots(files.ca.as_deref())?);
    match &files.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(Identity { certificate, key }) => {
            let chain = certificates(certificate)?;
            let cannot = || format!("cannot use the key in {}: it must be PEM, without a password", key.display());
            let private = PrivateKeyDer::from_pem_file(key).with_context(cannot)?;
            let cannot = || format!("the key in {} does not fit {}", key.display(), certificate.display());
            builder.with_client_auth_cert(chain, private).with_context(cannot)
        }
    }
}
