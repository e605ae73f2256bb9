//! Hides the secrets of settings that are shown: in the log's first line, by `--check-config`, on the status page and
//! in reports.

mod files;
mod secret;

pub use files::{Files, Version};
pub use secret::Secret;

/// Shown in place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// A URI's option with one of these words in its name has its value hidden: `tlsCertificateKeyFilePassword`,
/// `authMechanismProperties` (which may hold an `AWS_SESSION_TOKEN`), and whatever drivers add later.
const SECRET_WORDS: [&str; 6] = ["password", "passphrase", "secret", "token", "credential", "properties"];

/// A setting without the secrets of a URI: user name, password, and the values of secret options.
pub fn without_secrets(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    let shown = match rest.rsplit_once('@') {
        // Either the password or an option contains a reserved character; hide both.
        Some((before, _)) if before.contains('?') => HIDDEN.to_owned(),
        Some((_, host)) => format!("{HIDDEN}@{}", without_secret_options(host)),
        None => without_secret_options(rest),
    };
    format!("{scheme}://{shown}")
}

fn without_secret_options(address: &str) -> String {
    let Some((before, options)) = address.split_once('?') else {
        return address.to_owned();
    };
    let options: Vec<String> = options.split('&').map(without_secret_value).collect();
    format!("{before}?{}", options.join("&"))
}

fn without_secret_value(option: &str) -> String {
    match option.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        _ => option.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn user_and_password_are_not_shown() {
        assert_eq!(without_secrets("mongodb://me:p@ss@example.com/db"), "mongodb://***@example.com/db");
        assert_eq!(without_secrets("mongodb://localhost:27017/db"), "mongodb://localhost:27017/db");
        assert_eq!(without_secrets("a@b"), "a@b");
    }

    #[test]
    fn secret_options_are_not_shown_and_the_others_are() {
        for (set, shown) in [
            ("mongodb://host/db?replicaSet=rs0&w=majority", "mongodb://host/db?replicaSet=rs0&w=majority"),
            (
                "mongodb://me:p@host/db?tlsCertificateKeyFilePassword=p&tls=true",
                "mongodb://***@host/db?tlsCertificateKeyFilePassword=***&tls=true",
            ),
            (
                "mongodb://host/?authMechanismProperties=AWS_SESSION_TOKEN:t",
                "mongodb://host/?authMechanismProperties=***",
            ),
            ("mongodb://host/?authMechanismProperties=AWS_SESSION_TOKEN:t@k", "mongodb://***"),
            ("mongodb://me:p?ss@host/db", "mongodb://***"),
            ("mongodb://host/db?tls", "mongodb://host/db?tls"),
        ] {
            assert_eq!(without_secrets(set), shown);
        }
    }

    proptest! {
        #[test]
        fn no_secret_is_shown_wherever_it_stands(secret in "[a-zA-Z0-9:/@?=%,.]{8,20}") {
            // A prefix that no other part of the URI has.
            let secret = format!("S3{secret}");
            for uri in [
                format!("mongodb://me:{secret}@host/db?tls=true"),
                format!("mongodb://{secret}@host:27017,other:27017/db"),
                format!("mongodb://host/db?tls=true&PROXYPASSWORD={secret}&w=1"),
                format!("mongodb://me:{secret}@host/db?authMechanismProperties=AWS_SESSION_TOKEN:{secret}"),
            ] {
                let shown = without_secrets(&uri);
                prop_assert!(!shown.contains(&secret) && !shown.contains("S3"), "{shown}");
            }
        }
    }
}
