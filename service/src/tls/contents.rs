//! What the files of TLS hold now.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::fault::{Fault, Part};
use super::files::TlsFiles;

/// The bytes of the files.
pub(super) struct Contents {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) client_ca: Option<Vec<u8>>,
}

/// Stands for the bytes of the files, so that nobody needs to keep a key to notice another one.
pub(super) type Fingerprint = [u8; 32];

impl Contents {
    /// Reads all of them.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, Fault> {
        Ok(Self {
            certificate: bytes(&files.certificate, Part::Certificate)?,
            key: bytes(&files.key, Part::Key)?,
            client_ca: files.client_ca.as_deref().map(|path| bytes(path, Part::ClientCa)).transpose()?,
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut sum = Sha256::new();
        for bytes in [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten() {
            sum.update(bytes.len().to_le_bytes());
            sum.update(bytes);
        }
        sum.finalize().into()
    }
}

fn bytes(path: &Path, part: Part) -> Result<Vec<u8>, Fault> {
    let fault = |error| Fault { part, reason: format!("cannot read the file {}: {error}", path.display()) };
    std::fs::read(path).map_err(fault)
}
