//! The authorities that other servers' certificates may be of.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Those in this PEM file, or those of the system.
///
/// # Errors
/// When there are none.
pub fn roots(file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            for certificate in certificates(file)? {
                roots
                    .add(certificate)
                    .with_context(|| format!("a certificate in {} cannot be used", file.display()))?;
            }
        }
        None => {
            let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            ensure!(added > 0, "this system has no certificate authorities: install ca-certificates, or set a file");
        }
    }
    Ok(roots)
}

/// All certificates of a PEM file.
///
/// # Errors
/// When there are none.
pub fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let cannot = || format!("cannot read certificates (PEM) from {}", file.display());
    let found = CertificateDer::pem_file_iter(file).with_context(cannot)?;
    let found = found.collect::<Result<Vec<_>, _>>().with_context(cannot)?;
    if found.is_empty() {
        bail!("{}: there are none", cannot());
    }
    Ok(found)
}
