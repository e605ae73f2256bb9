//! A store that asks for a user and a password, over TLS: what is wrong is named, and the consumer continues once
//! it is put right, without a restart.

use stack::certificates::Authority;
use stack::store::secure::SecureStore;

use crate::running::Running;
use crate::support::{World, ids};

const USER: &str = "consumer";
const PASSWORD: &str = "store-password";

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_store_is_named_and_passes() {
    let world = World::new(1).await;
    let store = SecureStore::start("secured", USER, PASSWORD).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let unknown = Authority::new("Another authority").unwrap().write(directory.path(), "unknown.pem").unwrap();
    let user = |password: &str| format!("{USER}:{password}@");
    let right = store.uri(USER, PASSWORD);
    let file = directory.path().join("mongo-uri");
    std::fs::write(&file, store.uri_of("localhost", &user(PASSWORD), &unknown)).unwrap();
    let path = file.to_str().unwrap();
    let running = Running::start(world.config(&[
        ("MONGO_URI", ""),
        ("MONGO_URI_FILE", path),
        ("CONSUMER_BATCH_INTERVAL", "100ms"),
    ]))
    .await;
    running.wait_for_readyz("UnknownIssuer").await;
    for (uri, named) in [
        (store.uri_of("127.0.0.1", &user(PASSWORD), &store.ca), "not valid for name"),
        (store.uri(USER, "wrong"), "uthentication failed"),
        (store.uri_of("localhost", "", &store.ca), "requires authentication"),
    ] {
        std::fs::write(&file, uri).unwrap();
        running.wait_for_readyz(named).await;
    }
    std::fs::write(&file, right).unwrap();
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_old_store_did_not_take_goes_to_the_new_one() {
    let world = World::new(1).await;
    let database = world.mongo_uri.rsplit('/').next().unwrap();
    let old = SecureStore::start(database, USER, PASSWORD).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mongo-uri");
    std::fs::write(&file, old.uri(USER, PASSWORD)).unwrap();
    let running = Running::start(world.config(&[
        ("MONGO_URI", ""),
        ("MONGO_URI_FILE", file.to_str().unwrap()),
        ("CONSUMER_BATCH_INTERVAL", "100ms"),
    ]))
    .await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    drop(old);
    let mut sent = world.send_posts(20).await;
    running.wait_for_readyz("flush: MongoDB does not take documents").await;

    std::fs::write(&file, &world.mongo_uri).unwrap();
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(20).await), sent);
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.wait_for_metric(&world.lag(0), 0.0).await;
    running.stop().await;
}
