//! The settings of a cluster.

use std::path::PathBuf;

use super::{Cluster, Identity, Mechanism, Sasl, Security, Tls, TokenSource};
use crate::Settings;
use crate::secrets::Secret;

/// `KAFKA_SASL_MECHANISM`.
#[derive(Clone, Copy)]
enum Way {
    Password(Mechanism),
    Token,
}

impl Cluster {
    /// `KAFKA_BROKER` and what secures it.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let meaning = "bootstrap brokers, host:port, comma-separated";
        let brokers = settings.in_kafka("`bootstrap.servers`").text("KAFKA_BROKER", "localhost:9092", meaning);
        Self { security: security(settings), ..Self::plaintext(&brokers) }
    }
}

fn security(settings: &mut Settings<'_>) -> Security {
    let (has_tls, has_sasl) = settings.in_kafka("`security.protocol`").choice(
        "KAFKA_SECURITY_PROTOCOL",
        "PLAINTEXT",
        &[
            ("PLAINTEXT", (false, false)),
            ("SSL", (true, false)),
            ("SASL_PLAINTEXT", (false, true)),
            ("SASL_SSL", (true, true)),
        ],
        "how connections to Kafka are secured: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
    );
    let (tls, sasl) = (tls(settings, has_tls), sasl(settings, has_sasl));
    if let (false, Some(Sasl::Password { mechanism: Mechanism::Plain, .. })) = (has_tls, &sasl) {
        settings.warning("KAFKA_SECURITY_PROTOCOL", "PLAIN sends the password readable by all: prefer SASL_SSL");
    }
    Security { tls, sasl }
}

/// A file in PEM; that it can be read is checked here.
fn pem(settings: &mut Settings<'_>, name: &'static str, meaning: &'static str) -> Option<PathBuf> {
    let path = settings.text(name, "", meaning);
    if path.is_empty() {
        return None;
    }
    let path = PathBuf::from(path);
    if let Err(error) = std::fs::read(&path) {
        settings.error(name, format!("cannot read the file {}: {error}", path.display()));
    }
    Some(path)
}

fn tls(settings: &mut Settings<'_>, is_used: bool) -> Option<Tls> {
    settings.in_kafka("`ssl.ca.location`");
    let ca = pem(settings, "KAFKA_SSL_CA", "authorities of the brokers' certificates, PEM; empty: the system's");
    settings.in_kafka("`ssl.certificate.location`");
    let certificate = pem(settings, "KAFKA_SSL_CERTIFICATE", "the client's certificate for mutual TLS, PEM");
    settings.in_kafka("`ssl.key.location`");
    let key = pem(settings, "KAFKA_SSL_KEY", "its key, PEM, without a password");
    if !is_used && (ca.is_some() || certificate.is_some() || key.is_some()) {
        let set = if ca.is_some() { "KAFKA_SSL_CA" } else { "KAFKA_SSL_CERTIFICATE" };
        settings.warning(set, "has no effect: KAFKA_SECURITY_PROTOCOL is neither SSL nor SASL_SSL");
    }
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            settings.error("KAFKA_SSL_KEY", "must be set, because KAFKA_SSL_CERTIFICATE is");
            None
        }
        (None, Some(_)) => {
            settings.error("KAFKA_SSL_CERTIFICATE", "must be set, because KAFKA_SSL_KEY is");
            None
        }
    };
    is_used.then_some(Tls { ca, identity })
}

fn sasl(settings: &mut Settings<'_>, is_used: bool) -> Option<Sasl> {
    let way = settings.in_kafka("`sasl.mechanism`").choice(
        "KAFKA_SASL_MECHANISM",
        "SCRAM-SHA-512",
        &[
            ("PLAIN", Way::Password(Mechanism::Plain)),
            ("SCRAM-SHA-256", Way::Password(Mechanism::ScramSha256)),
            ("SCRAM-SHA-512", Way::Password(Mechanism::ScramSha512)),
            ("OAUTHBEARER", Way::Token),
        ],
        "how the client shows who it is, with SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER",
    );
    let username =
        settings.in_kafka("`sasl.username`").text("KAFKA_SASL_USERNAME", "", "the user, but for OAUTHBEARER");
    let password = settings.in_kafka("`sasl.password`").secret("KAFKA_SASL_PASSWORD", "the user's password");
    let endpoint = settings.in_kafka("`sasl.oauthbearer.token.endpoint.url`").read(
        "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
        "",
        "where OAUTHBEARER gets its tokens, by the grant client_credentials",
        |text| match text.is_empty() || text.starts_with("https://") || text.starts_with("http://") {
            true => Ok(text.to_owned()),
            false => Err("must be an http or https URL".to_owned()),
        },
    );
    let client_id = settings.in_kafka("`sasl.oauthbearer.client.id`").text(
        "KAFKA_SASL_OAUTHBEARER_CLIENT_ID",
        "",
        "the client at the token endpoint",
    );
    let client_secret = settings
        .in_kafka("`sasl.oauthbearer.client.secret`")
        .secret("KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET", "the client's secret at the token endpoint");
    let scope = settings.in_kafka("`sasl.oauthbearer.scope`").text(
        "KAFKA_SASL_OAUTHBEARER_SCOPE",
        "",
        "scope that the token is asked for; empty is none",
    );
    if !is_used {
        if !username.is_empty() || password.is_some() || client_secret.is_some() {
            settings.warning(
                if username.is_empty() && password.is_none() { "KAFKA_SASL_MECHANISM" } else { "KAFKA_SASL_USERNAME" },
                "has no effect: KAFKA_SECURITY_PROTOCOL is neither SASL_SSL nor SASL_PLAINTEXT",
            );
        }
        return None;
    }
    let with_sasl = "must be set, because KAFKA_SECURITY_PROTOCOL asks for SASL";
    let with_tokens = "must be set, because KAFKA_SASL_MECHANISM is OAUTHBEARER";
    match way {
        Way::Password(mechanism) => {
            require(settings, "KAFKA_SASL_USERNAME", !username.is_empty(), with_sasl);
            let password = required_secret(settings, "KAFKA_SASL_PASSWORD", password, with_sasl);
            Some(Sasl::Password { mechanism, username, password })
        }
        Way::Token => {
            require(settings, "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", !endpoint.is_empty(), with_tokens);
            require(settings, "KAFKA_SASL_OAUTHBEARER_CLIENT_ID", !client_id.is_empty(), with_tokens);
            let name = "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET";
            let client_secret = required_secret(settings, name, client_secret, with_tokens);
            let scope = Some(scope).filter(|scope| !scope.is_empty());
            Some(Sasl::Token(TokenSource { endpoint, client_id, client_secret, scope }))
        }
    }
}

fn require(settings: &mut Settings<'_>, name: &'static str, is_set: bool, why: &str) {
    if !is_set {
        settings.error(name, why);
    }
}

fn required_secret(settings: &mut Settings<'_>, name: &'static str, secret: Option<Secret>, why: &str) -> Secret {
    // A file that cannot be used is an error already.
    require(settings, name, secret.is_some(), why);
    secret.unwrap_or_else(|| Secret::text(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> (Cluster, Vec<String>, Vec<String>) {
        let lookup = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let cluster = Cluster::read(&mut settings);
        let warnings = settings.warnings().iter().map(ToString::to_string).collect();
        (cluster, settings.finish().1.iter().map(ToString::to_string).collect(), warnings)
    }

    #[test]
    fn without_settings_nothing_is_secured() {
        let (cluster, errors, warnings) = read(&[("KAFKA_BROKER", "a:1, b:2")]);
        assert_eq!((cluster.bootstrap().as_str(), cluster.security.protocol()), ("a:1,b:2", "PLAINTEXT"));
        assert_eq!((errors, warnings), (vec![], vec![]));
    }

    #[test]
    fn each_protocol_has_what_it_needs() {
        let user = [("KAFKA_SASL_USERNAME", "me"), ("KAFKA_SASL_PASSWORD", "hunter2")];
        for (protocol, has_tls, has_sasl) in [
            ("PLAINTEXT", false, false),
            ("SSL", true, false),
            ("SASL_PLAINTEXT", false, true),
            ("SASL_SSL", true, true),
        ] {
            let (cluster, errors, warnings) = read(&[&user[..], &[("KAFKA_SECURITY_PROTOCOL", protocol)]].concat());
            let Security { tls, sasl } = &cluster.security;
            assert_eq!((cluster.security.protocol(), tls.is_some(), sasl.is_some()), (protocol, has_tls, has_sasl));
            assert_eq!(errors, [""; 0]);
            assert_eq!(warnings.len(), usize::from(!has_sasl), "{warnings:?}");
            assert!(!format!("{cluster:?}").contains("hunter2"));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let sasl = ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
        let tokens = ("KAFKA_SASL_MECHANISM", "OAUTHBEARER");
        let own = std::env::current_exe().unwrap();
        let own = own.to_str().unwrap();
        for (set, named) in [
            (&[sasl][..], &["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"][..]),
            (
                &[sasl, tokens],
                &[
                    "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
                    "KAFKA_SASL_OAUTHBEARER_CLIENT_ID",
                    "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET",
                ],
            ),
            (&[("KAFKA_SECURITY_PROTOCOL", "ssl")], &["KAFKA_SECURITY_PROTOCOL"]),
            (&[("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_SSL_CA", "/missing")], &["KAFKA_SSL_CA"]),
            (&[("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_SSL_KEY", own)], &["KAFKA_SSL_CERTIFICATE"]),
            (&[("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_SSL_CERTIFICATE", own)], &["KAFKA_SSL_KEY"]),
            (
                &[("KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", "a.example.com")],
                &["KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL"],
            ),
        ] {
            let errors = read(set).1;
            assert_eq!(errors.len(), named.len(), "{errors:?}");
            for (error, name) in errors.iter().zip(named) {
                assert!(error.starts_with(&format!("{name}: ")), "{error}");
            }
        }
    }

    #[test]
    fn a_readable_password_is_warned_about() {
        let plain = [
            ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
            ("KAFKA_SASL_MECHANISM", "PLAIN"),
            ("KAFKA_SASL_USERNAME", "me"),
            ("KAFKA_SASL_PASSWORD", "hunter2"),
        ];
        assert!(read(&plain).2[0].contains("prefer SASL_SSL"));
    }
}
