//! What is said where there is no way in.

use kafka::cluster::{Identity, Mechanism, Tls};
use kafka::reach;
use stack::kafka::secure::password;

use super::{at, broker, identity, missing, tls, with_password};

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_connection_is_named() {
    let broker = broker().await;
    let right = || with_password(Mechanism::ScramSha512, &password(super::USER));
    let ca = || tls(&broker.ca);
    let users = broker.users();
    let by_address = users.replace("localhost", "127.0.0.1");
    let with = |identity| Some(Tls { ca: Some(broker.ca.clone()), identity: Some(identity) });
    let stranger = stack::certificates::Authority::new("Stranger").unwrap().client("worker").unwrap();
    let key = broker.file("stranger.key", &stranger.key).unwrap();
    let certificate = broker.file("stranger.pem", &stranger.chain).unwrap();
    let own = identity(broker, "own");
    for (cluster, named) in [
        (at(users.clone(), tls(&broker.unknown_ca), right()), "unknown authority, see KAFKA_SSL_CA"),
        (at(by_address, ca(), right()), "the certificate does not name this host"),
        (at(broker.elsewhere(), ca(), None), "the certificate does not name this host"),
        (at(broker.expired(), ca(), None), "the certificate has expired"),
        (at(users.clone(), ca(), with_password(Mechanism::ScramSha512, "wrong")), "does not accept this user"),
        (at(users.clone(), ca(), with_password(Mechanism::Plain, "wrong")), "does not accept this user"),
        (at(broker.mutual(), ca(), None), "asks for a client certificate"),
        (
            at(broker.mutual(), with(Identity { certificate: certificate.clone(), key: key.clone() }), None),
            "asks for a client certificate",
        ),
        (at(broker.readable(), ca(), right()), "closed the connection"),
        (at(broker.mutual(), with(own.clone()), right()), "asks for no user"),
        (at(users.clone(), ca(), None), "closed the connection"),
        (at(users.clone(), None, right()), "see KAFKA_SECURITY_PROTOCOL"),
        (at(users.clone(), tls(&missing()), right()), "cannot read certificates (PEM) from missing.pem"),
        (at(broker.mutual(), with(Identity { certificate, key: own.key }), None), "does not fit"),
    ] {
        let said = format!("{:#}", reach(&cluster, "record").await.unwrap_err());
        assert!(said.contains(named), "{said} does not say: {named}");
    }
}
