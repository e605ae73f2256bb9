//! The settings of TLS, and what is wrong with them.

use std::path::PathBuf;
use std::time::SystemTime;

use super::files::{Audience, TlsFiles};
use crate::Settings;

/// The variables of clients' TLS and of operators'.
pub const VARIABLES: [[&str; 3]; 2] = [
    ["TLS_CERTIFICATE", "TLS_KEY", "TLS_CLIENT_CA"],
    ["ADMIN_TLS_CERTIFICATE", "ADMIN_TLS_KEY", "ADMIN_TLS_CLIENT_CA"],
];

/// What they mean.
const MEANINGS: [[&str; 3]; 2] = [
    [
        "PEM file of the certificate and its chain: PORT takes only TLS; read again when it changes",
        "PEM file of its key, without a passphrase",
        "PEM file of authorities: clients must show a certificate by one of them (mutual TLS)",
    ],
    ["as TLS_CERTIFICATE, for ADMIN_PORT", "as TLS_KEY, for ADMIN_PORT", "as TLS_CLIENT_CA, for ADMIN_PORT"],
];

impl TlsFiles {
    /// Reads the settings of this audience's listener, and what is in the files; `settings` collects the errors.
    pub fn read(settings: &mut Settings<'_>, audience: Audience) -> Option<Self> {
        let names = VARIABLES[audience as usize];
        let meanings = MEANINGS[audience as usize];
        let mut paths = names.into_iter().zip(meanings).map(|(name, meaning)| {
            settings.read(name, "", meaning, |text| Ok((!text.is_empty()).then(|| PathBuf::from(text))))
        });
        let (certificate, key, client_ca) = (paths.next()?, paths.next()?, paths.next()?);
        let [of_certificate, of_key, of_client_ca] = names;
        let files = match (certificate, key) {
            (Some(certificate), Some(key)) => Self { audience, certificate, key, client_ca },
            (Some(_), None) => {
                settings.error(of_key, format!("must be set, because {of_certificate} is"));
                return None;
            }
            (None, Some(_)) => {
                settings.error(of_certificate, format!("must be set, because {of_key} is"));
                return None;
            }
            (None, None) => {
                if client_ca.is_some() {
                    settings.error(of_client_ca, format!("needs {of_certificate} and {of_key}"));
                }
                return None;
            }
        };
        match files.load() {
            Ok(loaded) if loaded.expiry <= SystemTime::now() => settings.warning(of_certificate, files.expired()),
            Ok(_) => {}
            Err(fault) => settings.error(names[fault.part as usize], fault.reason),
        }
        Some(files)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use stack::certificates::Authority;

    use super::*;

    /// The files that are set, if they can be used, the errors and the warnings.
    fn read(set: &[(&str, &Path)]) -> (Option<TlsFiles>, Vec<String>, Vec<String>) {
        let lookup = |name: &str| {
            set.iter().find(|(other, _)| *other == name).map(|(_, path)| path.to_str().unwrap().to_owned())
        };
        let mut settings = Settings::new(&lookup);
        let files = TlsFiles::read(&mut settings, Audience::Clients);
        let warnings = settings.warnings().iter().map(ToString::to_string).collect();
        (files, settings.finish().1.iter().map(ToString::to_string).collect(), warnings)
    }

    #[test]
    fn certificate_and_key_are_set_together() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("tests").unwrap();
        let ca = authority.write(directory.path(), "ca.pem").unwrap();
        let own = authority.server(&["localhost"]).unwrap().write(directory.path(), "own").unwrap();
        let (certificate, key, client_ca) =
            (("TLS_CERTIFICATE", &*own.certificate), ("TLS_KEY", &*own.key), ("TLS_CLIENT_CA", &*ca));
        assert_eq!(read(&[]), (None, vec![], vec![]));
        let (files, errors, warnings) = read(&[certificate, key, client_ca]);
        assert_eq!((errors, warnings), (vec![], vec![]));
        let files = files.unwrap();
        assert_eq!(
            (files.certificate, files.key, files.client_ca),
            (own.certificate.clone(), own.key.clone(), Some(ca.clone()))
        );
        for (set, error) in [
            (&[certificate][..], "TLS_KEY: must be set, because TLS_CERTIFICATE is"),
            (&[key], "TLS_CERTIFICATE: must be set, because TLS_KEY is"),
            (&[client_ca], "TLS_CLIENT_CA: needs TLS_CERTIFICATE and TLS_KEY"),
        ] {
            assert_eq!(read(set), (None, vec![error.to_owned()], vec![]));
        }
    }

    #[test]
    fn a_fault_is_named_with_its_variable_and_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let in_directory = |name: &str| directory.path().join(name);
        let authority = Authority::new("tests").unwrap();
        let own = authority.server(&["localhost"]).unwrap().write(directory.path(), "own").unwrap();
        let other = authority.server(&["localhost"]).unwrap().write(directory.path(), "other").unwrap();
        let write = |name: &str, text: &str| std::fs::write(in_directory(name), text).unwrap();
        write("empty", "");
        write("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n");
        write("not-a-certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        write("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
        write(
            "old",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        );
        write("not-a-key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        for (variable, file, reason) in [
            ("TLS_CERTIFICATE", "missing", "cannot read"),
            ("TLS_CERTIFICATE", "empty", "there is no certificate in"),
            ("TLS_CERTIFICATE", "own.key", "there is no certificate in"),
            ("TLS_CERTIFICATE", "cut", "is not PEM"),
            ("TLS_CERTIFICATE", "not-a-certificate", "is not a certificate"),
            ("TLS_KEY", "missing", "cannot read"),
            ("TLS_KEY", "empty", "there is no key in"),
            ("TLS_KEY", "own.pem", "there is no key in"),
            ("TLS_KEY", "encrypted", "has a passphrase: remove it"),
            ("TLS_KEY", "old", "has a passphrase: remove it"),
            ("TLS_KEY", "not-a-key", "cannot be used"),
            ("TLS_KEY", "other.key", "does not belong to the certificate in"),
            ("TLS_CLIENT_CA", "missing", "cannot read"),
            ("TLS_CLIENT_CA", "empty", "there is no certificate in"),
            ("TLS_CLIENT_CA", "not-a-certificate", "is not a certificate"),
        ] {
            let path = in_directory(file);
            let mut set = vec![("TLS_CERTIFICATE", &*own.certificate), ("TLS_KEY", &*own.key)];
            set.retain(|(name, _)| *name != variable);
            set.push((variable, &path));
            let (_, errors, _) = read(&set);
            let [error] = &errors[..] else { panic!("{variable}={file}: {errors:?}") };
            assert!(error.starts_with(&format!("{variable}: ")), "{file}: {error}");
            assert!(error.contains(reason) && error.contains(file), "{file}: {error}");
        }
        assert!(other.key.exists());
    }

    #[test]
    fn an_expired_certificate_is_a_warning() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("tests").unwrap();
        let own = authority.expired(&["localhost"]).unwrap().write(directory.path(), "own").unwrap();
        let (files, errors, warnings) = read(&[("TLS_CERTIFICATE", &own.certificate), ("TLS_KEY", &own.key)]);
        assert!(files.is_some() && errors.is_empty(), "{errors:?}");
        assert!(warnings.len() == 1 && warnings[0].contains("has expired"), "{warnings:?}");
    }
}
