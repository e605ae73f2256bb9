//! A broker that asks who its clients are: each way in, with both clients of Kafka, and what is said where there is
//! none.

use std::path::PathBuf;

use kafka::Cluster;
use kafka::cluster::{Identity, Mechanism, Sasl, Security, Tls, TokenSource};
use service::secrets::Secret;
use stack::access::{CREATE, READ, Resource, WRITE};
use stack::kafka::secure::tokens::{CLIENT_SECRET, TokenEndpoint};
use stack::kafka::secure::{SecureBroker, password};
use tokio::sync::OnceCell;
use uuid::Uuid;

mod faults;
mod letters;
mod renewal_order;
mod renewals;
mod rights;
mod seen;
mod ways;

/// The user of these tests, by password, token or certificate.
const USER: &str = "worker";

/// A topic and a group of one name, for one test.
struct Place {
    topic: String,
}

/// The broker that the tests share.
async fn broker() -> &'static SecureBroker {
    static SHARED: OnceCell<SecureBroker> = OnceCell::const_new();
    SHARED.get_or_init(async || SecureBroker::start(&[USER]).await.unwrap()).await
}

impl Place {
    fn new() -> Self {
        Self { topic: format!("record-{}", Uuid::now_v7().simple()) }
    }

    /// Lets the user do all that a publisher and a group need here.
    async fn open(&self, broker: &SecureBroker) {
        self.open_for(USER, broker).await;
    }

    /// The same for a user of this name.
    async fn open_for(&self, user: &str, broker: &SecureBroker) {
        let dead_letters = format!("{}.dlq", self.topic);
        for (resource, operation) in [
            (Resource::Topic(&self.topic), CREATE),
            (Resource::Topic(&self.topic), WRITE),
            (Resource::Topic(&self.topic), READ),
            (Resource::Topic(&dead_letters), CREATE),
            (Resource::Topic(&dead_letters), WRITE),
            (Resource::Group(&self.topic), READ),
        ] {
            broker.grant(user, resource, operation).await.unwrap();
        }
    }
}

fn tls(ca: &std::path::Path) -> Option<Tls> {
    Some(Tls { ca: Some(ca.to_owned()), identity: None })
}

fn with_password(mechanism: Mechanism, password: &str) -> Option<Sasl> {
    Some(Sasl::Password { mechanism, username: USER.to_owned(), password: Secret::text(password) })
}

fn at(address: String, tls: Option<Tls>, sasl: Option<Sasl>) -> Cluster {
    Cluster { security: Security { tls, sasl }, ..Cluster::plaintext(&address) }
}

fn identity(broker: &SecureBroker, name: &str) -> Identity {
    let files = broker.client_certificate(name).unwrap();
    Identity { certificate: files.certificate, key: files.key }
}

/// Every way in for the user.
async fn ways(broker: &SecureBroker, tokens: &TokenEndpoint) -> Vec<(&'static str, Cluster)> {
    let users = |sasl| at(broker.users(), tls(&broker.ca), sasl);
    let source = TokenSource {
        endpoint: tokens.url(),
        client_id: USER.to_owned(),
        client_secret: Secret::text(CLIENT_SECRET),
        scope: Some("kafka".to_owned()),
    };
    let own = Some(Tls { ca: Some(broker.ca.clone()), identity: Some(identity(broker, USER)) });
    vec![
        ("SCRAM-SHA-512", users(with_password(Mechanism::ScramSha512, &password(USER)))),
        ("SCRAM-SHA-256", users(with_password(Mechanism::ScramSha256, &password(USER)))),
        ("PLAIN", users(with_password(Mechanism::Plain, &password(USER)))),
        ("OAUTHBEARER", users(Some(Sasl::Token(source)))),
        ("without TLS", at(broker.readable(), None, with_password(Mechanism::ScramSha512, &password(USER)))),
        ("mutual TLS", at(broker.mutual(), own, None)),
    ]
}

fn missing() -> PathBuf {
    PathBuf::from("missing.pem")
}
