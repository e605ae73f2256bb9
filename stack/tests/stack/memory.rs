//! The store in memory: what the consumer and the lab need of it works as in MongoDB, and nothing survives its end.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, doc};
use mongodb::error::{Error, ErrorKind, InsertManyError};
use mongodb::options::{Acknowledgment, CollectionOptions, IndexOptions, WriteConcern};
use mongodb::{Client, Collection, IndexModel};
use stack::store::{self, StoreOptions};
use stack::{Server, StoreKind, environment};

const DUPLICATE_KEY: i32 = 11_000;

async fn start() -> Server {
    let options = StoreOptions { kind: StoreKind::Memory, ..StoreOptions::default() };
    store::start(&options, environment).await.unwrap()
}

/// With the consumer's write concern.
async fn posts(server: &Server) -> Collection<Document> {
    let client = Client::with_uri_str(store::uri(server.port())).await.unwrap();
    let write_concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let options = CollectionOptions::builder().write_concern(write_concern).build();
    client.default_database().unwrap().collection_with_options("posts", options)
}

fn id(n: u8) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: vec![n; 16] })
}

fn post(n: u8) -> Document {
    doc! { "_id": id(n), "title": format!("load 00ab12cd {n}"), "content": "long enough" }
}

/// Index and code of each document that was not inserted.
fn not_inserted(error: Error) -> Vec<(usize, i32)> {
    let ErrorKind::InsertMany(InsertManyError { write_errors, .. }) = *error.kind else { panic!("{error}") };
    write_errors.unwrap().iter().map(|error| (error.index, error.code)).collect()
}

#[tokio::test]
async fn duplicates_are_refused_one_by_one_and_the_others_are_stored() {
    let server = start().await;
    let posts = posts(&server).await;
    posts.insert_many([post(1), post(2)]).ordered(false).await.unwrap();
    let again = posts.insert_many([post(2), post(3), post(1), post(4)]).ordered(false).await;
    assert_eq!(not_inserted(again.unwrap_err()), [(0, DUPLICATE_KEY), (2, DUPLICATE_KEY)]);
    assert_eq!(posts.count_documents(doc! {}).await.unwrap(), 4);

    let unique = IndexOptions::builder().unique(true).name("titles".to_owned()).build();
    posts.create_index(IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build()).await.unwrap();
    let indexes = posts.list_index_names().await.unwrap();
    assert!(indexes.iter().any(|name| name == "titles"), "{indexes:?}");
    let other_id = doc! { "_id": id(5), "title": "load 00ab12cd 1", "content": "long enough" };
    let refused = posts.insert_many([other_id, post(6)]).ordered(false).await;
    assert_eq!(not_inserted(refused.unwrap_err()), [(0, DUPLICATE_KEY)]);
    assert_eq!(posts.find_one(doc! { "_id": id(6) }).await.unwrap(), Some(post(6)));
    assert_eq!(posts.find_one(doc! { "_id": id(5) }).await.unwrap(), None);
}

#[tokio::test]
async fn documents_are_found_by_the_start_of_their_titles_and_by_many_ids() {
    let server = start().await;
    let posts = posts(&server).await;
    posts.insert_many((0..200).map(post)).await.unwrap();
    posts.insert_one(doc! { "_id": 7, "title": "load 99999999 1" }).await.unwrap();

    let of_run = doc! { "title": { "$regex": "^load 00ab12cd " } };
    assert_eq!(posts.count_documents(of_run.clone()).await.unwrap(), 200);
    // More than fits one answer.
    let mut found = posts.find(of_run).projection(doc! { "_id": 1, "title": 1 }).batch_size(30).await.unwrap();
    let mut count = 0;
    while found.advance().await.unwrap() {
        let document = found.deserialize_current().unwrap();
        assert_eq!(document.keys().collect::<Vec<_>>(), ["_id", "title"]);
        count += 1;
    }
    assert_eq!(count, 200);

    let asked: Vec<Bson> = [3, 150, 250].map(id).to_vec();
    let mut found = posts.find(doc! { "_id": { "$in": asked } }).projection(doc! { "_id": 1 }).await.unwrap();
    let mut ids = Vec::new();
    while found.advance().await.unwrap() {
        ids.push(found.deserialize_current().unwrap().get("_id").unwrap().clone());
    }
    assert_eq!(ids, [id(3), id(150)]);
}

#[tokio::test]
async fn nothing_survives_its_end() {
    let mut server = start().await;
    posts(&server).await.insert_one(post(1)).await.unwrap();
    let (pid, port) = (server.pid(), server.port());
    assert!(server.name().contains("nothing is kept"), "{}", server.name());

    server.pause().unwrap();
    server.resume().unwrap();
    assert_eq!(posts(&server).await.count_documents(doc! {}).await.unwrap(), 1);
    server.stop().await.unwrap();
    server.restart().await.unwrap();
    assert_ne!(server.pid(), pid);
    assert_eq!(server.port(), port);
    assert_eq!(posts(&server).await.count_documents(doc! {}).await.unwrap(), 0);
}
