//! The options that let requests in at `--target`: TLS, headers, tokens.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::base::exit::Unusable;
use crate::load::access::{Access, Header, Token};
use crate::load::secure::SecureFiles;
use crate::pipeline::under_test::Accesses;

#[derive(Debug, Args)]
pub(crate) struct AccessOptions {
    /// PEM file of the authority that has signed the certificate of an https target [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "target")]
    ca: Option<PathBuf>,
    /// PEM file of the certificate to show to an https target, with its chain
    #[arg(long, value_name = "FILE", requires_all = ["target", "client_key"])]
    client_certificate: Option<PathBuf>,
    /// PEM file of its key
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// A header of each request to --target, such as 'X-API-Key: value', may be repeated; other users of this machine
    /// can see it, unlike the content of --token-file
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", requires = "target", value_parser = Header::parse)]
    headers: Vec<Header>,
    /// File of the token that each request to --target carries as Authorization: Bearer; it is read again when it
    /// changes
    #[arg(long, value_name = "FILE", requires = "target")]
    token_file: Option<PathBuf>,
    /// The same for --target-metrics, which gets neither --header nor --token-file
    #[arg(long, value_name = "FILE", requires = "target_metrics")]
    metrics_token_file: Option<PathBuf>,
}

/// The same for processes that the lab starts itself.
#[derive(Debug, Args)]
pub(crate) struct OwnAccessOptions {
    /// PEM file of the authority that has signed TLS_CERTIFICATE, which must be for 127.0.0.1: requests go over https
    /// then. Without it the processes have no TLS, whatever the environment says
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A header of each request, such as 'X-API-Key: value', where the environment has API_KEYS_FILE; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = Header::parse)]
    headers: Vec<Header>,
    /// File of the token that each request carries as Authorization: Bearer; it is read again when it changes
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl OwnAccessOptions {
    /// What they say, with the token of its file.
    ///
    /// # Errors
    /// When the file of the token cannot be used.
    pub(crate) fn access(&self) -> Result<Arc<Access>, Unusable> {
        let files = SecureFiles { ca: self.ca.clone(), own: None };
        let token = self.token_file.as_ref().map(|path| Token::read("--token-file", path)).transpose()?;
        Ok(Arc::new(Access { files, headers: self.headers.clone(), token }))
    }
}

impl AccessOptions {
    /// What they say, with the tokens of their files.
    ///
    /// # Errors
    /// When a file of a token cannot be used.
    pub(crate) fn accesses(&self) -> Result<Accesses, Unusable> {
        let own = self.client_certificate.clone().zip(self.client_key.clone());
        let files = SecureFiles { ca: self.ca.clone(), own };
        let token = |option, path: &Option<PathBuf>| path.as_ref().map(|path| Token::read(option, path)).transpose();
        let of_clients = Access {
            files: files.clone(),
            headers: self.headers.clone(),
            token: token("--token-file", &self.token_file)?,
        };
        let token = token("--metrics-token-file", &self.metrics_token_file)?;
        let of_operators = Access { files, headers: Vec::new(), token };
        Ok(Accesses { clients: Arc::new(of_clients), operators: Arc::new(of_operators) })
    }
}
