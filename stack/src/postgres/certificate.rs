//! A certificate for `localhost`, and the authority that signed it.

use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::Context;

use super::user::User;
use crate::certificates::{Authority, CertificateFiles};

/// The authority's certificate, in the server's directory.
pub(super) const AUTHORITY: &str = "authority.pem";

/// Makes it for the user of the server, who alone may read the key. It is valid for this name alone, and not for
/// 127.0.0.1. Returns what makes the server use it.
pub(super) fn make(user: Option<&User>, run: &Path) -> anyhow::Result<Vec<String>> {
    let authority = Authority::new("the authority of a PostgreSQL")?;
    authority.write(run, AUTHORITY)?;
    let CertificateFiles { certificate, key } = authority.server(&["localhost"])?.write(run, "server")?;
    if let Some(user) = user {
        chown(&key, Some(user.id), Some(user.group)).context("cannot give the key to PostgreSQL's user")?;
    }
    let files = [("ssl_cert_file", certificate), ("ssl_key_file", key)];
    let files = files.map(|(name, path)| format!("{name}={}", path.display()));
    Ok(["ssl=on".to_owned()].into_iter().chain(files).flat_map(|setting| ["-c".to_owned(), setting]).collect())
}
