//! Certificates for tests and try-outs: an authority of one's own, and what it signs for servers and clients, as PEM
//! files that every program here reads. Keys are ECDSA on P-256, in PKCS#8.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority that signs certificates. Each one has another key, even under the same name.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate, followed by that of its authority, as PEM.
    pub chain: String,
    /// The key, as PEM.
    pub key: String,
}

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// [`Certificate::chain`].
    pub certificate: PathBuf,
    /// [`Certificate::key`]; only its owner can read it.
    pub key: PathBuf,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its first moment.
    pub from: SystemTime,
    /// Its last moment.
    pub until: SystemTime,
}

impl Validity {
    /// From yesterday, because clocks differ, for this long from now.
    pub fn during(time: Duration) -> Self {
        let now = SystemTime::now();
        Self { from: now - DAY, until: now + time }
    }

    /// It ended yesterday.
    pub fn over() -> Self {
        let now = SystemTime::now();
        Self { from: now - 30 * DAY, until: now - DAY }
    }
}

impl Authority {
    /// An authority of this name, for ten years.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let mut wanted = wanted(name, &[], Validity::during(3652 * DAY))?;
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(wanted, KeyPair::generate().context("cannot make a key")?);
        Ok(Self(issuer.context("cannot make an authority's certificate")?))
    }

    /// Its own certificate, as PEM: what clients must trust.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes [`Self::pem`] to a file of this name in a directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, directory: &Path, name: &str) -> anyhow::Result<PathBuf> {
        write(directory.join(name), &self.pem(), 0o644)
    }

    /// A server's, for these names and addresses, for 30 days.
    ///
    /// # Errors
    /// When a name cannot be in a certificate.
    pub fn server(&self, names: &[&str]) -> anyhow::Result<Certificate> {
        self.server_during(names, Validity::during(30 * DAY))
    }

    /// A server's whose time is over.
    ///
    /// # Errors
    /// When a name cannot be in a certificate.
    pub fn expired(&self, names: &[&str]) -> anyhow::Result<Certificate> {
        self.server_during(names, Validity::over())
    }

    /// A server's that is valid at that time.
    ///
    /// # Errors
    /// When a name cannot be in a certificate.
    pub fn server_during(&self, names: &[&str], validity: Validity) -> anyhow::Result<Certificate> {
        let common = names.first().copied().unwrap_or("server");
        self.sign(wanted(common, names, validity)?, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's, with this common name, for 30 days.
    ///
    /// # Errors
    /// When the name cannot be in a certificate.
    pub fn client(&self, name: &str) -> anyhow::Result<Certificate> {
        self.client_during(name, Validity::during(30 * DAY))
    }

    /// A client's that is valid at that time.
    ///
    /// # Errors
    /// When the name cannot be in a certificate.
    pub fn client_during(&self, name: &str, validity: Validity) -> anyhow::Result<Certificate> {
        self.sign(wanted(name, &[], validity)?, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, mut wanted: CertificateParams, usage: ExtendedKeyUsagePurpose) -> anyhow::Result<Certificate> {
        wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        wanted.extended_key_usages = vec![usage];
        wanted.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().context("cannot make a key")?;
        let certificate = wanted.signed_by(&key, &self.0).context("cannot sign a certificate")?;
        Ok(Certificate { chain: certificate.pem() + &self.pem(), key: key.serialize_pem() })
    }
}

impl Certificate {
    /// Writes `<name>.pem` and `<name>.key` to a directory, or replaces them.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, directory: &Path, name: &str) -> anyhow::Result<CertificateFiles> {
        let certificate = write(directory.join(format!("{name}.pem")), &self.chain, 0o644)?;
        let key = write(directory.join(format!("{name}.key")), &self.key, 0o600)?;
        Ok(CertificateFiles { certificate, key })
    }
}

fn wanted(common_name: &str, names: &[&str], validity: Validity) -> anyhow::Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut wanted = CertificateParams::new(names).context("a name cannot be in a certificate")?;
    wanted.distinguished_name.remove(DnType::CommonName);
    wanted.distinguished_name.push(DnType::CommonName, common_name);
    let epoch = date_time_ymd(1970, 1, 1);
    let since_epoch = |time: SystemTime| time.duration_since(UNIX_EPOCH).context("a time before 1970");
    (wanted.not_before, wanted.not_after) = (epoch + since_epoch(validity.from)?, epoch + since_epoch(validity.until)?);
    Ok(wanted)
}

/// Replaces the file in one step, so that a program that looks at it sees one text or the other.
fn write(path: PathBuf, text: &str, mode: u32) -> anyhow::Result<PathBuf> {
    let written = || -> std::io::Result<()> {
        let mut fresh = path.clone().into_os_string();
        fresh.push(".new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(fresh, &path)
    };
    written().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_pem_and_only_the_owner_can_read_the_key() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("tests").unwrap();
        let ca = authority.write(directory.path(), "ca.pem").unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert!(read(&ca).starts_with("-----BEGIN CERTIFICATE-----\n"));
        let certificates = [
            authority.server(&["localhost", "127.0.0.1"]),
            authority.client("somebody"),
            authority.expired(&["localhost"]),
        ];
        for certificate in certificates {
            let files = certificate.unwrap().write(directory.path(), "one").unwrap();
            assert!(read(&files.certificate).ends_with(&read(&ca)), "the chain ends with the authority");
            assert!(read(&files.key).starts_with("-----BEGIN PRIVATE KEY-----\n"));
            assert_eq!(files.key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(authority.server(&["näme"]).is_err());
    }
}
