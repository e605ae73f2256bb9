//! A broker that asks who its clients are: by password, token or certificate, over TLS. Beside its secured listeners it
//! has the one that asks for nothing, whose clients may do everything: tests set it up from there.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{BrokerOptions, Listener, command, start};
use crate::access::{Operation, Resource, grant, withdraw};
use crate::certificates::{Authority, CertificateFiles};
use crate::server::Server;
use crate::{environment, free_port};

pub mod tokens;

/// Users with a password (SCRAM and PLAIN), and what it is: the same as the name and this.
const PASSWORD_SUFFIX: &str = "-password";

/// Asks for a user and a password or a token, over TLS.
const USERS: &str = "USERS";
/// Asks for a client's certificate.
const MUTUAL: &str = "MUTUAL";
/// Asks for a user and a password, without TLS.
const READABLE: &str = "READABLE";
/// Shows a certificate whose time is over.
const EXPIRED: &str = "EXPIRED";
/// Shows the certificate of another host.
const ELSEWHERE: &str = "ELSEWHERE";

/// The mechanisms of the listeners that ask for a user.
const MECHANISMS: &str = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER";

/// Nobody may do anything that no rule allows, but for those who come without a name.
const AUTHORIZER: &str = "\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
";

/// The broker, and the files that its clients need.
pub struct SecureBroker {
    /// The broker. Its own address asks for nothing.
    pub server: Server,
    /// The authority of its certificates.
    pub authority: Authority,
    /// The authority's certificate, PEM.
    pub ca: PathBuf,
    /// The certificate of an authority that has signed none of them, PEM.
    pub unknown_ca: PathBuf,
    directory: tempfile::TempDir,
    listeners: Vec<Listener>,
}

impl SecureBroker {
    /// Starts it with these users.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn start(users: &[&str]) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a directory for certificates")?;
        let path = directory.path();
        let (authority, unknown) = (Authority::new("Test authority")?, Authority::new("Another authority")?);
        let ca = authority.write(path, "ca.pem")?;
        let unknown_ca = unknown.write(path, "unknown-ca.pem")?;
        let listener = |name, protocol| Listener { name, protocol, port: free_port() };
        let listeners = vec![
            listener(USERS, "SASL_SSL"),
            listener(MUTUAL, "SSL"),
            listener(READABLE, "SASL_PLAINTEXT"),
            listener(EXPIRED, "SSL"),
            listener(ELSEWHERE, "SSL"),
        ];
        let mut properties = AUTHORIZER.to_owned();
        let certificates = [
            (USERS, authority.server(&["localhost"])?),
            (MUTUAL, authority.server(&["localhost"])?),
            (EXPIRED, authority.expired(&["localhost"])?),
            (ELSEWHERE, authority.server(&["elsewhere.example.com"])?),
        ];
        for (name, certificate) in certificates {
            let store = path.join(format!("{name}.pem"));
            std::fs::write(&store, certificate.key + &certificate.chain).context("cannot write a certificate")?;
            properties += &tls_properties(name, &store, &ca);
        }
        properties += "listener.name.mutual.ssl.client.auth=required\n\
                       ssl.principal.mapping.rules=RULE:^.*CN=([^,]+).*$/$1/\n";
        for name in [USERS, READABLE] {
            properties += &sasl_properties(name, users);
        }
        let add = |user: &&str| {
            ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(|mechanism| {
                ["--add-scram".to_owned(), format!("{mechanism}=[name={user},password={}]", password(user))]
            })
        };
        let options = BrokerOptions {
            listeners: listeners.clone(),
            more_properties: properties,
            more_format_arguments: users.iter().flat_map(add).flatten().collect(),
            ..BrokerOptions::default()
        };
        let server = start(&options, environment).await?;
        Ok(Self { server, authority, ca, unknown_ca, directory, listeners })
    }

    /// Where it asks for a user and a password or a token, over TLS.
    pub fn users(&self) -> String {
        self.listener(USERS)
    }

    /// Where it asks for a client's certificate.
    pub fn mutual(&self) -> String {
        self.listener(MUTUAL)
    }

    /// Where it asks for a user and a password, without TLS.
    pub fn readable(&self) -> String {
        self.listener(READABLE)
    }

    /// Where its certificate has expired.
    pub fn expired(&self) -> String {
        self.listener(EXPIRED)
    }

    /// Where its certificate is of another host.
    pub fn elsewhere(&self) -> String {
        self.listener(ELSEWHERE)
    }

    /// A client's certificate with this name, and its key.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn client_certificate(&self, name: &str) -> anyhow::Result<CertificateFiles> {
        self.authority.client(name)?.write(self.directory.path(), name)
    }

    /// A file of this name in the broker's directory of certificates, with this text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).context("cannot write a file")?;
        Ok(path)
    }

    /// Lets a user do this.
    ///
    /// # Errors
    /// When the broker does not make the rule.
    pub async fn grant(&self, user: &str, resource: Resource<'_>, operation: Operation) -> anyhow::Result<()> {
        grant(&self.server.address(), user, resource, operation).await
    }

    /// Takes that back.
    ///
    /// # Errors
    /// When the broker does not delete the rule.
    pub async fn withdraw(&self, user: &str, resource: Resource<'_>, operation: Operation) -> anyhow::Result<()> {
        withdraw(&self.server.address(), user, resource, operation).await
    }

    /// Gives a user another password, for SCRAM-SHA-512.
    ///
    /// # Errors
    /// When the broker does not take it.
    pub async fn change_password(&self, user: &str, password: &str) -> anyhow::Result<()> {
        let address = self.server.address();
        let passwords = format!("SCRAM-SHA-512=[password={password}]");
        let arguments = ["--bootstrap-server", &address, "--alter", "--add-config", &passwords];
        let of_user = ["--entity-type", "users", "--entity-name", user];
        command("kafka.admin.ConfigCommand", &[&arguments[..], &of_user].concat(), environment).await
    }

    fn listener(&self, name: &str) -> String {
        let found = self.listeners.iter().find(|listener| listener.name == name);
        format!("localhost:{}", found.expect("every listener is started").port)
    }
}

/// A user's first password.
pub fn password(user: &str) -> String {
    format!("{user}{PASSWORD_SUFFIX}")
}

fn tls_properties(name: &str, store: &Path, ca: &Path) -> String {
    let prefix = format!("listener.name.{}.ssl", name.to_lowercase());
    let (store, ca) = (store.display(), ca.display());
    format!(
        "{prefix}.keystore.type=PEM\n{prefix}.keystore.location={store}\n\
         {prefix}.truststore.type=PEM\n{prefix}.truststore.location={ca}\n"
    )
}

/// Sessions are short, so that clients must show again who they are while they work.
fn sasl_properties(name: &str, users: &[&str]) -> String {
    let prefix = format!("listener.name.{}", name.to_lowercase());
    let users: String = users.iter().map(|user| format!(" user_{user}=\"{}\"", password(user))).collect();
    let security = "org.apache.kafka.common.security";
    format!(
        "{prefix}.sasl.enabled.mechanisms={MECHANISMS}\n\
         {prefix}.plain.sasl.jaas.config={security}.plain.PlainLoginModule required{users};\n\
         {prefix}.scram-sha-256.sasl.jaas.config={security}.scram.ScramLoginModule required;\n\
         {prefix}.scram-sha-512.sasl.jaas.config={security}.scram.ScramLoginModule required;\n\
         {prefix}.oauthbearer.sasl.jaas.config={security}.oauthbearer.OAuthBearerLoginModule required \
         unsecuredLoginStringClaim_sub=\"broker\";\n\
         {prefix}.scram-sha-256.connections.max.reauth.ms=5000\n\
         {prefix}.scram-sha-512.connections.max.reauth.ms=5000\n\
         {prefix}.oauthbearer.connections.max.reauth.ms=5000\n"
    )
}
