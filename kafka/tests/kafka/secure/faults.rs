//! What is said where there is no way in.

use std::time::Duration;

use kafka::cluster::{Identity, Mechanism, Sasl, Tls};
use kafka::topics::{Reader, ReaderConfig};
use kafka::{Answer, Cluster, ConsumerRecord, Group, GroupOptions, Publisher, PublisherOptions, each, reach};
use service::secrets::Secret;
use stack::kafka::secure::password;

use super::{Place, USER, at, broker, identity, missing, tls, with_password};
use crate::world::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_connection_is_named() {
    let broker = broker().await;
    let right = || with_password(Mechanism::ScramSha512, &password(USER));
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

#[tokio::test(flavor = "multi_thread")]
async fn librdkafka_refuses_the_same_brokers() {
    let broker = broker().await;
    let ca = || tls(&broker.ca);
    let by_address = broker.elsewhere().replace("localhost", "127.0.0.1");
    let refused = [
        at(broker.elsewhere(), ca(), None),
        at(by_address, ca(), None),
        at(broker.expired(), ca(), None),
        at(broker.expired(), tls(&broker.unknown_ca), None),
    ];
    for cluster in refused {
        let config = ReaderConfig {
            cluster,
            client_id: "test",
            group: USER.to_owned(),
            patience: Duration::from_secs(2),
            picks_records: false,
        };
        tokio::task::spawn_blocking(|| Reader::new(config).unwrap().partitions("record").unwrap_err()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_right_in_a_file_needs_no_restart() {
    let (broker, place) = (broker().await, Place::new());
    place.open(broker).await;
    let topic = place.topic.as_str();
    let secret = broker.file("put-right-password", "wrong").unwrap();
    let ca = broker.file("put-right-ca", &std::fs::read_to_string(&broker.unknown_ca).unwrap()).unwrap();
    let sasl = Sasl::Password {
        mechanism: Mechanism::ScramSha512,
        username: USER.to_owned(),
        password: Secret::file(&secret),
    };
    let cluster = at(broker.users(), tls(&ca), Some(sasl));
    // The topic is there, by another way.
    let plain = Cluster::plaintext(&broker.server.address());
    let publisher = Publisher::connect(PublisherOptions { cluster: plain, ..PublisherOptions::batched("") });
    publisher.await.unwrap().open(topic).await.unwrap();
    let handler = each(|_: ConsumerRecord| async { Answer::Stored });
    let options = GroupOptions { cluster: cluster.clone(), ..GroupOptions::new("", topic) };
    let group = Group::start(options, &[topic], handler).unwrap();
    let connect = async |options| Publisher::connect(PublisherOptions { cluster: cluster.clone(), ..options }).await;
    for (named, file, right) in [
        ("unknown authority", &ca, std::fs::read_to_string(&broker.ca).unwrap()),
        ("does not accept this user", &secret, password(USER)),
    ] {
        wait_until(named, async || group.check().is_err_and(|said| said.contains(named))).await;
        for options in [PublisherOptions::batched(""), PublisherOptions::ordered("")] {
            let said = format!("{:#}", connect(options).await.err().unwrap());
            assert!(said.contains(named), "{said}");
        }
        std::fs::write(file, right).unwrap();
    }
    wait_until("the group is ready", async || group.check().is_ok()).await;
    connect(PublisherOptions::ordered("")).await.unwrap().send(topic, "key", "value").await.unwrap();
    group.stop().await.unwrap();
}
